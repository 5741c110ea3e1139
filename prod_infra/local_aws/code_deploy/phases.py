"""The phases of a CodeDeploy deployment of an ECS service: each generator yields its waits, in AWS's seconds.

Follows https://docs.aws.amazon.com/codedeploy/latest/userguide/deployment-steps-ecs.html. Once traffic has moved the
target is `Succeeded`, while the deployment stays `InProgress` until the old task set is gone
(https://github.com/aws/containers-roadmap/issues/269).
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Generator
from typing import Final

from moto.awslambda.models import lambda_backends
from moto.core.utils import utcnow

from prod_infra.local_aws import elbv2
from prod_infra.local_aws.code_deploy import configs as code_deploy_configs
from prod_infra.local_aws.code_deploy.deployment import Deployment
from prod_infra.local_aws.ecs import scheduler as ecs_scheduler
from prod_infra.local_aws.ecs import task_sets as ecs_task_sets
from prod_infra.local_aws.timeline import TICK_SECONDS, TIMELINE

STEP_SECONDS: Final = 1.0
"""How long a step lasts that has nothing to wait for."""

POLL_SECONDS: Final = 5.0
"""How often a step looks whether what it waits for is there; also how often alarms are polled."""

INSTALL_SECONDS: Final = 3600.0
"""After an hour without a healthy replacement a deployment fails; so does one whose hook has not reported."""


class StepError(Exception):
    """A deployment can't go on.

    Attributes:
        code: of `errorInformation`.
        status: with which the deployment ends, `Failed` or `Stopped`.
    """

    def __init__(self, code: str, message: str, *, status: str = "Failed") -> None:
        super().__init__(message)
        self.code = code
        self.status = status


def poll_seconds() -> float:
    """Return how long to wait between two looks: however fast time passes, the calls must get a turn."""
    return max(POLL_SECONDS, TICK_SECONDS * TIMELINE.factor)


def start(deployment: Deployment) -> Generator[float, None, None]:
    """Start a deployment: from `Queued` to `InProgress`."""
    deployment.status = "Queued"
    yield STEP_SECONDS
    deployment.blue = deployment.blue or ecs_task_sets.primary(deployment.service)
    if deployment.blue is None:
        raise StepError("INVALID_ECS_SERVICE", "The ECS service has no primary task set.")
    deployment.status = deployment.target_status = "InProgress"
    deployment.times["startTime"] = utcnow()


def deploy(deployment: Deployment) -> Generator[float, None, None]:
    """Bring up the replacement, show it to the test listener, give it the traffic, and let the old one go."""
    yield from start(deployment)
    yield from _hook(deployment, "BeforeInstall")
    yield from _install(deployment)
    yield from _hook(deployment, "AfterInstall")
    if deployment.listeners("testTrafficRoute"):
        deployment.enter("AllowTestTraffic")
        _shift(deployment, "testTrafficRoute", 100)
        yield STEP_SECONDS
        deployment.leave("AllowTestTraffic")
        yield from _hook(deployment, "AfterAllowTestTraffic")
    else:
        deployment.leave("AllowTestTraffic", "Skipped")
        deployment.leave("AfterAllowTestTraffic", "Skipped")
    yield from _ready_wait(deployment)
    yield from _hook(deployment, "BeforeAllowTraffic")
    deployment.enter("AllowTraffic")
    for percent, seconds in code_deploy_configs.schedule(deployment.config):
        deployment.percent = percent
        _shift(deployment, "prodTrafficRoute", percent)
        deployment.updated = utcnow()
        yield seconds or STEP_SECONDS
    ecs_task_sets.make_primary(deployment.service, deployment.green)
    deployment.leave("AllowTraffic")
    yield from _hook(deployment, "AfterAllowTraffic")
    deployment.target_status = "Succeeded"
    yield from _terminate(deployment)


def _install(deployment: Deployment) -> Generator[float, None, None]:
    deployment.enter("Install")
    service, spec = deployment.service, deployment.app_spec
    taken = deployment.blue.load_balancers[0]["targetGroupArn"]
    others = [arn for arn in deployment.target_groups if arn != taken]
    if not others:
        raise StepError("ELASTIC_LOAD_BALANCING_INVALID", "The replacement task set has no target group of its own.")
    for leftover in service.task_sets:
        if leftover is not deployment.blue and leftover.status != "DRAINING":
            ecs_task_sets.delete(deployment.ecs, service, leftover)
    balancer = {"targetGroupArn": others[0], "containerName": spec.container, "containerPort": spec.port}
    # It may have been deregistered since the call.
    held = deployment.ecs.task_definitions.get(spec.family, {}).get(spec.revision)
    if held is None or held.status != "ACTIVE":
        raise StepError(
            "ECS_UPDATE_ERROR",
            "The ECS service cannot be updated due to an unexpected error: TaskDefinition is inactive "
            "(Service: AmazonECS; Status Code: 400; Error Code: ClientException).",
        )
    deployment.green = ecs_task_sets.create(
        deployment.ecs,
        service,
        task_definition=spec.task_definition,
        load_balancers=[balancer],
        network=spec.network or service.network_configuration,
        platform_version=spec.platform_version,
        external_id=deployment.id,
        started_by="CODE_DEPLOY",
    )
    # The wall clock: at a high clock factor the polls are fewer than AWS's.
    deadline = time.monotonic() + INSTALL_SECONDS / TIMELINE.factor
    while deployment.green.stabilityStatus != "STEADY_STATE":
        if time.monotonic() > deadline:
            raise StepError(
                "TIMEOUT",
                "The deployment timed out while waiting for the replacement task set to become healthy. "
                "This time out period is 60 minutes.",
            )
        yield poll_seconds()
        ecs_scheduler.count(deployment.ecs, service)
    deployment.leave("Install")


def _hook(deployment: Deployment, event: str) -> Generator[float, None, None]:
    """Wait for the function of a lifecycle event to report; without one the event succeeds."""
    deployment.enter(event)
    function = deployment.app_spec.hooks.get(event)
    if function is None:
        yield STEP_SECONDS
        deployment.leave(event)
        return
    name = function.rpartition(":function:")[2]
    functions = lambda_backends[deployment.backend.account_id][deployment.backend.region_name].list_functions()
    if not any(each.function_name == name for each in functions):
        deployment.leave(event, "Failed", errorCode="UnknownError", message=f"Function not found: {function}")
        raise StepError("HOOK_EXECUTION_FAILURE", "One or more of the lifecycle event validation functions failed.")
    deployment.hook = (event, str(uuid.uuid4()))
    yield INSTALL_SECONDS
    if deployment.hook[0] == event:
        deployment.hook = ("", "")
        deployment.leave(event, "Failed", errorCode="ScriptTimedOut", message=f"{function} has not reported in time.")
    if deployment.events[event]["status"] != "Succeeded":
        raise StepError("HOOK_EXECUTION_FAILURE", "One or more of the lifecycle event validation functions failed.")


def _ready_wait(deployment: Deployment) -> Generator[float, None, None]:
    """Where the group says so, wait for `continue_deployment`; without one the deployment stops."""
    option = (deployment.group.blue_green_deployment_configuration or {}).get("deploymentReadyOption") or {}
    if option.get("actionOnTimeout") != "STOP_DEPLOYMENT" or deployment.creator == "codeDeployRollback":
        return
    deployment.status = deployment.target_status = "Ready"
    deployment.waits_for = "READY_WAIT"
    yield float(option.get("waitTimeInMinutes") or 0) * 60
    if deployment.waits_for:
        message = "The deployment was stopped because traffic was not rerouted before the end of the wait time."
        raise StepError("TIMEOUT", message, status="Stopped")
    deployment.status = deployment.target_status = "InProgress"


def _terminate(deployment: Deployment) -> Generator[float, None, None]:
    """Keep the old task set for as long as the group says, then delete it and wait until it is gone."""
    option = (deployment.group.blue_green_deployment_configuration or {}).get(
        "terminateBlueInstancesOnDeploymentSuccess"
    ) or {}
    if option.get("action") == "KEEP_ALIVE":
        return
    deployment.waits_for = "TERMINATION_WAIT"
    yield float(option.get("terminationWaitTimeInMinutes") or 0) * 60
    deployment.waits_for = ""
    ecs_task_sets.delete(deployment.ecs, deployment.service, deployment.blue)
    while deployment.blue in deployment.service.task_sets:
        yield poll_seconds()


def _shift(deployment: Deployment, route: str, percent: int) -> None:
    """Give the new task set's target group a share of a route's requests, and the old one's the rest."""
    old, new = (task_set.load_balancers[0]["targetGroupArn"] for task_set in (deployment.blue, deployment.green))
    _spread(deployment, route, {old: 100 - percent, new: percent})


def _spread(deployment: Deployment, route: str, percent: dict[str, int]) -> None:
    if not set(percent) <= set(deployment.target_groups):
        raise StepError("ELASTIC_LOAD_BALANCING_INVALID", "A target group of the deployment does not exist.")
    for listener in deployment.listeners(route):
        if elbv2.weights(deployment.elbv2, listener, list(percent)) is None:
            raise StepError(
                "ELASTIC_LOAD_BALANCING_INVALID",
                f"The listener {listener} does not exist or does not forward to the deployment's target groups.",
            )
        elbv2.shift(deployment.elbv2, listener, percent)
