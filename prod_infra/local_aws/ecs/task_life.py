"""The life of an ECS task: it starts in a zone, registers with its target groups, and drains and ends when stopped.

How long each state lasts is a guess at Fargate's usual pace.
"""

from __future__ import annotations

import ipaddress
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from moto.core.utils import utcnow
from moto.ec2.models import ec2_backends
from moto.ecs.models import ecs_backends
from moto.elbv2.models import elbv2_backends

from prod_infra.local_aws.ecs.tasks import Task
from prod_infra.local_aws.faults import injected_faults
from prod_infra.local_aws.timeline import TIMELINE

START_SECONDS: Final[Mapping[str, float]] = {"PROVISIONING": 8.0, "PENDING": 14.0, "ACTIVATING": 4.0}
"""How long a task stays in each state on its way to RUNNING."""

STOP_SECONDS: Final[Mapping[str, float]] = {"STOPPING": 6.0, "DEPROVISIONING": 4.0}
"""The same on its way to STOPPED, after its targets have drained."""

COMMAND_SECONDS: Final = 10.0
"""How long a command given to run_task takes."""

KEPT_SECONDS: Final = 3600.0
"""AWS shows a stopped task for at least an hour."""

RUNNERS: Final[list[Callable[[], bool]]] = []
"""Each says whether something runs commands now and tells when they end, as the data plane does."""

RETRY_SECONDS: Final = 1.0
"""Real seconds after which a stuck task is looked at again."""


