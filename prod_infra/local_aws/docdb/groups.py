"""DocumentDB's parameter and subnet groups: moto knows no parameters of a family, and deletes groups in use.

Parameters are those of https://docs.aws.amazon.com/documentdb/latest/developerguide/cluster_parameter_groups-list_of_parameters.html.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from moto.core.responses import ActionResult
from moto.ec2.exceptions import InvalidSubnetIdError
from moto.rds import exceptions, models, responses

from prod_infra.local_aws.patches import added, around

FAMILY_PREFIX = "docdb"
FAMILIES = ("docdb3.6", "docdb4.0", "docdb5.0")


class Parameter(NamedTuple):
    """A parameter of every `docdb` family: its default, what it may be, and whether it waits for a reboot."""

    default: str
    allowed: str
    static: bool = False


PARAMETERS = {
    "audit_logs": Parameter("disabled", "enabled,disabled,ddl,dml_read,dml_write,all,none"),
    "change_stream_log_retention_duration": Parameter("10800", "3600-604800"),
    "profiler": Parameter("disabled", "enabled,disabled"),
    "profiler_sampling_rate": Parameter("1.0", "0.0-1.0"),
    "profiler_threshold_ms": Parameter("100", "50-2147483646"),
    "tls": Parameter("enabled", "disabled,enabled,fips-140-3,tls1.2+,tls1.3+", static=True),
    "ttl_monitor": Parameter("enabled", "disabled,enabled"),
}


def _allows(parameter: Parameter, value: str) -> bool:
    if "," in parameter.allowed:
        # audit_logs takes several, joined by commas.
        return set(value.split(",")) <= set(parameter.allowed.split(","))
    least, most = map(float, parameter.allowed.split("-"))
    try:
        return least <= float(value) <= most
    except ValueError:
        return False


def _modify(original: Callable[..., Any], group: Any, new_parameters: list[dict[str, Any]]) -> None:
    if group.db_parameter_group_family.startswith(FAMILY_PREFIX):
        for each in new_parameters:
            name, value = each["ParameterName"], each.get("ParameterValue", "")
            if name not in PARAMETERS:
                raise exceptions.InvalidParameterValue(f"Could not find parameter with name: {name}")
            if not _allows(PARAMETERS[name], value):
                raise exceptions.InvalidParameterValue(
                    f"Invalid parameter value: {value} for: {name} allowed values are: {PARAMETERS[name].allowed}"
                )
            if PARAMETERS[name].static and each.get("ApplyMethod") == "immediate":
                raise exceptions.InvalidParameterCombination("cannot use immediate apply method for static parameter")
    original(group, new_parameters)


def _described(name: str, parameter: Parameter, given: dict[str, Any]) -> dict[str, Any]:
    return {
        "ParameterName": name,
        "ParameterValue": parameter.default,
        "Source": "user" if given else "system",
        "ApplyType": "static" if parameter.static else "dynamic",
        "DataType": "string" if "," in parameter.allowed else "float" if "." in parameter.allowed else "integer",
        "AllowedValues": parameter.allowed,
        "IsModifiable": True,
        "ApplyMethod": "pending-reboot",
        **given,
    }


def _describe(original: Callable[..., ActionResult], response: Any) -> ActionResult:
    params = response.params
    name = params["DBClusterParameterGroupName"]
    group = response.backend.describe_db_cluster_parameter_groups(name)[0]
    if not group.db_parameter_group_family.startswith(FAMILY_PREFIX):
        return original(response)
    source = params.get("Source")
    listed = (_described(key, each, dict(group.parameters.get(key, {}))) for key, each in PARAMETERS.items())
    return ActionResult({"Parameters": [each for each in listed if source in (None, each["Source"])]})


def _reset(response: Any) -> ActionResult:
    params = response.params
    name = params["DBClusterParameterGroupName"]
    group = response.backend.describe_db_cluster_parameter_groups(name)[0]
    named = [each["ParameterName"] for each in params.get("Parameters") or []]
    for key in list(group.parameters) if params.get("ResetAllParameters") else named:
        group.parameters.pop(key, None)
    return ActionResult({"DBClusterParameterGroupName": name})


def _with_defaults(original: Callable[..., Any], backend: Any, group_name: str | None) -> Any:
    """Return groups, the families' own among them: moto has only those that were made."""
    defaults = {
        f"default.{name}": models.DBClusterParameterGroup(
            backend, f"default.{name}", f"Default cluster parameter group for {name}", name
        )
        for name in FAMILIES
    }
    if group_name is None:
        return [*defaults.values(), *original(backend, None)]
    return [defaults[group_name]] if group_name in defaults else original(backend, group_name)


def _refuse_defaults(original: Callable[..., Any], backend: Any, *args: Any, **given: Any) -> Any:
    name = args[0] if args else given["db_cluster_parameter_group_name"]
    if name.startswith("default."):
        raise exceptions.RDSClientError(
            "InvalidDBParameterGroupState", f"The default parameter group {name} can be neither changed nor deleted."
        )
    return original(backend, *args, **given)


def _delete_parameter_group(original: Callable[..., None], backend: Any, db_cluster_parameter_group_name: str) -> None:
    name = db_cluster_parameter_group_name  # moto passes it by this keyword
    if any(cluster.parameter_group == name for cluster in backend.clusters.values()):
        raise exceptions.RDSClientError(
            "InvalidDBParameterGroupState", "One or more database instances are still members of this parameter group"
        )
    original(backend, name)


def _delete_subnet_group(original: Callable[..., Any], backend: Any, name: str) -> Any:
    if any(cluster.db_subnet_group_name == name for cluster in backend.clusters.values()):
        raise exceptions.RDSClientError(
            "InvalidDBSubnetGroupStateFault", f"Cannot delete the subnet group '{name}' because it is in use."
        )
    return original(backend, name)


def _modify_subnet_group(modify: Callable[..., Any], backend: Any, name: str, *args: Any, **given: Any) -> Any:
    # moto takes the group out of its list to change it, and never puts it back.
    if name not in backend.subnet_groups:
        raise exceptions.DBSubnetGroupNotFoundError(name)
    group = modify(backend, name, *args, **given)
    backend.subnet_groups[name] = group
    return group


def _with_subnets(call: Callable[..., Any], response: Any) -> Any:
    try:
        return call(response)
    except InvalidSubnetIdError as error:
        # EC2's own code is none of DocumentDB's.
        raise exceptions.RDSClientError("InvalidSubnet", error.message) from error


def register() -> None:
    """Give the families their parameters, and keep groups that clusters use."""
    around(models.DBClusterParameterGroup, "update_cluster_parameters")(_modify)
    around(responses.RDSResponse, "describe_db_cluster_parameters")(_describe)
    added(responses.RDSResponse, "reset_db_cluster_parameter_group")(_reset)
    around(models.RDSBackend, "delete_db_cluster_parameter_group")(_delete_parameter_group)
    around(models.RDSBackend, "describe_db_cluster_parameter_groups")(_with_defaults)
    for name in ("delete_db_cluster_parameter_group", "modify_db_cluster_parameter_group"):
        around(models.RDSBackend, name)(_refuse_defaults)
    around(models.RDSBackend, "delete_subnet_group")(_delete_subnet_group)
    around(models.RDSBackend, "modify_db_subnet_group")(_modify_subnet_group)
    for name in ("create_db_subnet_group", "modify_db_subnet_group"):
        around(responses.RDSResponse, name)(_with_subnets)
