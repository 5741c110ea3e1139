"""CodeDeploy's blue/green deployments of the ECS service: look and deploy. `release` and `rollback` share it.

Facts: https://docs.aws.amazon.com/codedeploy/latest/userguide/deployment-steps-ecs.html; once all traffic has moved the
target is `Succeeded` while the deployment waits to end the old task set
(https://github.com/aws/containers-roadmap/issues/269); ECS lists no `deployments` of such services: nothing here
asks for them.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from botocore.exceptions import ClientError

from prod_infra.errors import RunbookError
from runbooks.core.aws import Aws
from runbooks.verify.deployed import Deployed, only

BUSY: Final = ["Created", "Queued", "InProgress", "Baking", "Ready"]
ALL_AT_ONCE: Final = "CodeDeployDefault.ECSAllAtOnce"

_TASK_DEFINITION: Final = re.compile(r"arn:[\w-]+:ecs:[\w-]+:\d+:task-definition/[\w-]+:\d+")


def short(arn: str) -> str:
    """Return `family:revision` of a task definition's ARN."""
    return arn.rpartition("/")[2]


def revisions(aws: Aws, family: str) -> list[str]:
    """Return the ARNs of a family's active task definitions, newest first."""
    pages = aws("ecs").get_paginator("list_task_definitions").paginate(familyPrefix=family, status="ACTIVE")
    # The prefix also finds families whose names begin so.
    found = [str(arn) for page in pages for arn in page["taskDefinitionArns"] if short(arn).startswith(f"{family}:")]
    return sorted(found, key=revision_number, reverse=True)


def revision_number(arn: str) -> int:
    """Return the number of a task definition's revision."""
    return int(arn.rpartition(":")[2])


@dataclass(frozen=True, kw_only=True)
class Service:
    """The ECS service and CodeDeploy's deployment group for it, by name; JSON with `asdict`."""

    application: str
    group: str
    cluster: str
    service: str

    @property
    def of_group(self) -> dict[str, str]:
        """The group as CodeDeploy's calls name it."""
        return {"applicationName": self.application, "deploymentGroupName": self.group}


@dataclass(frozen=True, kw_only=True)
class Status:
    """How a deployment stands.

    Attributes:
        info: AWS's `DeploymentInfo`.
        events: lifecycle events by name.
        shifted: whether all traffic is with the new task set.
    """

    info: Mapping[str, Any]
    events: Mapping[str, Mapping[str, Any]]
    shifted: bool

    @property
    def name(self) -> str:
        """AWS's status of the deployment, such as `Ready`."""
        return str(self.info["status"])

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self.name not in BUSY

    @property
    def in_progress(self) -> bool:
        """Whether it still may move traffic."""
        return not self.is_over and not self.shifted

    @property
    def failure(self) -> str:
        """Why it ended early; empty where it did not."""
        if self.name not in {"Failed", "Stopped"}:
            return ""
        why = self.info.get("errorInformation") or {}
        return f"{self.info['deploymentId']} {self.name}: {why.get('code', '')} {why.get('message', '')}".strip()

    def event(self, name: str) -> str:
        """Return the status of a lifecycle event, such as `AllowTraffic`."""
        return str(self.events.get(name, {}).get("status", "Pending"))


