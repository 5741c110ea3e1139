"""Which instance of a DocumentDB cluster writes: failovers asked for and not, reboots, stop and start.

moto moves the writer at once, without a word. Follows
https://docs.aws.amazon.com/documentdb/latest/developerguide/failover.html. While a failover runs, no instance is the
writer. AWS does not document what it answers where the target is the writer already; "must be a replica" is said of the
target, so it is refused as an instance in the wrong state.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from moto.core.responses import ActionResult
from moto.rds import exceptions, models, responses

from prod_infra.local_aws.docdb import events as docdb_events
from prod_infra.local_aws.docdb.model import (
    AVAILABLE,
    ENGINE,
    SERVING,
    DocDBCluster,
    DocDBInstance,
    becomes_available,
    change,
    require,
)
from prod_infra.local_aws.faults import injected_faults
from prod_infra.local_aws.patches import around
from prod_infra.local_aws.timeline import TIMELINE

DEFAULT_SECONDS: Final = 3.0
"""Real seconds of a failover unless the fault `failover` says otherwise."""

WATCH_SECONDS: Final = 0.1
"""Real seconds between two looks at whether the writer is still there."""

REBOOT_SECONDS: Final = 20.0
STOP_SECONDS: Final = 10.0

SETTLED = frozenset({AVAILABLE, "modifying", "resetting-master-credentials"})
"""Statuses of a cluster in which AWS replaces a lost writer."""

SIZES: Final = ("medium", "large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge", "24xlarge")


def writer(cluster: DocDBCluster) -> str | None:
    """Return the identifier of the instance that takes writes now, or None while there is none."""
    current = cluster.writer
    serves = current is not None and current.is_reachable and current.status in SERVING
    return str(current.db_instance_identifier) if serves else None


def watch(cluster: DocDBCluster) -> None:
    """Replace a writer that is lost, from now until the cluster is gone."""
    if cluster.backend.clusters.get(cluster.db_cluster_identifier) is cluster:
        settle(cluster)
        TIMELINE.after(WATCH_SECONDS, lambda: watch(cluster), real=True)


def settle(cluster: DocDBCluster) -> None:
    """Let a replica take over if the writer is gone for good, or become the writer if there never was one."""
    if cluster.status not in SETTLED:
        return
    current = cluster.writer
    if current is not None and current.is_reachable:
        return
    heir = _heir(cluster)
    if heir is None:
        return
    if current is None:
        heir.is_cluster_writer = True
    else:
        fail_over(cluster, heir, "RDS")


def _size(instance: DocDBInstance) -> int:
    size = instance.db_instance_class.rpartition(".")[2]
    return SIZES.index(size) if size in SIZES else 0


def _heir(cluster: DocDBCluster) -> DocDBInstance | None:
    """Return the replica to promote: lowest tier first, then the one closest in size to the writer."""
    current = cluster.writer
    able = [each for each in cluster.members if each.status == AVAILABLE and each is not current]
    return min(
        able,
        key=lambda each: (each.promotion_tier, abs(_size(each) - _size(current)) if current else 0),
        default=None,
    )


def fail_over(cluster: DocDBCluster, heir: DocDBInstance, initiator: str) -> None:
    """Take the writer's role away now, and give it to the heir when the failover's seconds are over.

    Args:
        cluster: with a writer.
        heir: the replica to promote; another takes over if it can't any more by then.
        initiator: in AWS's event, `customer` or `RDS`.
    """
    old = cluster.writer
    old.is_cluster_writer = False
    restart = None
    if not old.is_deleting:
        restart = old.changing = object()
        old.status = "rebooting"
        docdb_events.note(old, "DB instance shutdown")
    where = "same" if old.availability_zone == heir.availability_zone else "cross"
    docdb_events.note(cluster, f"Started {where} AZ failover to DB instance: {heir.db_instance_identifier}", "failover")

    def finish() -> None:
        cluster.status = AVAILABLE
        if restart is not None and old.changing is restart:
            old.changing, old.status = None, AVAILABLE
            _restarted(old)
        promoted = heir if heir.status == AVAILABLE and heir in cluster.members else _heir(cluster)
        if promoted is not None:
            promoted.is_cluster_writer = True
            _restarted(promoted)
            docdb_events.note(
                cluster,
                f"Completed {initiator} initiated failover to DB instance: {promoted.db_instance_identifier}",
                "failover",
            )

    chosen = injected_faults.active("failover")
    change(
        cluster,
        "failing-over",
        float(chosen[-1].members["seconds"]) if chosen else DEFAULT_SECONDS,
        finish,
        real=True,
        held=lambda: bool(injected_faults.active("stuck", what="failover")),
    )


def replace(instance: DocDBInstance) -> None:
    """Take the writer's role from an instance that is about to go, and let a replica take over if there is one."""
    if not instance.is_cluster_writer:
        return
    cluster, heir = instance.cluster, _heir(instance.cluster)
    if heir is not None and cluster.status in SETTLED:
        fail_over(cluster, heir, "RDS")
    else:
        instance.is_cluster_writer = False


