"""Restores of DocumentDB clusters, with the gaps that AWS's have: moto copies what AWS does not, and checks no time.

A restored cluster has no instances, the VPC's default security group, the default parameter group and no log exports,
tags or deletion protection, unless the call gives them; a restore to a point in time can't give a parameter group.
Follows https://docs.aws.amazon.com/documentdb/latest/developerguide/API_RestoreDBClusterToPointInTime.html and
https://docs.aws.amazon.com/documentdb/latest/developerguide/backup_restore-point_in_time_recovery.html.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from moto.rds import exceptions, models

from prod_infra.local_aws.docdb.cluster import new_cluster
from prod_infra.local_aws.docdb.events import naive
from prod_infra.local_aws.docdb.model import ENGINE, DocDBCluster
from prod_infra.local_aws.docdb.snapshots import require_available
from prod_infra.local_aws.faults import injected_faults
from prod_infra.local_aws.patches import around

RESTORE_SECONDS: Final = 30.0
RESTORE_TYPES: Final = ("full-copy", "copy-on-write")

KEPT = (
    "availability_zones",
    "backup_retention_period",
    "engine",
    "engine_version",
    "master_username",
    "preferred_backup_window",
    "preferred_maintenance_window",
    "storage_encrypted",
)
"""What a restored cluster has of its source."""

GIVEN = (
    "copy_tags_to_snapshot",
    "db_cluster_identifier",
    "db_subnet_group_name",
    "deletion_protection",
    "enable_cloudwatch_logs_exports",
    "storage_type",
    "tags",
    "vpc_security_group_ids",
)
"""What it has only if the call says so."""


def _restored(backend: Any, source: DocDBCluster, moment: datetime, settings: Mapping[str, Any]) -> DocDBCluster:
    """Make a cluster from another's data.

    Args:
        backend: moto's of the region.
        source: the cluster as it is, or as a snapshot remembers it.
        moment: of the data, UTC without saying so.
        settings: the call's, by name in moto's form.
    """
    if settings.get("kms_key_id") and not source.storage_encrypted:
        raise _fault("You can't encrypt a cluster that is restored from one that is not encrypted.")
    cluster = new_cluster(
        backend,
        {
            **{name: getattr(source, name) for name in KEPT},
            **{name: settings.get(name) for name in GIVEN},
            "kms_key_id": settings.get("kms_key_id") or source.kms_key_id,
            # Replaced below: a restore takes no password, and moto makes no cluster without one.
            "master_user_password": secrets.token_hex(16),
            "port": settings.get("port"),
            "db_cluster_parameter_group_name": settings.get("db_cluster_parameter_group_name"),
        },
        seconds=RESTORE_SECONDS,
        held=lambda: bool(injected_faults.active("stuck", what="restore")),
    )
    cluster.source_cluster = source.db_cluster_identifier
    cluster.restored_to = moment.replace(tzinfo=UTC).timestamp()
    # Users come with the data, and so does the password of that time.
    then = [each for each in source.passwords if each.since <= cluster.restored_to]
    cluster.passwords = [(then or source.passwords)[-1 if then else 0]]
    return cluster


def _fault(words: str) -> exceptions.RDSClientError:
    return exceptions.RDSClientError("InvalidRestoreFault", words)


def _moment(source: DocDBCluster, given: Mapping[str, Any]) -> datetime:
    """Return the time that a restore goes back to, or raise what AWS raises."""
    asked, newest = given.get("restore_to_time"), bool(given.get("use_latest_restorable_time"))
    kind = given.get("restore_type") or RESTORE_TYPES[0]
    if kind not in RESTORE_TYPES:
        raise exceptions.InvalidParameterValue(f"Invalid restore type: {kind}. It is one of {', '.join(RESTORE_TYPES)}")
    if asked is not None and newest:
        raise exceptions.InvalidParameterCombination("Cannot specify both RestoreToTime and UseLatestRestorableTime")
    if asked is not None and kind == "copy-on-write":
        raise exceptions.InvalidParameterCombination(
            "RestoreToTime cannot be specified when RestoreType is copy-on-write"
        )
    if asked is None and not newest:
        raise exceptions.InvalidParameterCombination("Specify either RestoreToTime or UseLatestRestorableTime")
    earliest, latest = source.earliest_restorable_time, source.latest_restorable_time
    if earliest is None or latest is None:
        raise exceptions.InvalidDBClusterStateFault(
            f"DbCluster {source.db_cluster_identifier} has no backup yet; it is in {source.status} state."
        )
    if asked is None:
        return latest
    moment = naive(asked)
    if not earliest <= moment <= latest:
        raise _fault(
            f"The specified time {moment.isoformat()}Z is outside of what can be restored of the DB cluster "
            f"{source.db_cluster_identifier}: {earliest.isoformat()}Z to {latest.isoformat()}Z."
        )
    return moment


def _to_point_in_time(restore: Callable[..., Any], backend: Any, **given: Any) -> Any:
    source = backend.describe_db_clusters(given["source_db_cluster_identifier"])[0]
    if source.engine != ENGINE:
        return restore(backend, **given)
    moment = _moment(source, given)
    given.pop("db_cluster_parameter_group_name", None)
    return _restored(backend, source, moment, given)


def _from_snapshot(restore: Callable[..., Any], backend: Any, from_snapshot_id: str, overrides: Any) -> Any:
    snapshot = backend.get_db_cluster_snapshot(from_snapshot_id)
    if snapshot.engine != ENGINE:
        return restore(backend, from_snapshot_id, overrides)
    require_available(snapshot)
    if overrides.get("engine") != ENGINE:
        raise exceptions.InvalidParameterCombination(
            f"The engine {overrides.get('engine')} does not match the snapshot's engine {ENGINE}."
        )
    # The guide: "the same port as the original cluster", unlike a restore to a point in time.
    settings = {**overrides, "port": overrides.get("port") or snapshot.port}
    return _restored(backend, snapshot.cluster, snapshot.created, settings)


def register() -> None:
    """Restore as DocumentDB does."""
    around(models.RDSBackend, "restore_db_cluster_to_point_in_time")(_to_point_in_time)
    around(models.RDSBackend, "restore_db_cluster_from_snapshot")(_from_snapshot)
