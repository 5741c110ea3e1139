"""One deployment of an ECS service, as CodeDeploy's calls tell of it.

Shapes follow https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_DeploymentInfo.html and API_ECSTarget.html.
"""

from __future__ import annotations

import random
import string
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from moto.core.utils import utcnow
from moto.ecs.models import ecs_backends
from moto.elbv2.models import elbv2_backends

from prod_infra.local_aws.code_deploy.app_spec import EVENTS, AppSpec

OVER: Final = ("Succeeded", "Failed", "Stopped")
"""States of a deployment that has ended."""


def new_id() -> str:
    """Return the ID of a new deployment, such as `d-A1B2C3D4E`."""
    return "d-" + "".join(random.choices(string.ascii_uppercase + string.digits, k=9))  # noqa: S311  a name, no secret


@dataclass(eq=False, kw_only=True)
class Deployment:
    """A deployment.

    Attributes:
        backend: moto's CodeDeploy backend of the account and region.
        group: moto's deployment group.
        app_spec: what is deployed.
        config: the deployment configuration, as `get_deployment_config` tells it.
        settings: `description`, `autoRollbackConfiguration` and so on, as the create call has them.
        creator: `user` or `codeDeployRollback`.
        previous: revision that was deployed before; empty for the first.
        id: such as `d-A1B2C3D4E`.
        status: AWS's, `Created` at first.
        target_status: status of the one target, the service.
        events: each lifecycle event by name, as `lifecycleEvents` has it.
        blue: moto's task set that had the traffic before; None until the deployment starts.
        green: moto's task set that gets it; None until Install.
        percent: how much of the traffic the new task set has.
        error: `errorInformation`; empty while nothing went wrong.
        rollback: `rollbackInfo`.
        waits_for: `READY_WAIT` or `TERMINATION_WAIT` while that wait lasts, else nothing.
        hook: lifecycle event and execution ID of the hook that must report; empty strings if there is none.
        message: `additionalDeploymentStatusInfo`.
        times: `createTime`, `startTime`, `completeTime` as far as they have come.
        updated: when something changed last.
        steps: what is left to do; each yields how many of AWS's seconds to wait.
        turn: number of the planned next step; work with another number is void.
    """

    backend: Any
    group: Any
    app_spec: AppSpec
    config: Mapping[str, Any]
    settings: Mapping[str, Any]
    creator: str
    previous: Mapping[str, Any]
    id: str = field(default_factory=new_id)
    status: str = "Created"
    target_status: str = "Pending"
    events: dict[str, dict[str, Any]] = field(
        default_factory=lambda: {name: {"lifecycleEventName": name, "status": "Pending"} for name in EVENTS}
    )
    blue: Any = None
    green: Any = None
    percent: int = 0
    error: dict[str, str] = field(default_factory=dict)
    rollback: dict[str, str] = field(default_factory=dict)
    waits_for: str = ""
    hook: tuple[str, str] = ("", "")
    message: str = ""
    times: dict[str, datetime] = field(default_factory=lambda: {"createTime": utcnow()})
    updated: datetime = field(default_factory=utcnow)
    steps: Generator[float, None, None] | None = None
    turn: int = 0

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self.status in OVER

    @property
    def ecs(self) -> Any:
        """The account's and region's ECS, as moto has it."""
        return ecs_backends[self.backend.account_id][self.backend.region_name]

    @property
    def elbv2(self) -> Any:
        """The account's and region's load balancing, as moto has it."""
        return elbv2_backends[self.backend.account_id][self.backend.region_name]

    @property
    def service(self) -> Any:
        """The ECS service that the group names, as moto has it; None if it is not active."""
        found = self.ecs.services.get(self.target_id)
        return found if found is not None and found.status == "ACTIVE" else None

    @property
    def pair(self) -> dict[str, Any]:
        """The group's pair of target groups, with the listeners."""
        return dict(self.group.load_balancer_info["targetGroupPairInfoList"][0])

    @property
    def target_groups(self) -> list[str]:
        """ARNs of the pair of target groups that still are there."""
        arns = {group.name: group.arn for group in self.elbv2.target_groups.values()}
        return [arns[each["name"]] for each in self.pair["targetGroups"] if each["name"] in arns]

    def listeners(self, route: str) -> list[str]:
        """Return ARNs of the listeners of `prodTrafficRoute` or `testTrafficRoute`."""
        return list((self.pair.get(route) or {}).get("listenerArns") or ())

    def enter(self, name: str) -> None:
        """Begin a lifecycle event."""
        self.updated = utcnow()
        self.events[name] |= {"status": "InProgress", "startTime": self.updated}

    def leave(self, name: str, status: str = "Succeeded", **diagnostics: str) -> None:
        """End a lifecycle event, with `errorCode` and `message` if it failed."""
        self.updated = utcnow()
        event = self.events[name]
        event |= {"status": status, "endTime": self.updated}
        if status != "Skipped":
            event.setdefault("startTime", self.updated)
        if diagnostics:
            event["diagnostics"] = {"scriptName": "", "logTail": "", **diagnostics}

    def end(self, status: str) -> None:
        """End as `Succeeded`, `Failed` or `Stopped`."""
        self.status, self.waits_for, self.hook = status, "", ("", "")
        self.turn += 1
        self.updated = self.times["completeTime"] = utcnow()
        if status != "Succeeded" and self.target_status != "Succeeded":
            self.target_status = "Failed" if status == "Failed" else "Skipped"
        for name, event in self.events.items():
            if event["status"] in ("Pending", "InProgress") and status != "Succeeded":
                failed = status == "Failed" and event["status"] == "InProgress"
                self.leave(name, "Failed" if failed else "Skipped")

    def summary(self) -> dict[str, Any]:
        """Return `LastDeploymentInfo`."""
        ended = {"endTime": self.times["completeTime"]} if self.is_over else {}
        return {
            "deploymentId": self.id,
            "status": self.status,
            "createTime": self.times["createTime"],
            **ended,
        }

    def info(self) -> dict[str, Any]:
        """Return `DeploymentInfo`."""
        group, settings = self.group, self.settings
        overview = dict.fromkeys(("Pending", "InProgress", "Succeeded", "Failed", "Skipped", "Ready"), 0)
        overview[self.target_status] += 1
        return {
            "applicationName": group.application.application_name,
            "deploymentGroupName": group.deployment_group_name,
            "deploymentConfigName": self.config["deploymentConfigName"],
            "deploymentId": self.id,
            "previousRevision": self.previous or None,
            "revision": self.app_spec.location,
            "status": self.status,
            "errorInformation": self.error or None,
            "deploymentOverview": overview,
            "description": settings.get("description"),
            "creator": self.creator,
            "ignoreApplicationStopFailures": bool(settings.get("ignoreApplicationStopFailures")),
            "autoRollbackConfiguration": settings.get("autoRollbackConfiguration") or group.auto_rollback_configuration,
            "updateOutdatedInstancesOnly": False,
            "rollbackInfo": self.rollback or None,
            "deploymentStyle": group.deployment_style,
            # Said to be unreliable for ECS (https://github.com/aws/containers-roadmap/issues/269): watch the target.
            "instanceTerminationWaitTimeStarted": False,
            "blueGreenDeploymentConfiguration": group.blue_green_deployment_configuration,
            "loadBalancerInfo": group.load_balancer_info,
            "additionalDeploymentStatusInfo": self.message or None,
            "fileExistsBehavior": settings.get("fileExistsBehavior") or "DISALLOW",
            "deploymentStatusMessages": [],
            "computePlatform": "ECS",
            "overrideAlarmConfiguration": settings.get("overrideAlarmConfiguration"),
            **self.times,
        }

    @property
    def target_id(self) -> str:
        """ID of the one target, `<cluster>:<service>`."""
        named = self.group.ecs_services[0]
        return ":".join(named[key].rpartition("/")[2] for key in ("clusterName", "serviceName"))

    def target(self) -> dict[str, Any]:
        """Return `DeploymentTarget`."""
        service = self.service
        names = {group.arn: group.name for group in self.elbv2.target_groups.values()}
        sets = []
        for label, task_set, percent in (("Blue", self.blue, 100 - self.percent), ("Green", self.green, self.percent)):
            if task_set is not None and service is not None and task_set in service.task_sets:
                arn = task_set.load_balancers[0]["targetGroupArn"]
                sets.append(
                    {
                        "identifer": task_set.id,  # AWS's own spelling
                        "desiredCount": task_set.computed_desired_count,
                        "pendingCount": task_set.pending_count,
                        "runningCount": task_set.running_count,
                        "status": task_set.status,
                        "trafficWeight": float(percent),
                        "targetGroup": {"name": names.get(arn, "")},
                        "taskSetLabel": label,
                    }
                )
        target = {
            "deploymentId": self.id,
            "targetId": self.target_id,
            "targetArn": service.arn if service is not None else None,
            "lastUpdatedAt": self.updated,
            "lifecycleEvents": list(self.events.values()),
            "status": self.target_status,
            "taskSetsInfo": sets,
        }
        return {"deploymentTargetType": "ECSTarget", "ecsTarget": target}