def _restarted(instance: DocDBInstance) -> None:
    # A parameter group that was given to the cluster meanwhile counts from here on.
    instance.running_parameter_group = instance.cluster.parameter_group
    docdb_events.note(instance, "DB instance restarted")


def _target(cluster: DocDBCluster, identifier: str | None) -> DocDBInstance:
    """Return the instance that a caller's failover goes to, or raise what AWS raises."""
    name = cluster.db_cluster_identifier
    members = {each.db_instance_identifier: each for each in cluster.members}
    if identifier and identifier.lower() not in members:
        # The operation has no error for an instance that is not there.
        raise _wrong_state(f"Instance {identifier} is no member of the cluster {name}.")
    require(cluster, AVAILABLE)
    if len(members) < 2:  # noqa: PLR2004  a writer and a replica
        raise exceptions.InvalidDBClusterStateFault(
            f"Database cluster:{name} should have at least two database instances for failover"
        )
    if identifier:
        target: DocDBInstance = members[identifier.lower()]
        if target.is_cluster_writer:
            raise _wrong_state(f"Instance {identifier} is already the writer of the cluster {name}.")
        if target.status != AVAILABLE:
            raise _wrong_state(f"Instance {identifier} should be in valid state for failover.")
        return target
    heir = _heir(cluster)
    if heir is None or cluster.writer is None:
        raise exceptions.InvalidDBClusterStateFault(
            f"Database cluster:{name} should have at least two database instances in valid states or a valid target "
            "instance for failover."
        )
    return heir


def _wrong_state(words: str) -> exceptions.RDSClientError:
    # moto's own class has the shape's name for a code, which is another than what AWS sends.
    return exceptions.RDSClientError("InvalidDBInstanceState", words)


def _failover(original: Callable[..., Any], backend: Any, **given: Any) -> Any:
    name, target = given.get("db_cluster_identifier"), given.get("target_db_instance_identifier")
    if not name:
        raise exceptions.InvalidParameterValue(
            "The parameter DBClusterIdentifier must be provided and must not be blank."
        )
    cluster = backend.describe_db_clusters(name)[0]
    if cluster.engine != ENGINE:
        return original(backend, **given)
    fail_over(cluster, _target(cluster, target), "customer")
    return cluster


def _reboot(original: Callable[..., ActionResult], response: Any) -> ActionResult:
    params = response.params
    instance = response.backend.describe_db_instances(params["DBInstanceIdentifier"])[0]
    if instance.engine != ENGINE:
        return original(response)
    cluster = instance.cluster
    require_instance(instance)
    if params.get("ForceFailover"):
        if not cluster.multi_az:
            raise exceptions.InvalidParameterCombination(
                "ForceFailover cannot be specified since the instance is not configured for Multi-AZ."
            )
        if instance.is_cluster_writer:
            fail_over(cluster, _target(cluster, None), "customer")
            return ActionResult({"DBInstance": instance})

    def finish() -> None:
        instance.status = AVAILABLE
        _restarted(instance)

    docdb_events.note(instance, "DB instance shutdown")
    change(instance, "rebooting", REBOOT_SECONDS, finish)
    return ActionResult({"DBInstance": instance})


def require_instance(instance: DocDBInstance) -> None:
    """Raise AWS's InvalidDBInstanceState unless the instance is available."""
    if instance.status != AVAILABLE:
        raise _wrong_state(
            f"Instance {instance.db_instance_identifier} is in {instance.status} state, it must be available."
        )


def _stop(original: Callable[..., Any], backend: Any, cluster_identifier: str) -> Any:
    cluster = backend.describe_db_clusters(cluster_identifier)[0]
    if cluster.engine != ENGINE:
        return original(backend, cluster_identifier)
    require(cluster, AVAILABLE)
    for each in cluster.members:
        require_instance(each)

    def finish() -> None:
        cluster.status = "stopped"
        for each in cluster.members:
            each.status = "stopped"
        docdb_events.note(cluster, "DB cluster stopped")

    for each in cluster.members:
        each.status = "stopping"
    change(cluster, "stopping", STOP_SECONDS, finish)
    return cluster


def _start(original: Callable[..., Any], backend: Any, cluster_identifier: str) -> Any:
    cluster = backend.describe_db_clusters(cluster_identifier)[0]
    if cluster.engine != ENGINE:
        return original(backend, cluster_identifier)
    require(cluster, "stopped")

    def finish() -> None:
        cluster.status = AVAILABLE
        docdb_events.note(cluster, "DB cluster started")

    for each in cluster.members:
        change(each, "starting", STOP_SECONDS, becomes_available(each))
    change(cluster, "starting", STOP_SECONDS, finish)
    return cluster


def register() -> None:
    """Let failovers, reboots, stops and starts take their time."""
    around(models.RDSBackend, "failover_db_cluster")(_failover)
    around(responses.RDSResponse, "reboot_db_instance")(_reboot)
    around(models.RDSBackend, "stop_db_cluster")(_stop)
    around(models.RDSBackend, "start_db_cluster")(_start)
