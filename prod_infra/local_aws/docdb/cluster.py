"""DocumentDB clusters: how they are made, changed and deleted, which takes AWS a while."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.rds import exceptions, models, responses

from prod_infra.local_aws.docdb import events as docdb_events
from prod_infra.local_aws.docdb import failover as docdb_failover
from prod_infra.local_aws.docdb import password as docdb_password
from prod_infra.local_aws.docdb import windows
from prod_infra.local_aws.docdb.model import (
    AVAILABLE,
    CREATE_SECONDS,
    DELETE_SECONDS,
    ENGINE,
    MODIFY_SECONDS,
    DocDBCluster,
    becomes_available,
    change,
    milliseconds,
    require,
)
from prod_infra.local_aws.patches import around
from prod_infra.local_aws.timeline import TIMELINE

LOG_TYPES = frozenset({"audit", "profiler"})
RETENTION_DAYS = range(1, 36)

SLOW_SETTINGS = frozenset(
    {"db_cluster_parameter_group_name", "engine_version", "port", "storage_type", "vpc_security_group_ids"}
)
"""Changes of these show as `modifying` for a while."""


def _check_cluster(backend: Any, settings: Any) -> None:
    """Raise what AWS would raise for settings of a create, restore or modify that can't be."""
    if (days := settings.get("backup_retention_period")) is not None and days not in RETENTION_DAYS:
        raise exceptions.InvalidParameterValue(f"Invalid backup retention period: {days}. It must be between 1 and 35.")
    group = settings.get("db_cluster_parameter_group_name")
    if group and not group.startswith("default.") and group not in backend.db_cluster_parameter_groups:
        raise exceptions.RDSClientError(
            "DBClusterParameterGroupNotFound", f"DBClusterParameterGroup not found: {group}"
        )
    if unknown := set(settings.get("enable_cloudwatch_logs_exports") or []) - LOG_TYPES:
        raise exceptions.InvalidParameterCombination(
            f"You cannot use the log types '{', '.join(sorted(unknown))}' with engine version docdb."
        )


def new_cluster(
    backend: Any, settings: Any, seconds: float = CREATE_SECONDS, held: Callable[[], bool] = lambda: False
) -> DocDBCluster:
    """Make a cluster that becomes available by and by, or raise what AWS would raise.

    Args:
        backend: moto's of the region.
        settings: of the create, by name in moto's form.
        seconds: of AWS's time until it is available.
        held: whether it can't be available yet.
    """
    identifier = settings["db_cluster_identifier"].lower()
    backend._validate_db_identifier(identifier)
    if identifier in backend.clusters:
        raise exceptions.RDSClientError("DBClusterAlreadyExistsFault", "DB Cluster already exists")
    _check_cluster(backend, settings)
    if subnet_group := settings.get("db_subnet_group_name"):
        backend.describe_db_subnet_groups(subnet_group)
    cluster = DocDBCluster(backend, **settings)
    if problem := windows.problem(cluster.preferred_maintenance_window, cluster.preferred_backup_window):
        raise exceptions.InvalidParameterValue(problem)
    backend.clusters[identifier] = cluster

    def finish() -> None:
        cluster.status = AVAILABLE
        cluster.earliest_restorable_time = milliseconds(utcnow())
        cluster.save_automated_backup()
        docdb_events.note(cluster, "Cluster created")

    change(cluster, "creating", seconds, finish, held=held)
    docdb_failover.watch(cluster)
    return cluster


def _create_cluster(create: Callable[..., Any], backend: Any, kwargs: Any) -> Any:
    return new_cluster(backend, kwargs) if kwargs.get("engine") == ENGINE else create(backend, kwargs)