def with_overrides(containers: Iterable[Mapping[str, Any]], overrides: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return container definitions with run_task's `containerOverrides` worked in."""
    changes = {each["name"]: each for each in overrides.get("containerOverrides") or ()}
    made = []
    for container in containers:
        change = changes.get(container["name"], {})
        named = {each["name"]: each for each in (container.get("environment") or [])}
        named |= {each["name"]: each for each in (change.get("environment") or [])}
        made.append({**container, **change, "environment": list(named.values())})
    return made


def _free_address(account: str, region: str, subnet: Any) -> str:
    taken = {eni.private_ip_address for eni in ec2_backends[account][region].enis.values()}
    # AWS keeps the first four addresses of a subnet, and the last.
    hosts = list(ipaddress.ip_network(subnet.cidr_block).hosts())[3:]
    return next(str(host) for host in hosts if str(host) not in taken)


def _least_used_subnet(subnets: Sequence[Any], peers: Sequence[Task]) -> Any:
    """Return the subnet whose zone has the fewest of the tasks beside; a lost zone comes last."""

    def load(subnet: Any) -> tuple[bool, int]:
        zone = subnet.availability_zone
        return injected_faults.is_lost(zone), sum(peer.availability_zone == zone for peer in peers)

    return min(subnets, key=load)


def start(
    backend: Any,
    *,
    cluster_arn: str,
    definition: Any,
    group: str,
    started_by: str,
    launch_type: str,
    platform_version: str | None = None,
    network: Mapping[str, Any] | None = None,
    load_balancers: Sequence[Mapping[str, Any]] = (),
    peers: Sequence[Task] = (),
    overrides: Mapping[str, Any] | None = None,
    tags: Sequence[Mapping[str, str]] = (),
    grace_seconds: float = 0.0,
) -> Task:
    """Start a task.

    Args:
        backend: moto's ECS backend of the account and region.
        cluster_arn: where it runs.
        definition: moto's task definition.
        group: `service:<name>` or `family:<name>`.
        started_by: ID of a deployment or task set, or the caller's own words.
        launch_type: such as `FARGATE`.
        platform_version: of Fargate.
        network: ECS's `networkConfiguration`; None for a task without an address of its own.
        load_balancers: ECS's `loadBalancers`.
        peers: tasks from which it keeps its distance: zones are filled evenly.
        overrides: as run_task takes them.
        tags: as ECS has them.
        grace_seconds: how long failed health checks are overlooked once it runs.
    """
    overrides = overrides or {}
    task = Task(
        id=uuid.uuid4().hex,
        account=backend.account_id,
        region=backend.region_name,
        cluster_arn=cluster_arn,
        task_definition_arn=definition.arn,
        group=group,
        started_by=started_by,
        launch_type=launch_type,
        platform_version=platform_version or ("LATEST" if launch_type == "FARGATE" else ""),
        availability_zone=f"{backend.region_name}a",
        containers=with_overrides(definition.container_definitions, overrides),
        overrides=overrides,
        targets=[
            (each["targetGroupArn"], each["containerPort"]) for each in load_balancers if each.get("targetGroupArn")
        ],
        tags=[dict(tag) for tag in tags],
    )
    if network:
        _attach(task, network["awsvpcConfiguration"], peers)
    backend.tasks.setdefault(task.cluster_name, {})[task.task_arn] = task
    _go_on(task, list(START_SECONDS), grace_seconds)
    return task


def _attach(task: Task, network: Mapping[str, Any], peers: Sequence[Task]) -> None:
    ec2 = ec2_backends[task.account][task.region]
    subnet = _least_used_subnet([ec2.get_subnet(subnet_id) for subnet_id in network["subnets"]], peers)
    interface = ec2.create_network_interface(
        subnet,
        _free_address(task.account, task.region, subnet),
        group_ids=network.get("securityGroups") or None,
        description=f"{task.task_arn.replace(':task/', ':attachment/')}",
    )
    interface.status = "in-use"
    task.subnet_id, task.availability_zone = subnet.id, subnet.availability_zone
    task.network_interface_id, task.mac_address = interface.id, interface.mac_address
    task.private_ip = interface.private_ip_address


def _go_on(task: Task, states: list[str], grace_seconds: float) -> None:
    """Take a starting task to the next of its states, and through the others as time passes."""

    def next_state() -> None:
        if task.desired_status != "RUNNING":
            return
        if injected_faults.active("stuck", what="task"):
            TIMELINE.after(RETRY_SECONDS, next_state, real=True)
            return
        if states[1:]:
            _go_on(task, states[1:], grace_seconds)
            return
        task.last_status = "RUNNING"
        task.times["startedAt"] = utcnow()
        TIMELINE.after(grace_seconds, lambda: setattr(task, "in_grace", False))
        if not task.service_name and any("command" in container for container in _changed(task)):
            TIMELINE.after(COMMAND_SECONDS, lambda: _end_command(task))

    task.last_status = states[0]
    if task.last_status == "ACTIVATING":
        for group, port in _groups(task):
            group.register([{"Id": task.private_ip, "Port": port}])
    TIMELINE.after(START_SECONDS[states[0]], next_state)


def _changed(task: Task) -> Sequence[Mapping[str, Any]]:
    return task.overrides.get("containerOverrides") or ()


def _end_command(task: Task) -> None:
    if any(runs() for runs in RUNNERS):
        return
    task.exit_code = 1 if task.fails or injected_faults.is_lost(task.availability_zone) else 0
    stop(task, "Essential container in task exited", "EssentialContainerExited")


def _groups(task: Task) -> list[tuple[Any, int]]:
    """Return moto's target groups of a task that still are there, each with the port."""
    groups = elbv2_backends[task.account][task.region].target_groups
    return [(groups[arn], port) for arn, port in task.targets if task.private_ip and arn in groups]


def stop(task: Task, reason: str, code: str) -> None:
    """Stop a task: it leaves its target groups, drains, and ends. One that is stopping already goes on as it does.

    Args:
        task: the task.
        reason: ECS's `stoppedReason`.
        code: ECS's `stopCode`.
    """
    if task.desired_status == "STOPPED":
        return
    task.desired_status, task.stopped_reason, task.stop_code = "STOPPED", reason, code
    task.times["stoppingAt"] = utcnow()
    drain = 0.0
    for group, port in _groups(task):
        if task.private_ip in group.targets:
            group.deregister([{"Id": task.private_ip, "Port": port}])
            drain = max(drain, float(group.attributes["deregistration_delay.timeout_seconds"]))
    task.last_status = "DEACTIVATING" if drain else "STOPPING"
    TIMELINE.after(drain, lambda: _end(task, list(STOP_SECONDS)))


def _end(task: Task, states: list[str]) -> None:
    if states:
        task.last_status = states[0]
        TIMELINE.after(STOP_SECONDS[states[0]], lambda: _end(task, states[1:]))
    else:
        task.last_status = "STOPPED"
        task.exit_code = 143 if task.exit_code is None else task.exit_code  # SIGTERM, unless it ended by itself
        task.times["stoppedAt"] = utcnow()
        ec2_backends[task.account][task.region].enis.pop(task.network_interface_id, None)
        of_cluster = ecs_backends[task.account][task.region].tasks[task.cluster_name]
        TIMELINE.after(KEPT_SECONDS, lambda: of_cluster.pop(task.task_arn, None))
