"""ECS task sets: moto starts no task of theirs, crashes on a percentage with Fargate, and finds a primary by ARN only.

Follows https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_TaskSet.html. CodeDeploy moves a service by them.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.ecs import exceptions, responses
from moto.ecs.models import TaskSet

from prod_infra.local_aws.ecs import scheduler as ecs_scheduler
from prod_infra.local_aws.patches import around

FULL = {"value": 100.0, "unit": "PERCENT"}


def new_id() -> str:
    """Return the ID of a new deployment or task set, such as `ecs-svc/1234567890123456789`."""
    return f"ecs-svc/{random.randrange(10**18, 10**19)}"  # noqa: S311  a name, no secret


def create(
    backend: Any,
    service: Any,
    *,
    task_definition: str,
    load_balancers: Sequence[Mapping[str, Any]],
    network: Mapping[str, Any],
    launch_type: str | None = None,
    platform_version: str | None = None,
    scale: Mapping[str, Any] | None = None,
    external_id: str = "",
    started_by: str = "",
    tags: Sequence[Mapping[str, str]] = (),
) -> Any:
    """Add a task set to a service and let its tasks start.

    Args:
        backend: moto's ECS backend.
        service: moto's service.
        task_definition: ARN, or `family:revision`.
        load_balancers: ECS's `loadBalancers`.
        network: ECS's `networkConfiguration`.
        launch_type: the service's if absent.
        platform_version: the service's if absent.
        scale: `{"value": percent of the service's tasks, "unit": "PERCENT"}`; 100 if absent.
        external_id: the caller's name for it.
        started_by: `CODE_DEPLOY`, or nothing.
        tags: as ECS has them.

    Returns:
        moto's task set; its status is ACTIVE.
    """
    task_set = TaskSet(
        service.name,
        service.cluster_name,
        backend.describe_task_definition(task_definition).arn,
        backend.account_id,
        backend.region_name,
        external_id=external_id,
        network_configuration=dict(network),
        load_balancers=[dict(each) for each in load_balancers],
        launch_type=launch_type or service.launch_type,
        platform_version=platform_version or service.platform_version,
        scale={**FULL, **(scale or {})},
        tags=[dict(tag) for tag in tags],
    )
    arn = task_set.task_set_arn.removesuffix(task_set.id)
    task_set.id = new_id()
    task_set.task_set_arn = f"{arn}{task_set.id}"
    task_set.service_arn, task_set.cluster_arn = service.arn, service.cluster_arn
    task_set.started_by, task_set.stabilityStatus = started_by, "STABILIZING"
    service.task_sets.append(task_set)
    ecs_scheduler.sync(backend, service)
    return task_set


def make_primary(service: Any, task_set: Any) -> None:
    """Make a task set the primary one; what it runs and where it registers become the service's."""
    for each in service.task_sets:
        if each.status != "DRAINING":
            each.status = "PRIMARY" if each is task_set else "ACTIVE"
        each.updatedAt = utcnow()
    service.task_definition, service.load_balancers = task_set.task_definition, task_set.load_balancers
    service.network_configuration = task_set.network_configuration or {}


def delete(backend: Any, service: Any, task_set: Any) -> None:
    """Drain a task set: it goes once its tasks have stopped."""
    task_set.status, task_set.updatedAt = "DRAINING", utcnow()
    ecs_scheduler.sync(backend, service)


def primary(service: Any) -> Any | None:
    """Return a service's primary task set, or None."""
    return next((each for each in service.task_sets if each.status == "PRIMARY"), None)


def _service(response: Any) -> Any:
    service = response.ecs_backend._get_service(
        response._get_param("cluster", "default"), response._get_param("service").rpartition("/")[2]
    )
    if service.status != "ACTIVE":
        raise exceptions.ECSException("ServiceNotActiveException", "Service was not ACTIVE.")
    if service.deployment_controller["type"] == "ECS":
        raise exceptions.InvalidParameterException(
            "Task sets can only be managed for services with a CODE_DEPLOY or EXTERNAL deployment controller."
        )
    return service


def _task_set(service: Any, name: str) -> Any:
    for each in service.task_sets:
        if name in (each.task_set_arn, each.id, each.id.rpartition("/")[2]):
            return each
    raise exceptions.TaskSetNotFoundException


def _create(_: Callable[..., ActionResult], response: Any) -> ActionResult:
    get, service = response._get_param, _service(response)
    definition = response.ecs_backend.describe_task_definition(get("taskDefinition"))
    network = get("networkConfiguration") or service.network_configuration
    if definition.network_mode == "awsvpc" and not network:
        raise exceptions.InvalidParameterException(
            "Network Configuration must be provided when networkMode 'awsvpc' is specified."
        )
    task_set = create(
        response.ecs_backend,
        service,
        task_definition=definition.arn,
        load_balancers=get("loadBalancers") or (),
        network=network,
        launch_type=get("launchType"),
        platform_version=get("platformVersion"),
        scale=get("scale"),
        external_id=get("externalId") or "",
        tags=get("tags") or (),
    )
    return ActionResult({"taskSet": task_set})


def _make_primary(_: Callable[..., ActionResult], response: Any) -> ActionResult:
    service = _service(response)
    task_set = _task_set(service, response._get_param("primaryTaskSet"))
    make_primary(service, task_set)
    return ActionResult({"taskSet": task_set})


def _update(_: Callable[..., ActionResult], response: Any) -> ActionResult:
    service = _service(response)
    task_set = _task_set(service, response._get_param("taskSet"))
    task_set.scale, task_set.updatedAt = FULL | response._get_param("scale"), utcnow()
    ecs_scheduler.sync(response.ecs_backend, service)
    return ActionResult({"taskSet": task_set})


def _delete(_: Callable[..., ActionResult], response: Any) -> ActionResult:
    service = _service(response)
    task_set = _task_set(service, response._get_param("taskSet"))
    if not response._get_param("force") and task_set.scale["value"]:
        raise exceptions.InvalidParameterException(
            "The task set cannot be deleted while it is scaled above 0. Scale it to 0, or use force."
        )
    delete(response.ecs_backend, service, task_set)
    return ActionResult({"taskSet": task_set})


def register() -> None:
    """Answer the calls about task sets."""
    calls = responses.EC2ContainerServiceResponse
    around(calls, "create_task_set")(_create)
    around(calls, "update_service_primary_task_set")(_make_primary)
    around(calls, "update_task_set")(_update)
    around(calls, "delete_task_set")(_delete)
