"""A DocumentDB cluster and its instances as moto's RDS backend holds them, and how their status changes in time."""

from __future__ import annotations

import secrets
import string
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any, Final

from moto.core.utils import utcnow
from moto.rds import exceptions, models

from prod_infra.local_aws.docdb import password as docdb_password
from prod_infra.local_aws.faults import injected_faults
from prod_infra.local_aws.timeline import TIMELINE

ENGINE = "docdb"
DEFAULT_VERSION = "5.0.0"
DEFAULT_PORT = 27017
AVAILABLE = "available"

# AWS takes minutes to make an instance; these keep the order of things, at a length that nobody minds to wait for.
CREATE_SECONDS: Final = 12.0
MODIFY_SECONDS: Final = 4.0
DELETE_SECONDS: Final = 6.0
HELD_SECONDS: Final = 0.1
"""Real seconds after which work that is held up asks again."""

RESTORABLE_LAG_SECONDS: Final = 300.0
"""How far LatestRestorableTime is behind, of AWS's time (developer guide, "Restoring to a point in time")."""

SERVING = frozenset({AVAILABLE, "modifying", "backing-up"})
"""Statuses of an instance that answers."""


def _resource_id(prefix: str) -> str:
    return prefix + "".join(secrets.choice(string.ascii_uppercase + string.digits) for _ in range(26))


def family(engine_version: str) -> str:
    """Return the parameter group family of an engine version: `docdb5.0` of `5.0.0`."""
    return ENGINE + ".".join(engine_version.split(".")[:2])


def milliseconds(moment: datetime) -> datetime:
    """Return a time as exact as AWS gives it, so that a time that was read can be asked for."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def change(
    resource: Any,
    status: str,
    seconds: float,
    finish: Callable[[], None],
    *,
    real: bool = False,
    held: Callable[[], bool] = lambda: False,
) -> None:
    """Give a cluster or an instance a status now and finish the change later, unless another change comes first.

    Args:
        resource: the cluster or the instance.
        status: such as `creating`.
        seconds: of AWS's time, or of the clock on the wall if `real`.
        finish: sets the status that follows.
        real: see `seconds`.
        held: whether the change can't finish now, asked when it is due and then every HELD_SECONDS.
    """
    resource.status = status
    token = resource.changing = object()

    def end() -> None:
        if resource.changing is not token:
            return
        if held():
            TIMELINE.after(HELD_SECONDS, end, real=True)
            return
        resource.changing = None
        finish()

    TIMELINE.after(seconds, end, real=real)


def becomes_available(resource: Any) -> Callable[[], None]:
    """Return a `finish` of `change` that does no more than that."""

    def finish() -> None:
        resource.status = AVAILABLE

    return finish


def default_security_group(backend: Any, vpc: str | None) -> list[str]:
    """Return the ID of a VPC's default security group, or of the default VPC's, in a list."""
    ec2 = models.ec2_backends[backend.account_id][backend.region_name]
    vpc = vpc or (ec2.default_vpc.id if ec2.default_vpc else None)
    group = ec2.get_default_security_group(vpc) if vpc else None
    return [group.id] if group else []


class DocDBCluster(models.DBCluster):  # type: ignore[misc]  # moto has no type information
    """A DocumentDB cluster, with DocumentDB's defaults instead of Aurora's.

    Attributes:
        changing: identity of the change that its status is in, or None.
        passwords: of the master user, oldest first; the last one counts.
        pending_password: waits for the maintenance window, or for a change with ApplyImmediately.
        source_cluster: identifier of the cluster that it was restored from, or None.
        restored_to: epoch seconds of the data that it was restored to, or None.
    """

    event_source_type = "db-cluster"
    passwords: list[docdb_password.Password]

    def __init__(self, backend: Any, **given: Any) -> None:
        version = given.get("engine_version") or DEFAULT_VERSION
        key = given.get("kms_key_id") or ("alias/aws/rds" if given.get("storage_encrypted") else None)
        groups = backend.subnet_groups.get(given.get("db_subnet_group_name") or "default")
        settings = {
            **given,
            "engine_version": version,
            "allocated_storage": 1,
            "copy_tags_to_snapshot": bool(given.get("copy_tags_to_snapshot")),
            "deletion_protection": bool(given.get("deletion_protection")),
            "port": given.get("port") or DEFAULT_PORT,
            "db_cluster_parameter_group_name": given.get("db_cluster_parameter_group_name")
            or f"default.{family(version)}",
            "preferred_backup_window": given.get("preferred_backup_window") or "00:00-00:30",
            "preferred_maintenance_window": (
                given.get("preferred_maintenance_window") or "sun:05:00-sun:05:30"
            ).lower(),
            "vpc_security_group_ids": given.get("vpc_security_group_ids")
            or default_security_group(backend, groups.vpc_id if groups else None),
        }
        super().__init__(backend, **settings)
        # After moto's own default, which is another engine's.
        self.storage_type = given.get("storage_type") or "standard"
        self.kms_key_id = backend._validate_kms_key(key) if key else None
        self.db_cluster_resource_id = _resource_id("cluster-")
        self.earliest_restorable_time: datetime | None = None
        self.changing: object | None = None
        self.pending_password: docdb_password.Password | None = None
        self.source_cluster: str | None = None
        self.restored_to: float | None = None

    @property
    def status(self) -> str:
        """Such as `available`; moto's own changes when it is read."""
        return str(self._status)

    @status.setter
    def status(self, value: str) -> None:
        self._status = value

    @property
    def master_user_password(self) -> str:
        """Write-only: what is kept of it tells no more than whether another is the same."""
        raise NotImplementedError("a password is never read")

    @master_user_password.setter
    def master_user_password(self, value: str) -> None:
        docdb_password.check(value)
        self.passwords = [docdb_password.Password.of(value)]

    @property
    def storage_type(self) -> str | None:
        """`iopt1`, or None for the standard type, which DocumentDB never returns."""
        return self._storage_type if self._storage_type != "standard" else None

    @storage_type.setter
    def storage_type(self, value: str) -> None:
        self._storage_type = value

    @property
    def endpoint(self) -> str:
        """DNS name of the writer."""
        return f"{self.db_cluster_identifier}.cluster-{self.url_identifier}.{self.region}.docdb.amazonaws.com"

    @property
    def reader_endpoint(self) -> str:
        """DNS name that spreads over the replicas."""
        return f"{self.db_cluster_identifier}.cluster-ro-{self.url_identifier}.{self.region}.docdb.amazonaws.com"

    @property
    def members(self) -> list[Any]:
        """The instances; moto's own chooses a writer whenever it is read."""
        return list(self._members)

    @property
    def db_cluster_members(self) -> list[dict[str, Any]]:
        """The instances as describe returns them: one that runs with another parameter group waits for its reboot."""
        return [
            {
                "DBInstanceIdentifier": each.db_instance_identifier,
                "IsClusterWriter": each.is_cluster_writer,
                "DBClusterParameterGroupStatus": (
                    "in-sync" if each.running_parameter_group == self.parameter_group else "pending-reboot"
                ),
                "PromotionTier": each.promotion_tier,
            }
            for each in self._members
        ]

    @property
    def latest_restorable_time(self) -> datetime | None:
        """It moves on with the time, some minutes of AWS's behind."""
        if self.earliest_restorable_time is None:
            return None
        lag = timedelta(seconds=RESTORABLE_LAG_SECONDS / TIMELINE.factor)
        return max(self.earliest_restorable_time, milliseconds(utcnow() - lag))