class BlueGreen:
    """The service and its deployments, as AWS shows them now: nothing is kept.

    Args:
        aws: the target.
        service: names.
    """

    def __init__(self, aws: Aws, service: Service) -> None:
        self.aws = aws
        self.service = service
        self._code_deploy = aws("codedeploy")

    @classmethod
    def of(cls, aws: Aws, env: Deployed) -> Self:
        """Find the service's deployment group.

        Raises:
            NotFoundError: there is none, or more than one.
        """
        code_deploy = aws("codedeploy")
        ours = {
            "serviceName": env.service["serviceName"],
            "clusterName": env.service["clusterArn"].rpartition("/")[2],
        }
        found = [
            Service(application=application, group=group, cluster=ours["clusterName"], service=ours["serviceName"])
            for application in env.pages("codedeploy", "list_applications", "applications")
            for group in env.pages(
                "codedeploy", "list_deployment_groups", "deploymentGroups", applicationName=application
            )
            if ours
            in code_deploy.get_deployment_group(applicationName=application, deploymentGroupName=group)[
                "deploymentGroupInfo"
            ].get("ecsServices", ())
        ]
        return cls(aws, only(found, f"deployment group of the service {ours['serviceName']}"))

    def primary(self) -> dict[str, Any]:
        """Return the task set that has the customers' traffic.

        Raises:
            RunbookError: the service has none.
        """
        named = {"cluster": self.service.cluster, "services": [self.service.service]}
        services = self.aws("ecs").describe_services(**named)["services"]
        found = [one for service in services for one in service.get("taskSets", ()) if one["status"] == "PRIMARY"]
        if len(found) != 1:
            raise RunbookError(f"The service {self.service.service} has {len(found)} primary task sets, not one.")
        return dict(found[0])

    def live(self) -> str:
        """Return the ARN of the task definition that has the traffic."""
        return str(self.primary()["taskDefinition"])

    def image(self, task_definition: str) -> str:
        """Return the image of the container behind the load balancer."""
        container = self.primary()["loadBalancers"][0]["containerName"]
        known = self.aws("ecs").describe_task_definition(taskDefinition=task_definition)["taskDefinition"]
        images = [str(one["image"]) for one in known["containerDefinitions"] if one["name"] == container]
        return str(only(images, f"container {container} in {short(task_definition)}"))

    def is_gated(self) -> bool:
        """Return whether a deployment stops before traffic shifts, until it is told to go on."""
        group = self._code_deploy.get_deployment_group(**self.service.of_group)["deploymentGroupInfo"]
        option = group.get("blueGreenDeploymentConfiguration", {}).get("deploymentReadyOption", {})
        return bool(option.get("actionOnTimeout") == "STOP_DEPLOYMENT")

    def history(self, statuses: list[str] | None = None) -> list[dict[str, Any]]:
        """Return AWS's `DeploymentInfo` of the group's deployments, newest first.

        Args:
            statuses: only these; all if left out.
        """
        wanted = {"includeOnlyStatuses": statuses} if statuses else {}
        pages = self._code_deploy.get_paginator("list_deployments").paginate(**self.service.of_group, **wanted)
        names = [name for page in pages for name in page["deployments"]]
        found: list[dict[str, Any]] = []
        # AWS tells of 25 at a time: API reference, BatchGetDeployments.
        for start in range(0, len(names), 25):
            batch = self._code_deploy.batch_get_deployments(deploymentIds=names[start : start + 25])
            found += batch["deploymentsInfo"]
        return sorted(found, key=lambda info: info["createTime"], reverse=True)

    def active(self) -> Status | None:
        """Return the deployment that has not ended, if there is one; it may only wait to end the old task set."""
        found = self.history(BUSY)
        return self.status(found[0]["deploymentId"]) if found else None

    def status(self, deployment: str) -> Status:
        """Return how a deployment stands."""
        info = self._code_deploy.get_deployment(deploymentId=deployment)["deploymentInfo"]
        try:
            names = self._code_deploy.list_deployment_targets(deploymentId=deployment)["targetIds"]
        except ClientError as error:
            if error.response["Error"]["Code"] != "DeploymentNotStartedException":
                raise
            names = []
        if not names:
            return Status(info=info, events={}, shifted=False)
        answer = self._code_deploy.batch_get_deployment_targets(deploymentId=deployment, targetIds=names)
        target = answer["deploymentTargets"][0]["ecsTarget"]
        events = {event["lifecycleEventName"]: event for event in target["lifecycleEvents"]}
        return Status(info=info, events=events, shifted=target["status"] == "Succeeded")

    def task_definition_of(self, info: Mapping[str, Any]) -> str:
        """Return the ARN of the task definition that a deployment brings; empty where AWS does not tell."""
        named = {"applicationName": self.service.application, "revision": info["revision"]}
        try:
            answer = self._code_deploy.get_application_revision(**named)
        except ClientError as error:
            if error.response["Error"]["Code"] != "RevisionDoesNotExistException":
                raise
            return ""
        given = answer["revision"].get("appSpecContent") or answer["revision"].get("string") or {}
        found = _TASK_DEFINITION.search(given.get("content", ""))
        return found.group() if found else ""

    def previous(self) -> str:
        """Return what the service ran before what it runs now, by the group's deployments; empty if they don't tell."""
        live = self.live()
        for info in self.history():
            status = self.status(info["deploymentId"])
            # One that was stopped after all traffic had moved has brought nothing in the end.
            if status.failure or not (status.shifted or status.is_over):
                continue
            brought = self.task_definition_of(info)
            if brought and brought != live:
                return brought
            # What the first deployment replaced, none has brought.
            if (replaced := _TASK_DEFINITION.search(info.get("description") or "")) and replaced.group() != live:
                return replaced.group()
        return ""

    def creation(
        self, task_definition: str, replaces: str, *, config: str = "", heed_alarms: bool = True
    ) -> dict[str, Any]:
        """Return the arguments of `create_deployment`.

        Args:
            task_definition: ARN, or text that stands for one not known yet.
            replaces: ARN of the one that has the traffic; the description keeps it for `previous`.
            config: deployment configuration; the group's own if empty.
            heed_alarms: whether the group's alarms end it; a way back has to work while they fire.
        """
        balancer = self.primary()["loadBalancers"][0]
        properties = {
            "TaskDefinition": task_definition,
            "LoadBalancerInfo": {
                "ContainerName": balancer["containerName"],
                "ContainerPort": balancer["containerPort"],
            },
        }
        target = {"TargetService": {"Type": "AWS::ECS::Service", "Properties": properties}}
        content = json.dumps({"version": 0.0, "Resources": [target]})
        known = _TASK_DEFINITION.fullmatch(task_definition)
        digest = hashlib.sha256(content.encode()).hexdigest() if known else "<sha256 of the content>"
        revision = {"revisionType": "AppSpecContent", "appSpecContent": {"content": content, "sha256": digest}}
        return {
            **self.service.of_group,
            "revision": revision,
            "description": f"prod_infra: replaces {replaces}",
            **({"deploymentConfigName": config} if config else {}),
            **({} if heed_alarms else {"overrideAlarmConfiguration": {"enabled": False}}),
        }

    def create(self, arguments: Mapping[str, Any]) -> str:
        """Create a deployment and return its ID."""
        return str(self._code_deploy.create_deployment(**arguments)["deploymentId"])

    def go_on(self, deployment: str, what: str) -> None:
        """End a deployment's `READY_WAIT` or `TERMINATION_WAIT`; one that waits no more is left alone."""
        try:
            self._code_deploy.continue_deployment(deploymentId=deployment, deploymentWaitType=what)
        except ClientError as error:
            over = {"DeploymentAlreadyCompletedException", "DeploymentIsNotInReadyStateException"}
            if error.response["Error"]["Code"] not in over:
                raise
