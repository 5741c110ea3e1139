"""Amazon DocumentDB: moto refuses `Engine="docdb"`, so its RDS backend gets the engine here.

Follows the DocumentDB API reference, https://docs.aws.amazon.com/documentdb/latest/developerguide/api-reference.html,
and its developer guide for defaults. DocumentDB signs as `rds` and speaks the same query protocol, so moto's RDS
responses parse and answer the calls.
"""

from __future__ import annotations

import secrets
import string
from collections.abc import Callable
from typing import Any

from moto.core.responses import ActionResult
from moto.rds import exceptions, models, responses, utils

from prod_infra.local_aws import windows
from prod_infra.local_aws.patches import around

ENGINE = "docdb"
DEFAULT_VERSION = "5.0.0"
DEFAULT_PORT = 27017
LOG_TYPES = frozenset({"audit", "profiler"})
RETENTION_DAYS = range(1, 36)


def _resource_id(prefix: str) -> str:
    return prefix + "".join(secrets.choice(string.ascii_uppercase + string.digits) for _ in range(26))


def family(engine_version: str) -> str:
    """Return the parameter group family of an engine version: `docdb5.0` of `5.0.0`."""
    return ENGINE + ".".join(engine_version.split(".")[:2])


class DocDBCluster(models.DBCluster):  # type: ignore[misc]  # moto has no type information
    """A DocumentDB cluster, with DocumentDB's defaults instead of Aurora's."""

    def __init__(self, backend: Any, **given: Any) -> None:
        version = given.get("engine_version") or DEFAULT_VERSION
        key = given.get("kms_key_id") or ("alias/aws/rds" if given.get("storage_encrypted") else None)
        settings = {
            **given,
            "engine_version": version,
            "allocated_storage": 1,
            "port": given.get("port") or DEFAULT_PORT,
            "db_cluster_parameter_group_name": given.get("db_cluster_parameter_group_name")
            or f"default.{family(version)}",
            "preferred_backup_window": given.get("preferred_backup_window") or "00:00-00:30",
            "preferred_maintenance_window": (
                given.get("preferred_maintenance_window") or "sun:05:00-sun:05:30"
            ).lower(),
        }
        super().__init__(backend, **settings)
        # After moto's own default, which is another engine's.
        self.storage_type = given.get("storage_type") or "standard"
        self.kms_key_id = backend._validate_kms_key(key) if key else None
        self.db_cluster_resource_id = _resource_id("cluster-")

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


class DocDBInstance(models.DBInstanceClustered):  # type: ignore[misc]  # moto has no type information
    """An instance of a DocumentDB cluster; its subnet group and port are the cluster's."""

    def __init__(self, backend: Any, cluster: DocDBCluster, **given: Any) -> None:
        zones = [subnet["SubnetAvailabilityZone"]["Name"] for subnet in _subnet_group(backend, cluster).subnets]
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
        self.dbi_resource_id = _resource_id("db-")
        self.performance_insights_enabled = bool(given.get("enable_performance_insights"))
        self.performance_insights_kms_key_id = given.get("performance_insights_kms_key_id")

    @property
    def address(self) -> str:
        """DNS name of this instance alone."""
        return f"{self.db_instance_identifier}.{self.cluster.url_identifier}.{self.region}.docdb.amazonaws.com"


def _subnet_group(backend: Any, cluster: DocDBCluster) -> Any:
    return backend.describe_db_subnet_groups(cluster.db_subnet_group_name)[0]


def _check_cluster(backend: Any, settings: Any) -> None:
    """Raise what AWS would raise for settings of a create or modify that can't be."""
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


def _create_cluster(create: Callable[..., Any], backend: Any, kwargs: Any) -> Any:
    if kwargs.get("engine") != ENGINE:
        return create(backend, kwargs)
    identifier = kwargs["db_cluster_identifier"].lower()
    if identifier in backend.clusters:
        raise exceptions.RDSClientError("DBClusterAlreadyExistsFault", "DB Cluster already exists")
    _check_cluster(backend, kwargs)
    if subnet_group := kwargs.get("db_subnet_group_name"):
        backend.describe_db_subnet_groups(subnet_group)
    cluster = DocDBCluster(backend, **kwargs)
    if problem := windows.problem(cluster.preferred_maintenance_window, cluster.preferred_backup_window):
        raise exceptions.InvalidParameterValue(problem)
    backend.clusters[identifier] = cluster
    cluster.save_automated_backup()
    return cluster


def _modify_cluster(modify: Callable[..., Any], backend: Any, kwargs: Any) -> Any:
    cluster = backend.describe_db_clusters(kwargs["db_cluster_identifier"])[0]
    if cluster.engine != ENGINE:
        return modify(backend, kwargs)
    _check_cluster(backend, kwargs)
    # moto looks for these changes under the name that only a create has.
    logs = kwargs.pop("cloudwatch_logs_export_configuration", None) or {}
    exported = set(cluster.enabled_cloudwatch_logs_exports) - set(logs.get("DisableLogTypes") or [])
    cluster.enabled_cloudwatch_logs_exports = sorted(exported | set(logs.get("EnableLogTypes") or []))
    return modify(backend, kwargs)


def _create_instance(create: Callable[..., Any], backend: Any, kwargs: Any) -> Any:
    if kwargs.get("engine") != ENGINE:
        return create(backend, kwargs)
    identifier = kwargs["db_instance_identifier"].lower()
    if identifier in backend.databases:
        raise exceptions.DBInstanceAlreadyExists
    cluster = backend.describe_db_clusters(kwargs["db_cluster_identifier"])[0]
    instance = DocDBInstance(backend, cluster, **kwargs)
    backend.databases[identifier] = instance
    instance.add_event("DB_INSTANCE_CREATE")
    return instance


def _delete_cluster(original: Callable[..., ActionResult], response: Any) -> ActionResult:
    params = response.params
    snapshot, skip = params.get("FinalDBSnapshotIdentifier"), bool(params.get("SkipFinalSnapshot"))
    if bool(snapshot) == skip:
        raise exceptions.InvalidParameterCombination(
            "FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified, and not allowed with it."
        )
    return original(response)


def register() -> None:
    """Teach moto's RDS backend the `docdb` engine."""
    for engines, listing in (
        (utils.ClusterEngine, "list_cluster_engines"),
        (utils.DbInstanceEngine, "valid_db_instance_engine"),
    ):
        around(engines, listing)(lambda original: [*original(), ENGINE])
    models.valid_preferred_maintenance_window = windows.problem
    around(models.RDSBackend, "create_db_cluster")(_create_cluster)
    around(models.RDSBackend, "modify_db_cluster")(_modify_cluster)
    around(models.RDSBackend, "create_db_instance")(_create_instance)
    around(responses.RDSResponse, "delete_db_cluster")(_delete_cluster)