class DocDBInstance(models.DBInstanceClustered):  # type: ignore[misc]  # moto has no type information
    """An instance of a DocumentDB cluster; its subnet group and port are the cluster's.

    Attributes:
        changing: identity of the change that its status is in, or None.
        running_parameter_group: the cluster's when the instance last started.
        pending_modified_values: changes that wait for the maintenance window.
    """

    def __init__(self, backend: Any, cluster: DocDBCluster, **given: Any) -> None:
        subnets = backend.describe_db_subnet_groups(cluster.db_subnet_group_name)[0].subnets
        zones = [subnet["SubnetAvailabilityZone"]["Name"] for subnet in subnets]
        taken = [member.availability_zone for member in cluster.members]
        settings = {
            **given,
            "port": cluster.port,
            "db_subnet_group_name": cluster.db_subnet_group_name,
            "publicly_accessible": False,
            "ca_certificate_identifier": given.get("ca_certificate_identifier") or "rds-ca-rsa2048-g1",
            "availability_zone": given.get("availability_zone") or min(zones, key=taken.count),
            "preferred_maintenance_window": given.get("preferred_maintenance_window") or "sun:05:00-sun:05:30",
        }
        if settings["availability_zone"] not in zones:
            raise exceptions.InvalidParameterValue(
                f"DB Subnet Group {cluster.db_subnet_group_name} does not cover {settings['availability_zone']}"
            )
        super().__init__(backend=backend, **settings)
        self.is_cluster_writer = False
        self.changing: object | None = None
        self.running_parameter_group = cluster.parameter_group
        self.pending_modified_values: dict[str, str] = {}
        self.dbi_resource_id = _resource_id("db-")
        self.performance_insights_enabled = bool(given.get("enable_performance_insights"))
        self.performance_insights_kms_key_id = given.get("performance_insights_kms_key_id")

    @property
    def is_reachable(self) -> bool:
        """Whether its zone is there and, if it is a replica, it is not made unhealthy."""
        if injected_faults.is_lost(self.availability_zone):
            return False
        made_unhealthy = injected_faults.active("unhealthy-replica", instance=self.db_instance_identifier)
        return self.is_cluster_writer or not made_unhealthy

    @property
    def status(self) -> str:
        """Such as `available`, or `failed` for one that would be if it could be reached."""
        return "failed" if self._status == AVAILABLE and not self.is_reachable else self._status

    @status.setter
    def status(self, value: str) -> None:
        self._status = value

    @property
    def is_deleting(self) -> bool:
        """Whether it will be gone soon."""
        return self._status == "deleting"

    @property
    def latest_restorable_time(self) -> datetime | None:
        """The cluster's."""
        restorable: datetime | None = self.cluster.latest_restorable_time
        return restorable

    @property
    def address(self) -> str:
        """DNS name of this instance alone."""
        return f"{self.db_instance_identifier}.{self.cluster.url_identifier}.{self.region}.docdb.amazonaws.com"


def clusters() -> Iterator[DocDBCluster]:
    """Yield every DocumentDB cluster, of all regions."""
    for account in list(models.rds_backends.values()):
        for backend in list(account.values()):
            yield from (each for each in list(backend.clusters.values()) if each.engine == ENGINE)


def require(cluster: DocDBCluster, *statuses: str) -> None:
    """Raise AWS's InvalidDBClusterStateFault unless the cluster's status is one of these."""
    if cluster.status not in statuses:
        raise exceptions.InvalidDBClusterStateFault(
            f"DbCluster {cluster.db_cluster_identifier} is in {cluster.status} state but expected it to be one of "
            f"{','.join(statuses)}."
        )
