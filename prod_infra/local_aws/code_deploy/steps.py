"""How a CodeDeploy deployment of an ECS service goes on by itself, how it ends, and the rollback after that.

Follows https://docs.aws.amazon.com/codedeploy/latest/userguide/deployments-rollback-and-redeploy.html. AWS does not
document how it leaves a deployment that ends without a rollback: here all traffic is then with the primary task set,
and the other one is drained.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Final

from prod_infra.local_aws import elbv2
from prod_infra.local_aws.cloudwatch import alarms as cloudwatch
from prod_infra.local_aws.code_deploy import configs as code_deploy_configs
from prod_infra.local_aws.code_deploy.app_spec import AppSpec, content_for
from prod_infra.local_aws.code_deploy.deployment import Deployment
from prod_infra.local_aws.code_deploy.phases import STEP_SECONDS, StepError, deploy, poll_seconds, start
from prod_infra.local_aws.ecs import task_sets as ecs_task_sets
from prod_infra.local_aws.faults import injected_faults
from prod_infra.local_aws.timeline import TIMELINE

RETRY_SECONDS: Final = 0.2
"""Real seconds after which a stuck deployment is looked at again."""

REDIRECT: Final = "CodeDeployDefault.ECSAllAtOnce"


def begin(deployment: Deployment) -> None:
    """Let a new deployment go on by itself."""
    deployment.steps = deploy(deployment)
    _plan(deployment, STEP_SECONDS)
    _watch_alarms(deployment)


def go_on(deployment: Deployment) -> None:
    """End a deployment's wait now."""
    deployment.waits_for = ""
    _plan(deployment, 0.0)


def stop(deployment: Deployment, *, roll_back: bool, code: str, message: str) -> None:
    """Stop a deployment.

    Args:
        deployment: one that is not over.
        roll_back: with a second deployment, which brings back what was before.
        code: of `errorInformation`.
        message: of `errorInformation`.
    """
    deployment.error = {"code": code, "message": message}
    deployment.end("Stopped")
    _settle_or_roll_back(deployment, roll_back=roll_back)


def rolls_back(deployment: Deployment, event: str) -> bool:
    """Return whether the configuration rolls back on `DEPLOYMENT_FAILURE` or another of its events."""
    config = deployment.settings.get("autoRollbackConfiguration") or deployment.group.auto_rollback_configuration or {}
    return bool(config.get("enabled")) and event in (config.get("events") or ())


def _plan(deployment: Deployment, seconds: float) -> None:
    deployment.turn += 1
    turn = deployment.turn
    TIMELINE.after(seconds, lambda: _next(deployment, turn))


def _next(deployment: Deployment, turn: int) -> None:
    if deployment.is_over or deployment.turn != turn or deployment.steps is None:
        return
    if injected_faults.active("stuck", what="deployment"):
        TIMELINE.after(RETRY_SECONDS, lambda: _next(deployment, turn), real=True)
        return
    if deployment.service is None:
        _fail(deployment, StepError("INVALID_ECS_SERVICE", "The ECS service is not active."))
        return
    try:
        seconds = next(deployment.steps)
    except StepError as error:
        _fail(deployment, error)
    except StopIteration:
        deployment.end("Succeeded")
    else:
        _plan(deployment, seconds)


def _fail(deployment: Deployment, error: StepError) -> None:
    deployment.error = {"code": error.code, "message": str(error)}
    deployment.end(error.status)
    _settle_or_roll_back(deployment, roll_back=rolls_back(deployment, "DEPLOYMENT_FAILURE"))


def _watch_alarms(deployment: Deployment) -> None:
    if deployment.is_over:
        return
    config = deployment.settings.get("overrideAlarmConfiguration") or deployment.group.alarm_configuration or {}
    names = [alarm["name"] for alarm in config.get("alarms") or ()] if config.get("enabled") else []
    if names and deployment.status != "Created" and cloudwatch.in_alarm(deployment.backend.region_name, names):
        stop(
            deployment,
            roll_back=rolls_back(deployment, "DEPLOYMENT_STOP_ON_ALARM"),
            code="ALARM_ACTIVE",
            message="One or more alarms have been activated according to the Amazon CloudWatch metrics you selected, "
            "and the affected deployments have been stopped.",
        )
        return
    TIMELINE.after(poll_seconds(), lambda: _watch_alarms(deployment))


