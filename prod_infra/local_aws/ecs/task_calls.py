"""ECS's calls about tasks: run, stop, list and describe, for the tasks of services and for those on their own.

Follows https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html and its neighbours. A task that
run_task gives a command ends by itself, since no container runs here; without a command it runs until it is stopped.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from moto.core.responses import ActionResult
from moto.ecs import exceptions, responses

from prod_infra.local_aws.ecs import task_life as ecs_task_life
from prod_infra.local_aws.ecs.tasks import Task
from prod_infra.local_aws.patches import around

MOST_AT_ONCE: Final = {"run_task": 10, "describe_tasks": 100}
"""https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html and API_DescribeTasks.html."""


def _description(backend: Any, task: Task, *, tags: bool) -> dict[str, Any]:
    definition = backend.describe_task_definition(task.task_definition_arn)
    healthy = task.last_status == "RUNNING"
    containers = [
        {
            "containerArn": f"{task.task_arn.replace(':task/', ':container/')}/{container['name']}",
            "taskArn": task.task_arn,
            "name": container["name"],
            "image": container.get("image"),
            "runtimeId": f"{task.id}-{number}",
            # A container knows no more than these three states.
            "lastStatus": task.last_status if task.last_status in ("RUNNING", "STOPPED") else "PENDING",
            "exitCode": task.exit_code,
            "networkInterfaces": [
                {"attachmentId": task.network_interface_id, "privateIpv4Address": task.private_ip},
            ]
            if task.private_ip
            else [],
            "healthStatus": "UNKNOWN",
            "cpu": str(container.get("cpu") or 0),
        }
        for number, container in enumerate(task.containers)
    ]
    details = {
        "subnetId": task.subnet_id,
        "networkInterfaceId": task.network_interface_id,
        "macAddress": task.mac_address,
        "privateIPv4Address": task.private_ip,
    }
    attachment = {
        "id": task.network_interface_id.removeprefix("eni-"),
        "type": "ElasticNetworkInterface",
        "status": "ATTACHED" if task.last_status != "STOPPED" else "DELETED",
        "details": [{"name": name, "value": value} for name, value in details.items()],
    }
    return {
        "taskArn": task.task_arn,
        "clusterArn": task.cluster_arn,
        "taskDefinitionArn": task.task_definition_arn,
        "group": task.group,
        "startedBy": task.started_by or None,
        "launchType": task.launch_type,
        "platformVersion": task.platform_version or None,
        "platformFamily": "Linux" if task.launch_type == "FARGATE" else None,
        "availabilityZone": task.availability_zone,
        "attachments": [attachment] if task.private_ip else [],
        "containers": containers,
        "overrides": {"containerOverrides": [], **task.overrides},
        "lastStatus": task.last_status,
        "desiredStatus": task.desired_status,
        "connectivity": "CONNECTED" if healthy else "DISCONNECTED",
        "healthStatus": "UNKNOWN",
        "stopCode": task.stop_code or None,
        "stoppedReason": task.stopped_reason or None,
        "cpu": definition.cpu,
        "memory": definition.memory,
        "version": len(task.times),
        "tags": task.tags if tags else [],
        **task.times,
    }


def _of_cluster(response: Any, cluster: Any) -> list[Task]:
    held = response.ecs_backend.tasks.get(cluster.name, {}).values()
    return [task for task in held if isinstance(task, Task)]


def _cluster(response: Any) -> Any:
    return response.ecs_backend._get_cluster(response._get_param("cluster", "default"))


def _definition(response: Any, name: str) -> Any:
    definition = response.ecs_backend.describe_task_definition(name)
    if definition.status != "ACTIVE":
        raise exceptions.EcsClientException("TaskDefinition is inactive")
    return definition


def _run(original: Callable[..., ActionResult], response: Any) -> ActionResult:
    get = response._get_param
    providers = [each["capacityProvider"] for each in get("capacityProviderStrategy") or ()]
    if get("launchType") != "FARGATE" and not {"FARGATE", "FARGATE_SPOT"} & set(providers):
        return original(response)
    cluster, definition = _cluster(response), _definition(response, get("taskDefinition"))
    count = int(get("count", 1))
    if not 1 <= count <= MOST_AT_ONCE["run_task"]:
        raise exceptions.InvalidParameterException("Count must be between 1 and 10.")
    network = get("networkConfiguration")
    if not network:
        raise exceptions.InvalidParameterException(
            "Network Configuration must be provided when networkMode 'awsvpc' is specified."
        )
    overrides = get("overrides") or {}
    known = {container["name"] for container in definition.container_definitions}
    for each in overrides.get("containerOverrides") or ():
        if each.get("name") not in known:
            raise exceptions.InvalidParameterException(
                f"Override for container named {each.get('name')} is not a container in the TaskDefinition."
            )
    made: list[Task] = []
    for _ in range(count):
        made.append(
            ecs_task_life.start(
                response.ecs_backend,
                cluster_arn=cluster.arn,
                definition=definition,
                group=get("group") or f"family:{definition.family}",
                started_by=get("startedBy") or "",
                launch_type="FARGATE",
                platform_version=get("platformVersion"),
                network=network,
                peers=made,
                overrides=overrides,
                tags=get("tags") or (),
            )
        )
    return ActionResult(
        {"tasks": [_description(response.ecs_backend, task, tags=True) for task in made], "failures": []}
    )


def _find(response: Any, cluster: Any, name: str) -> Task | None:
    task_id = name.rpartition("/")[2]
    return next((task for task in _of_cluster(response, cluster) if task.id == task_id), None)


def _stop(original: Callable[..., ActionResult], response: Any) -> ActionResult:
    cluster = _cluster(response)
    task = _find(response, cluster, response._get_param("task"))
    if task is None:
        if any(not isinstance(held, Task) for held in response.ecs_backend.tasks.get(cluster.name, {}).values()):
            return original(response)
        raise exceptions.InvalidParameterException("The referenced task was not found.")
    ecs_task_life.stop(task, response._get_param("reason") or "Task stopped by user", "UserInitiated")
    return ActionResult({"task": _description(response.ecs_backend, task, tags=True)})


def _list(_: Callable[..., ActionResult], response: Any) -> ActionResult:
    get, cluster = response._get_param, _cluster(response)
    held = response.ecs_backend.tasks.get(cluster.name, {}).values()
    # Without a status AWS lists what is to run.
    wanted = {
        "desired_status": get("desiredStatus") or "RUNNING",
        "started_by": get("startedBy"),
        "launch_type": get("launchType"),
        "group": f"service:{get('serviceName').rpartition('/')[2]}" if get("serviceName") else None,
    }
    if get("serviceName"):
        response.ecs_backend._get_service(cluster.name, wanted["group"].partition(":")[2])
    return ActionResult(
        {
            "taskArns": [
                task.task_arn
                for task in held
                if all(value is None or getattr(task, name) == value for name, value in wanted.items())
                and get("family") in (None, task.task_definition_arn.rpartition("/")[2].partition(":")[0])
                and get("containerInstance") in (None, getattr(task, "container_instance_arn", ""))
            ]
        }
    )


def _describe(_: Callable[..., ActionResult], response: Any) -> ActionResult:
    cluster, names = _cluster(response), response._get_param("tasks", [])
    if not 1 <= len(names) <= MOST_AT_ONCE["describe_tasks"]:
        raise exceptions.InvalidParameterException("Tasks cannot be empty.")
    with_tags = "TAGS" in response._get_param("include", [])
    described: list[Any] = []
    failures = []
    for name in names:
        held = response.ecs_backend.tasks.get(cluster.name, {})
        if task := _find(response, cluster, name):
            described.append(_description(response.ecs_backend, task, tags=with_tags))
        elif others := [held[arn] for arn in held if arn.rpartition("/")[2] == name.rpartition("/")[2]]:
            described += others
        else:
            arn = name if name.startswith("arn:") else f"{cluster.arn.replace(':cluster/', ':task/')}/{name}"
            failures.append({"arn": arn, "reason": "MISSING"})
    return ActionResult({"tasks": described, "failures": failures})


def register() -> None:
    """Answer for tasks that move through their states."""
    calls = responses.EC2ContainerServiceResponse
    around(calls, "run_task")(_run)
    around(calls, "stop_task")(_stop)
    around(calls, "list_tasks")(_list)
    around(calls, "describe_tasks")(_describe)