def _modify_cluster(modify: Callable[..., Any], backend: Any, kwargs: Any) -> Any:
    cluster = backend.describe_db_clusters(kwargs["db_cluster_identifier"])[0]
    if cluster.engine != ENGINE:
        return modify(backend, kwargs)
    require(cluster, AVAILABLE)
    _check_cluster(backend, kwargs)
    kwargs["db_cluster_identifier"] = cluster.db_cluster_identifier
    maintenance = (kwargs.get("preferred_maintenance_window") or cluster.preferred_maintenance_window).lower()
    backup = kwargs.get("preferred_backup_window") or cluster.preferred_backup_window
    if problem := windows.problem(maintenance, backup):
        raise exceptions.InvalidParameterValue(problem)
    kwargs["preferred_maintenance_window"] = maintenance
    at_once = bool(kwargs.get("apply_immediately"))
    if (password := kwargs.pop("master_user_password", None)) is not None:
        docdb_password.check(password)
        cluster.pending_password = docdb_password.Password.of(password)
    if name := kwargs.pop("new_db_cluster_identifier", None):
        backend._validate_db_identifier(name)
        if name in backend.clusters:
            raise exceptions.RDSClientError("DBClusterAlreadyExistsFault", "DB Cluster already exists")
        if at_once:
            kwargs["new_db_cluster_identifier"] = name.lower()
        # Else it waits for the maintenance window, which no local run lives to see.
    # moto looks for these changes under the name that only a create has.
    logs = kwargs.pop("cloudwatch_logs_export_configuration", None) or {}
    exported = set(cluster.enabled_cloudwatch_logs_exports) - set(logs.get("DisableLogTypes") or [])
    cluster.enabled_cloudwatch_logs_exports = sorted(exported | set(logs.get("EnableLogTypes") or []))
    slow = any(kwargs.get(name) is not None for name in SLOW_SETTINGS)
    members = cluster.members
    modify(backend, kwargs)
    for each in members:
        # moto knows an instance's cluster by its name, which may have changed.
        each.db_cluster_identifier = cluster.db_cluster_identifier
    if at_once and cluster.pending_password:
        _reset_password(cluster)
    elif slow:
        change(cluster, "modifying", MODIFY_SECONDS, becomes_available(cluster))
    return cluster


def _reset_password(cluster: DocDBCluster) -> None:
    """Let the pending password count soon; until then the old one does."""
    pending, cluster.pending_password = cluster.pending_password, None

    def apply() -> None:
        if pending is not None:
            cluster.passwords.append(pending)
            for each in cluster.members:
                docdb_events.note(each, "Reset master credentials")

    change(cluster, "resetting-master-credentials", MODIFY_SECONDS, becomes_available(cluster))
    # Apart from the status, which a failover may take over meanwhile.
    TIMELINE.after(MODIFY_SECONDS, apply)


def _delete_cluster(original: Callable[..., Any], backend: Any, cluster_identifier: str, snapshot_name: Any) -> Any:
    cluster = backend.describe_db_clusters(cluster_identifier)[0]
    if cluster.engine != ENGINE:
        return original(backend, cluster_identifier, snapshot_name)
    if cluster.status == "deleting":
        raise exceptions.InvalidDBClusterStateFault(f"Cluster {cluster_identifier} is already being deleted.")
    if cluster.deletion_protection:
        raise exceptions.InvalidParameterCombination(
            "Cannot delete protected Cluster, please disable deletion protection and try again."
        )
    if not all(each.is_deleting for each in cluster.members):
        raise exceptions.DBClusterToBeDeletedHasActiveMembers
    if snapshot_name:
        backend.create_db_cluster_snapshot(cluster.db_cluster_identifier, snapshot_name)

    def finish() -> None:
        backend.clusters.pop(cluster.db_cluster_identifier)
        # Automated snapshots go with their cluster, others stay.
        for name, each in list(backend.cluster_snapshots.items()):
            if each.snapshot_type == "automated" and each.cluster.db_cluster_arn == cluster.db_cluster_arn:
                backend.cluster_snapshots.pop(name)
        docdb_events.note(cluster, "DB cluster deleted")

    change(cluster, "deleting", DELETE_SECONDS, finish, held=lambda: bool(cluster.members))
    return cluster


def _delete_cluster_call(original: Callable[..., ActionResult], response: Any) -> ActionResult:
    params = response.params
    snapshot, skip = params.get("FinalDBSnapshotIdentifier"), bool(params.get("SkipFinalSnapshot"))
    if bool(snapshot) == skip:
        raise exceptions.InvalidParameterCombination(
            "FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified, and not allowed with it."
        )
    return original(response)


def register() -> None:
    """Let moto's RDS backend have DocumentDB clusters."""
    models.valid_preferred_maintenance_window = windows.problem
    around(models.RDSBackend, "create_db_cluster")(_create_cluster)
    around(models.RDSBackend, "modify_db_cluster")(_modify_cluster)
    around(models.RDSBackend, "delete_db_cluster")(_delete_cluster)
    around(responses.RDSResponse, "delete_db_cluster")(_delete_cluster_call)
