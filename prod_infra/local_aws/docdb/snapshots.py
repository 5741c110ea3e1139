"""Snapshots of DocumentDB clusters: moto's are there at once, whatever the cluster does, and anyone may delete them.

Follows https://docs.aws.amazon.com/documentdb/latest/developerguide/backup_restore.html.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from moto.rds import exceptions, models

from prod_infra.local_aws.docdb import events as docdb_events
from prod_infra.local_aws.docdb.model import AVAILABLE, ENGINE, change, require
from prod_infra.local_aws.patches import around

SNAPSHOT_SECONDS: Final = 6.0


def _create(
    create: Callable[..., Any],
    backend: Any,
    db_cluster_identifier: str,
    db_cluster_snapshot_identifier: str,
    **given: Any,
) -> Any:
    cluster = backend.describe_db_clusters(db_cluster_identifier)[0]
    name = cluster.db_cluster_identifier
    if cluster.engine == ENGINE and given.get("snapshot_type") != "automated":
        backend.validate_db_snapshot_identifier(db_cluster_snapshot_identifier, "DBClusterSnapshotIdentifier")
        require(cluster, AVAILABLE)
    snapshot = create(backend, name, db_cluster_snapshot_identifier, **given)
    if cluster.engine == ENGINE:
        _take_time(snapshot)
    return snapshot


def _copy(copy: Callable[..., Any], backend: Any, **given: Any) -> Any:
    source = backend.get_db_cluster_snapshot(given["source_db_cluster_snapshot_identifier"])
    if source.engine != ENGINE:
        return copy(backend, **given)
    require_available(source)
    snapshot = copy(backend, **given)
    snapshot.source_db_cluster_snapshot_arn = source.arn
    _take_time(snapshot)
    return snapshot


def _take_time(snapshot: Any) -> None:
    """Let a new snapshot be `creating` for a while; fill in what moto leaves out."""
    cluster = snapshot.cluster
    groups = snapshot.backend.subnet_groups.get(cluster.db_subnet_group_name)
    snapshot.availability_zones = cluster.availability_zones
    snapshot.storage_type = cluster.storage_type or "standard"
    snapshot.vpc_id = groups.vpc_id if groups else None
    snapshot.event_source_type = "db-cluster-snapshot"
    snapshot.percent_progress = 0
    docdb_events.note(snapshot, f"Creating {snapshot.snapshot_type} cluster snapshot", "backup")

    def finish() -> None:
        snapshot.status, snapshot.percent_progress = AVAILABLE, 100
        docdb_events.note(snapshot, f"{snapshot.snapshot_type.capitalize()} cluster snapshot created", "backup")

    change(snapshot, "creating", SNAPSHOT_SECONDS, finish)


def require_available(snapshot: Any) -> None:
    """Raise AWS's InvalidDBClusterSnapshotStateFault unless the snapshot is finished."""
    if snapshot.status != AVAILABLE:
        raise exceptions.InvalidDBClusterSnapshotStateFault(
            f"The snapshot {snapshot.db_cluster_snapshot_identifier} is in {snapshot.status} state, "
            "it must be available."
        )


def _delete(delete: Callable[..., Any], backend: Any, db_snapshot_identifier: str) -> Any:
    snapshot = backend.cluster_snapshots.get(db_snapshot_identifier)
    if snapshot is not None and snapshot.engine == ENGINE:
        if snapshot.snapshot_type == "automated":
            raise exceptions.InvalidDBClusterSnapshotStateFault("Only manual snapshots may be deleted.")
        require_available(snapshot)
    return delete(backend, db_snapshot_identifier)


def register() -> None:
    """Let snapshots take their time, and refuse those that can't be."""
    around(models.RDSBackend, "create_db_cluster_snapshot")(_create)
    around(models.RDSBackend, "copy_db_cluster_snapshot")(_copy)
    around(models.RDSBackend, "delete_db_cluster_snapshot")(_delete)