def _give_back(deployment: Deployment, winner: Any) -> None:
    """Give all traffic to one of a deployment's task sets, make it the primary one, and drain the other."""
    service = deployment.service
    ecs_task_sets.make_primary(service, winner)
    if deployment.green is None:
        return
    arn = winner.load_balancers[0]["targetGroupArn"]
    for route in ("prodTrafficRoute", "testTrafficRoute"):
        for listener in deployment.listeners(route):
            elbv2.shift(deployment.elbv2, listener, {each: 100 * (each == arn) for each in deployment.target_groups})
    deployment.percent = 100 * (winner is deployment.green)
    for task_set in (deployment.blue, deployment.green):
        if task_set not in (None, winner) and task_set.status != "DRAINING":
            ecs_task_sets.delete(deployment.ecs, service, task_set)


def _settle_or_roll_back(deployment: Deployment, *, roll_back: bool) -> None:
    """Tidy up after a deployment that has failed or was stopped, or let a second deployment do so."""
    service, blue = deployment.service, deployment.blue
    if service is None or blue is None:
        return
    if not roll_back or deployment.creator == "codeDeployRollback":
        _give_back(deployment, ecs_task_sets.primary(service))
        return
    backend = deployment.backend
    rollback = Deployment(
        backend=backend,
        group=deployment.group,
        app_spec=_spec_of(deployment, blue),
        config=code_deploy_configs.get(backend, REDIRECT),
        settings={"description": f"Rollback of {deployment.id}"},
        creator="codeDeployRollback",
        previous=deployment.app_spec.location,
    )
    rollback.rollback = {
        "rollbackTriggeringDeploymentId": deployment.id,
        "rollbackMessage": f"Deployment {deployment.id} is being rolled back.",
    }
    deployment.rollback = {
        "rollbackDeploymentId": rollback.id,
        "rollbackMessage": f"Rolled back by deployment {rollback.id}.",
    }
    backend.deployments[rollback.id] = rollback
    # Once the old task set is going there is no way back to it, so the old revision is deployed anew.
    if blue.status == "DRAINING":
        rollback.steps = deploy(rollback)
    else:
        rollback.blue, rollback.green = deployment.green, blue
        rollback.steps = _reroute(rollback, deployment)
    _plan(rollback, STEP_SECONDS)


def _spec_of(deployment: Deployment, task_set: Any) -> AppSpec:
    """Return the revision that made a task set; the one that create_service made gets an AppSpec of its own."""
    earlier: Deployment
    for earlier in deployment.backend.deployments.values():
        if earlier.green is task_set:
            return earlier.app_spec
    balancer = task_set.load_balancers[0]
    container, port = balancer["containerName"], balancer["containerPort"]
    return AppSpec(
        content=content_for(task_set.task_definition, container, port),
        task_definition=task_set.task_definition,
        container=container,
        port=port,
        platform_version=task_set.platform_version,
        network=task_set.network_configuration,
        hooks={},
    )


def _reroute(rollback: Deployment, failed: Deployment) -> Generator[float, None, None]:
    """Bring the traffic back to the original task set, which still runs, and drain the replacement."""
    for name in rollback.events:
        if name != "AllowTraffic":
            rollback.leave(name, "Skipped")
    yield from start(rollback)
    rollback.enter("AllowTraffic")
    _give_back(failed, failed.blue)
    rollback.percent = 100
    yield STEP_SECONDS
    rollback.leave("AllowTraffic")
    rollback.target_status = "Succeeded"
    while failed.green in rollback.service.task_sets:
        yield poll_seconds()
