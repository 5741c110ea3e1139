"""The ECS service scheduler: as many healthy tasks as are wanted, for rolling deployments and for task sets.

It looks again and again, like ECS: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_services.html. Event
texts follow https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-event-messages-list.html.
"""

from __future__ import annotations

import math
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Final

from moto.core.utils import utcnow
from moto.ecs.models import ecs_backends

from prod_infra.local_aws import admin, elbv2
from prod_infra.local_aws.ecs import task_life as ecs_task_life
from prod_infra.local_aws.ecs.tasks import Task
from prod_infra.local_aws.timeline import TICK_SECONDS, TIMELINE

PERIOD_SECONDS: Final = 5.0
"""How often the scheduler looks at every service."""

EVENTS_KEPT: Final = 100
"""https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Service.html."""

STARTING: Final = ("PROVISIONING", "PENDING", "ACTIVATING")

_awake: list[bool] = []
admin.ON_RESET.append(_awake.clear)


def wake() -> None:
    """Let the scheduler look now, and then periodically as long as there are services."""
    if not _awake:
        _awake.append(True)
        _look()


def _look() -> None:
    services = [
        (backend, service)
        for account in list(ecs_backends)
        for backend in list(ecs_backends[account].values())
        for service in backend.services.values()
        if service.status != "INACTIVE"
    ]
    for backend, service in services:
        sync(backend, service)
    for backend in {id(backend): backend for backend, _ in services}.values():
        _count_clusters(backend)
    if services:
        # However fast time passes, the calls must get a turn.
        TIMELINE.after(max(PERIOD_SECONDS, TICK_SECONDS * TIMELINE.factor), _look)
    else:
        _awake.clear()


def _count_clusters(backend: Any) -> None:
    for cluster in backend.clusters.values():
        held = [task for task in backend.tasks.get(cluster.name, {}).values() if isinstance(task, Task)]
        cluster.running_tasks_count = sum(task.last_status == "RUNNING" for task in held)
        cluster.pending_tasks_count = sum(task.last_status in STARTING for task in held)


def tasks_of(backend: Any, service: Any, started_by: str | None = None) -> list[Task]:
    """Return a service's tasks that have not stopped; those of one deployment or task set if its ID is given."""
    return [
        task
        for task in backend.tasks.get(service.cluster_name, {}).values()
        if isinstance(task, Task)
        and task.service_name == service.name
        and task.last_status != "STOPPED"
        and started_by in (None, task.started_by)
    ]


def is_ready(task: Task) -> bool:
    """Return whether a task runs and is healthy in each of its target groups."""
    return task.last_status == "RUNNING" and all(
        elbv2.states(task.region, arn).get(task.private_ip) in ("healthy", "unused") for arn, _ in task.targets
    )


def tell(service: Any, message: str, task_set: str = "") -> None:
    """Put an event on top of a service's list, `(service <name>[, taskSet <id>]) <message>`."""
    subject = f"(service {service.name}{f', taskSet {task_set}' if task_set else ''})"
    service.events.insert(0, {"id": str(uuid.uuid4()), "createdAt": utcnow(), "message": f"{subject} {message}"})
    del service.events[EVENTS_KEPT:]


def sync(backend: Any, service: Any) -> None:
    """Start and stop tasks of a service so that there are as many as are wanted, and count them."""
    for task in tasks_of(backend, service):
        _replace_if_unhealthy(service, task)
    if service.status == "DRAINING":
        for task in tasks_of(backend, service):
            _stop(service, task, f"Scaling activity initiated by (service {service.name})")
        if not tasks_of(backend, service):
            service.status, service.task_sets, service.deployments = "INACTIVE", [], []
    elif service.deployment_controller["type"] == "ECS":
        _roll(backend, service)
    else:
        for task_set in list(service.task_sets):
            _sync_task_set(backend, service, task_set)
    count(backend, service)


def _replace_if_unhealthy(service: Any, task: Task) -> None:
    if task.last_status != "RUNNING" or task.in_grace:
        return
    for arn, port in task.targets:
        if elbv2.states(task.region, arn).get(task.private_ip) == "unhealthy":
            cause = "Health checks failed with these codes: [500]" if task.is_serving else "Request timed out"
            tell(service, f"(port {port}) is unhealthy in (target-group {arn}) due to (reason {cause}).")
            _stop(service, task, f"Task failed ELB health checks in (target-group {arn})")
            return


def _stop(service: Any, task: Task, reason: str) -> None:
    if task.desired_status == "RUNNING":
        ecs_task_life.stop(task, reason, "ServiceSchedulerInitiated")
        tell(service, f"has stopped 1 running tasks: (task {task.id}).", task_set=_task_set_of(service, task))


def _task_set_of(service: Any, task: Task) -> str:
    return task.started_by if any(each.id == task.started_by for each in service.task_sets) else ""


def _wanted(tasks: Sequence[Task]) -> list[Task]:
    return [task for task in tasks if task.desired_status == "RUNNING"]


