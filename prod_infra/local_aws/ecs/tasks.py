"""ECS tasks: what each is, where it runs, and whether it answers.

States and their order: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-lifecycle-explanation.html.
Tasks live in moto's own lists, so that tags and resets reach them; `task_life.py` moves them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from moto.core.utils import utcnow
from moto.ecs.models import ecs_backends

from prod_infra.local_aws.faults import injected_faults


@dataclass(eq=False, kw_only=True)
class Task:
    """A task, of a service or on its own.

    Attributes:
        id: last part of its ARN.
        account: account ID.
        region: AWS region.
        cluster_arn: its cluster.
        task_definition_arn: the revision that it runs.
        group: `service:<name>` or `family:<name>`.
        started_by: ID of the deployment or task set (`ecs-svc/…`), or what run_task was given.
        launch_type: such as `FARGATE`.
        platform_version: such as `LATEST`.
        availability_zone: such as `eu-central-1a`.
        subnet_id: its subnet; empty without awsvpc networking.
        network_interface_id: its interface; empty without awsvpc networking.
        private_ip: its address in the subnet; empty without awsvpc networking.
        mac_address: of the interface.
        containers: container definitions, with the overrides worked in.
        overrides: as run_task was given them.
        targets: ARN and port of each target group where it registers.
        tags: as ECS has them.
        last_status: `PROVISIONING`, `PENDING`, `ACTIVATING`, `RUNNING`, `DEACTIVATING`, `STOPPING`, `DEPROVISIONING` or
            `STOPPED`.
        desired_status: `RUNNING` or `STOPPED`.
        stop_code: such as `ServiceSchedulerInitiated`; empty while it is to run.
        stopped_reason: in ECS's words; empty while it is to run.
        exit_code: of its containers; None while they run.
        times: `createdAt`, `startedAt`, `stoppingAt`, `stoppedAt` as far as they have come.
        in_grace: the service's health check grace period is not over.
    """

    id: str
    account: str
    region: str
    cluster_arn: str
    task_definition_arn: str
    group: str
    started_by: str
    launch_type: str
    platform_version: str
    availability_zone: str
    subnet_id: str = ""
    network_interface_id: str = ""
    private_ip: str = ""
    mac_address: str = ""
    containers: Sequence[Mapping[str, Any]] = ()
    overrides: Mapping[str, Any] = field(default_factory=dict)
    targets: Sequence[tuple[str, int]] = ()
    tags: list[dict[str, str]] = field(default_factory=list)
    last_status: str = "PROVISIONING"
    desired_status: str = "RUNNING"
    stop_code: str = ""
    stopped_reason: str = ""
    exit_code: int | None = None
    times: dict[str, datetime] = field(default_factory=lambda: {"createdAt": utcnow()})
    in_grace: bool = True

    @property
    def task_arn(self) -> str:
        """Its ARN, `arn:…:task/<cluster>/<id>`."""
        cluster = self.cluster_arn.replace(":cluster/", ":task/")
        return f"{cluster}/{self.id}"

    @property
    def cluster_name(self) -> str:
        """Name of its cluster."""
        return self.cluster_arn.rpartition("/")[2]

    @property
    def service_name(self) -> str:
        """Name of its service, or nothing."""
        kind, _, name = self.group.partition(":")
        return name if kind == "service" else ""

    @property
    def task_definition(self) -> str:
        """Its revision as `family:revision`."""
        return self.task_definition_arn.rpartition("/")[2]

    @property
    def target_group_arn(self) -> str:
        """The first target group where it registers, or nothing."""
        return self.targets[0][0] if self.targets else ""

    @property
    def environment(self) -> dict[str, str]:
        """Plain environment variables of its first container."""
        return {each["name"]: each["value"] for each in self.containers[0].get("environment") or ()}

    @property
    def secrets(self) -> dict[str, str]:
        """Environment variables of its first container that ECS fills: where each value is from, never the value."""
        return {each["name"]: each["valueFrom"] for each in self.containers[0].get("secrets") or ()}

    @property
    def fails(self) -> bool:
        """Whether a fault lets it answer 500."""
        return bool(injected_faults.active("tasks-fail", task_definition=self.task_definition))

    @property
    def is_serving(self) -> bool:
        """Whether its containers run in a zone that is there; it may still answer 500."""
        return self.last_status in ("ACTIVATING", "RUNNING", "DEACTIVATING") and not injected_faults.is_lost(
            self.availability_zone
        )


def tasks(region: str) -> list[Task]:
    """Return every task of a region, the stopped ones of the last hour too."""
    return [
        task
        for account in list(ecs_backends)
        for of_cluster in ecs_backends[account][region].tasks.values()
        for task in of_cluster.values()
        if isinstance(task, Task)
    ]


def task_at(region: str, private_ip: str) -> Task | None:
    """Return the task with an address, the newest if several had it."""
    return next((task for task in reversed(tasks(region)) if task.private_ip == private_ip), None)
