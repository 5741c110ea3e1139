"""CodeDeploy's deployment configurations: the predefined ones and one's own, and how each shifts traffic.

Follows https://docs.aws.amazon.com/codedeploy/latest/userguide/deployment-configurations.html.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from moto.codedeploy import responses
from moto.core.exceptions import JsonRESTError
from moto.core.responses import ActionResult

from prod_infra.local_aws import admin
from prod_infra.local_aws.patches import added

PREFIX: Final = "CodeDeployDefault."
"""Names that begin so are AWS's own."""

MOST_MINUTES: Final = 2880
"""Longest interval: https://docs.aws.amazon.com/codedeploy/latest/userguide/limits.html."""


def _linear(percent: int, minutes: int) -> dict[str, Any]:
    return {"type": "TimeBasedLinear", "timeBasedLinear": {"linearPercentage": percent, "linearInterval": minutes}}


def _canary(percent: int, minutes: int) -> dict[str, Any]:
    return {"type": "TimeBasedCanary", "timeBasedCanary": {"canaryPercentage": percent, "canaryInterval": minutes}}


_ROUTES: Final[Mapping[str, dict[str, Any]]] = {
    "ECSAllAtOnce": {"type": "AllAtOnce"},
    "ECSCanary10Percent5Minutes": _canary(10, 5),
    "ECSCanary10Percent15Minutes": _canary(10, 15),
    "ECSLinear10PercentEvery1Minutes": _linear(10, 1),
    "ECSLinear10PercentEvery3Minutes": _linear(10, 3),
}
_HOSTS: Final[Mapping[str, dict[str, Any]]] = {
    "AllAtOnce": {"type": "HOST_COUNT", "value": 0},
    "HalfAtATime": {"type": "FLEET_PERCENT", "value": 50},
    "OneAtATime": {"type": "FLEET_PERCENT", "value": 99},
}


def _info(name: str, platform: str, **settings: Any) -> dict[str, Any]:
    now = datetime.now(UTC)
    return {
        "deploymentConfigId": str(uuid.uuid4()),
        "deploymentConfigName": name,
        "computePlatform": platform,
        "createTime": now,
        **settings,
    }


_PREDEFINED: Final = {
    info["deploymentConfigName"]: info
    for info in (
        *(_info(f"{PREFIX}{name}", "ECS", trafficRoutingConfig=route) for name, route in _ROUTES.items()),
        *(_info(f"{PREFIX}{name}", "Server", minimumHealthyHosts=hosts) for name, hosts in _HOSTS.items()),
    )
}
_OWN: Final[dict[tuple[str, str], dict[str, dict[str, Any]]]] = {}
"""By account and region, then by name."""
admin.ON_RESET.append(_OWN.clear)


def _own(backend: Any) -> dict[str, dict[str, Any]]:
    return _OWN.setdefault((backend.account_id, backend.region_name), {})


def get(backend: Any, name: str) -> dict[str, Any]:
    """Return a configuration as `get_deployment_config` tells it.

    Args:
        backend: moto's CodeDeploy backend.
        name: such as `CodeDeployDefault.ECSCanary10Percent5Minutes`.

    Raises:
        JsonRESTError: there is none of that name.
    """
    info = _PREDEFINED.get(name) or _own(backend).get(name)
    if info is None:
        raise JsonRESTError("DeploymentConfigDoesNotExistException", f"No deployment configuration found for: {name}")
    return info


def schedule(config: Mapping[str, Any]) -> list[tuple[int, float]]:
    """Return the steps of a shift of traffic: percent on the new task set, and seconds of AWS's until the next step."""
    route = config["trafficRoutingConfig"]
    if canary := route.get("timeBasedCanary"):
        return [(canary["canaryPercentage"], canary["canaryInterval"] * 60.0), (100, 0.0)]
    if linear := route.get("timeBasedLinear"):
        step, seconds = linear["linearPercentage"], linear["linearInterval"] * 60.0
        return [*((percent, seconds) for percent in range(step, 100, step)), (100, 0.0)]
    return [(100, 0.0)]


def _check_route(route: Mapping[str, Any]) -> None:
    parts = {"TimeBasedCanary": ("timeBasedCanary", "canary"), "TimeBasedLinear": ("timeBasedLinear", "linear")}
    kind = route.get("type")
    if kind == "AllAtOnce":
        return
    member, prefix = parts.get(str(kind), ("", ""))
    held = route.get(member) or {}
    percent, minutes = held.get(f"{prefix}Percentage"), held.get(f"{prefix}Interval")
    if not isinstance(percent, int) or not isinstance(minutes, int) or percent not in range(1, 100):
        raise JsonRESTError("InvalidTrafficRoutingConfigurationException", "Percentage must be from 1 to 99.")
    if minutes not in range(1, MOST_MINUTES + 1):
        raise JsonRESTError("InvalidTrafficRoutingConfigurationException", "Interval must be from 1 to 2880 minutes.")


def _create(response: Any) -> ActionResult:
    params, name = response.params, response.params["deploymentConfigName"]
    if name.startswith(PREFIX):
        raise JsonRESTError("InvalidDeploymentConfigNameException", f"Names may not begin with {PREFIX}")
    if name in _own(response.codedeploy_backend):
        raise JsonRESTError("DeploymentConfigAlreadyExistsException", f"{name} already exists")
    platform = params.get("computePlatform") or "Server"
    if platform != "Server":
        _check_route(params.get("trafficRoutingConfig") or {})
    settings = {key: params[key] for key in ("trafficRoutingConfig", "minimumHealthyHosts") if params.get(key)}
    info = _own(response.codedeploy_backend)[name] = _info(name, platform, **settings)
    return ActionResult({"deploymentConfigId": info["deploymentConfigId"]})


def _get(response: Any) -> ActionResult:
    info = get(response.codedeploy_backend, response.params["deploymentConfigName"])
    return ActionResult({"deploymentConfigInfo": info})


def _list(response: Any) -> ActionResult:
    return ActionResult({"deploymentConfigsList": [*_PREDEFINED, *_own(response.codedeploy_backend)]})


def _delete(response: Any) -> ActionResult:
    backend, name = response.codedeploy_backend, response.params["deploymentConfigName"]
    if name.startswith(PREFIX):
        raise JsonRESTError("InvalidOperationException", "Predefined deployment configurations cannot be deleted")
    groups = [group for groups in backend.deployment_groups.values() for group in groups.values()]
    if any(group.deployment_config_name == name for group in groups):
        raise JsonRESTError("DeploymentConfigInUseException", f"{name} is in use")
    _own(backend).pop(name, None)
    return ActionResult({})


def register() -> None:
    """Answer the calls about configurations."""
    calls = responses.CodeDeployResponse
    added(calls, "create_deployment_config")(_create)
    added(calls, "get_deployment_config")(_get)
    added(calls, "list_deployment_configs")(_list)
    added(calls, "delete_deployment_config")(_delete)