def _start(backend: Any, service: Any, owner: Mapping[str, Any], missing: int) -> None:
    """Start tasks for a deployment or task set, given by `id`, `taskDefinition`, `loadBalancers` and so on."""
    definition = backend.describe_task_definition(owner["taskDefinition"])
    tags = {"SERVICE": service.tags, "TASK_DEFINITION": definition.tags}.get(service.propagate_tags) or []
    made = [
        ecs_task_life.start(
            backend,
            cluster_arn=service.cluster_arn,
            definition=definition,
            group=f"service:{service.name}",
            started_by=owner["id"],
            launch_type=service.launch_type,
            platform_version=owner["platformVersion"],
            network=owner["networkConfiguration"] or None,
            load_balancers=owner["loadBalancers"],
            peers=_wanted(tasks_of(backend, service, owner["id"])),
            tags=tags,
            grace_seconds=float(service.health_check_grace_period_seconds),
        )
        for _ in range(missing)
    ]
    if made:
        names = " ".join(f"(task {task.id})" for task in made)
        task_set = owner["id"] if service.task_sets else ""
        tell(service, f"has started {len(made)} tasks: {names}.", task_set=task_set)


def _least_needed(tasks: Sequence[Task]) -> list[Task]:
    """Return tasks in the order in which to stop them: those not ready first, then from the fullest zone, newest."""
    zones = [task.availability_zone for task in tasks]
    age = {task.id: number for number, task in enumerate(tasks)}
    return sorted(tasks, key=lambda task: (is_ready(task), -zones.count(task.availability_zone), -age[task.id]))


def _scale(backend: Any, service: Any, owner: Mapping[str, Any], wanted: int) -> None:
    """Bring a deployment or task set to a number of tasks, one of the surplus at a time to keep zones even."""
    while len(alive := _wanted(tasks_of(backend, service, owner["id"]))) > wanted:
        _stop(service, _least_needed(alive)[0], f"Scaling activity initiated by (service {service.name})")
    _start(backend, service, owner, wanted - len(alive))


def task_set_size(service: Any, task_set: Any) -> int:
    """Return how many tasks a task set is to have: its percentage of the service's, rounded up."""
    return math.ceil(int(service.desired_count) * float(task_set.scale["value"]) / 100)


def _sync_task_set(backend: Any, service: Any, task_set: Any) -> None:
    owner = {
        "id": task_set.id,
        "taskDefinition": task_set.task_definition,
        "platformVersion": task_set.platform_version,
        "networkConfiguration": task_set.network_configuration,
        "loadBalancers": task_set.load_balancers,
    }
    _scale(backend, service, owner, 0 if task_set.status == "DRAINING" else task_set_size(service, task_set))
    if task_set.status == "DRAINING" and not tasks_of(backend, service, task_set.id):
        service.task_sets.remove(task_set)


def _roll(backend: Any, service: Any) -> None:
    """Go on with a rolling deployment within `maximumPercent` and `minimumHealthyPercent`."""
    primary, *older = service.deployments
    owner = {**primary, "loadBalancers": service.load_balancers}
    bounds = service.deployment_configuration
    most = math.floor(service.desired_count * bounds["maximumPercent"] / 100)
    least = math.ceil(service.desired_count * bounds["minimumHealthyPercent"] / 100)
    alive = _wanted(tasks_of(backend, service))
    old = [task for task in alive if task.started_by != primary["id"]]
    _scale(backend, service, owner, max(0, min(service.desired_count, most - len(old))))
    spare = sum(is_ready(task) for task in alive) - least
    for task in _least_needed(old):
        if not is_ready(task) or spare > 0:
            spare -= is_ready(task)
            _stop(service, task, f"Scaling activity initiated by (deployment {primary['id']})")
    if older and not old:
        del service.deployments[1:]


def count(backend: Any, service: Any) -> None:
    """Count the tasks of a service, its deployments and its task sets, and tell when it gets steady."""
    held = tasks_of(backend, service)
    service.running_count = sum(task.last_status == "RUNNING" for task in held)
    service.pending_count = sum(task.last_status in STARTING for task in held)
    for deployment in service.deployments:
        of_it = [task for task in held if task.started_by == deployment["id"]]
        primary = deployment["status"] == "PRIMARY"
        deployment["desiredCount"] = service.desired_count if primary else len(_wanted(of_it))
        deployment["runningCount"] = sum(task.last_status == "RUNNING" for task in of_it)
        deployment["pendingCount"] = sum(task.last_status in STARTING for task in of_it)
        if primary and len(service.deployments) == 1 and _is_steady(of_it, service.desired_count):
            deployment["rolloutState"] = "COMPLETED"
            deployment["rolloutStateReason"] = f"ECS deployment {deployment['id']} completed."
    for task_set in service.task_sets:
        of_it = [task for task in held if task.started_by == task_set.id]
        task_set.computed_desired_count = task_set_size(service, task_set) if task_set.status != "DRAINING" else 0
        task_set.running_count = sum(task.last_status == "RUNNING" for task in of_it)
        task_set.pending_count = sum(task.last_status in STARTING for task in of_it)
        steady = _is_steady(of_it, task_set.computed_desired_count)
        stability = "STEADY_STATE" if steady else "STABILIZING"
        if stability != task_set.stabilityStatus:
            task_set.stabilityStatus, task_set.stabilityStatusAt = stability, utcnow()
    steady = service.status == "ACTIVE" and service.pending_count == 0 and all(is_ready(task) for task in _wanted(held))
    if steady and not service.was_steady:
        tell(service, "has reached a steady state.")
    service.was_steady = steady


def _is_steady(tasks: Sequence[Task], wanted: int) -> bool:
    alive = _wanted(tasks)
    return len(alive) == wanted and all(is_ready(task) for task in alive)
