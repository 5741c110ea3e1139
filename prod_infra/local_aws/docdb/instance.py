"""DocumentDB instances: how they are made, changed and deleted, which takes AWS a while."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from moto.rds import exceptions, models

from prod_infra.local_aws.docdb import events as docdb_events
from prod_infra.local_aws.docdb import failover as docdb_failover
from prod_infra.local_aws.docdb import windows
from prod_infra.local_aws.docdb.model import (
    AVAILABLE,
    CREATE_SECONDS,
    DELETE_SECONDS,
    ENGINE,
    MODIFY_SECONDS,
    DocDBInstance,
    change,
    require,
)
from prod_infra.local_aws.patches import around

DEFERRED = {"db_instance_class": "DBInstanceClass", "ca_certificate_identifier": "CACertificateIdentifier"}
"""Settings that wait for the maintenance window unless ApplyImmediately is given."""


def _create_instance(create: Callable[..., Any], backend: Any, kwargs: Any) -> Any:
    if kwargs.get("engine") != ENGINE:
        return create(backend, kwargs)
    identifier = kwargs["db_instance_identifier"].lower()
    backend._validate_db_identifier(identifier)
    if identifier in backend.databases:
        raise exceptions.DBInstanceAlreadyExists
    cluster = backend.describe_db_clusters(kwargs["db_cluster_identifier"])[0]
    if cluster.engine != ENGINE:
        raise exceptions.InvalidDBInstanceEngine(ENGINE, cluster.engine)
    if cluster.status in {"deleting", "stopping", "stopped", "starting"}:
        require(cluster, AVAILABLE)
    instance = DocDBInstance(backend, cluster, **kwargs)
    backend.databases[identifier] = instance

    def finish() -> None:
        instance.status = AVAILABLE
        instance.running_parameter_group = cluster.parameter_group
        docdb_events.note(instance, "DB instance created")
        docdb_failover.settle(cluster)

    change(instance, "creating", CREATE_SECONDS, finish, held=lambda: cluster.status == "creating")
    return instance


def _modify_instance(modify: Callable[..., Any], backend: Any, identifier: str, kwargs: Any) -> Any:
    instance = backend.describe_db_instances(identifier)[0]
    if instance.engine != ENGINE:
        return modify(backend, identifier, kwargs)
    docdb_failover.require_instance(instance)
    window = kwargs.get("preferred_maintenance_window") or instance.preferred_maintenance_window
    if problem := windows.problem(window, instance.preferred_backup_window):
        raise exceptions.InvalidParameterValue(problem)
    at_once = bool(kwargs.pop("apply_immediately", None))
    given = {name: value for name in DEFERRED if (value := kwargs.pop(name, None)) is not None}
    for name, value in given.items():
        if value != getattr(instance, name):
            instance.pending_modified_values[DEFERRED[name]] = value
    modify(backend, identifier, kwargs)
    if at_once and instance.pending_modified_values:

        def finish() -> None:
            pending, instance.pending_modified_values = instance.pending_modified_values, {}
            for name, member in DEFERRED.items():
                setattr(instance, name, pending.get(member, getattr(instance, name)))
            instance.status = AVAILABLE
            if "DBInstanceClass" in pending:
                docdb_events.note(instance, "Finished applying modification to DB instance class")

        change(instance, "modifying", MODIFY_SECONDS, finish)
    return instance


def _delete_instance(delete: Callable[..., Any], backend: Any, db_instance_identifier: str, **given: Any) -> Any:
    instance = backend.describe_db_instances(db_instance_identifier)[0]
    if instance.engine != ENGINE:
        return delete(backend, db_instance_identifier, **given)
    if instance.is_deleting:
        raise exceptions.RDSClientError(
            "InvalidDBInstanceState", f"Instance {db_instance_identifier} is already being deleted."
        )

    def finish() -> None:
        backend.databases.pop(instance.db_instance_identifier)
        docdb_events.note(instance, "DB instance deleted")

    change(instance, "deleting", DELETE_SECONDS, finish)
    docdb_failover.replace(instance)
    return instance


def register() -> None:
    """Let moto's RDS backend have instances of DocumentDB clusters."""
    around(models.RDSBackend, "create_db_instance")(_create_instance)
    around(models.RDSBackend, "modify_db_instance")(_modify_instance)
    around(models.RDSBackend, "delete_db_instance")(_delete_instance)
