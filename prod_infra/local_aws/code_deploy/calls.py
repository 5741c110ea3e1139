"""CodeDeploy's calls about deployments of ECS services: create, watch, continue, stop, and report from hooks.

Follows https://docs.aws.amazon.com/codedeploy/latest/APIReference/Welcome.html. Lambda hooks are not run; what waits
for a report is told by `GET /_prod_infra/lifecycle-hooks`, as only the function gets to know its execution ID.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from moto.codedeploy import responses
from moto.codedeploy.models import codedeploy_backends
from moto.core.exceptions import JsonRESTError
from moto.core.responses import ActionResult

from prod_infra.local_aws import admin
from prod_infra.local_aws.code_deploy import app_spec as code_deploy_app_spec
from prod_infra.local_aws.code_deploy import configs as code_deploy_configs
from prod_infra.local_aws.code_deploy import steps as code_deploy_steps
from prod_infra.local_aws.code_deploy.deployment import Deployment
from prod_infra.local_aws.patches import added, around

STATUSES: Final = ("Created", "Queued", "InProgress", "Baking", "Succeeded", "Failed", "Stopped", "Ready")


def _deployment(response: Any) -> Deployment:
    deployment_id = response.params.get("deploymentId")
    if not deployment_id:
        raise JsonRESTError("DeploymentIdRequiredException", "Deployment ID is required.")
    found: Deployment = response.codedeploy_backend.get_deployment(deployment_id)
    return found


def of_group(backend: Any, group: Any) -> list[Deployment]:
    """Return a group's deployments, oldest first."""
    return [each for each in backend.deployments.values() if each.group is group]


def last(backend: Any, group: Any, *, successful: bool = False) -> Deployment | None:
    """Return a group's newest deployment, or the newest that succeeded; None if there is none."""
    found = [each for each in of_group(backend, group) if not successful or each.status == "Succeeded"]
    return found[-1] if found else None


def _create(_: Callable[..., ActionResult], response: Any) -> ActionResult:
    backend, params = response.codedeploy_backend, response.params
    if not params.get("deploymentGroupName"):
        raise JsonRESTError("DeploymentGroupNameRequiredException", "Deployment group name is required.")
    group = backend.get_deployment_group(params["applicationName"], params["deploymentGroupName"])
    if group.application.compute_platform != "ECS":
        raise JsonRESTError("InvalidComputePlatformException", "The local AWS deploys to ECS alone.")
    if not params.get("revision"):
        raise JsonRESTError("RevisionRequiredException", "The revision is required.")
    app_spec = code_deploy_app_spec.from_revision(params["revision"], backend.account_id, backend.region_name)
    config = code_deploy_configs.get(backend, params.get("deploymentConfigName") or group.deployment_config_name)
    if config["computePlatform"] != "ECS":
        raise JsonRESTError(
            "InvalidDeploymentConfigNameException", f"{config['deploymentConfigName']} is not for the ECS platform."
        )
    before = last(backend, group, successful=True)
    deployment = Deployment(
        backend=backend,
        group=group,
        app_spec=app_spec,
        config=config,
        settings=params,
        creator="user",
        previous=before.app_spec.location if before else {},
    )
    _check_service(deployment)
    for each in of_group(backend, group):
        if not each.is_over:
            raise JsonRESTError(
                "DeploymentLimitExceededException",
                f"The Deployment Group '{group.deployment_group_name}' already has an active Deployment '{each.id}'",
            )
    backend.deployments[deployment.id] = deployment
    code_deploy_steps.begin(deployment)
    return ActionResult({"deploymentId": deployment.id})


def _check_service(deployment: Deployment) -> None:
    if not deployment.group.ecs_services or deployment.service is None:
        raise JsonRESTError("InvalidECSServiceException", "The ECS service does not exist or is not ACTIVE.")
    if deployment.service.deployment_controller["type"] != "CODE_DEPLOY":
        raise JsonRESTError(
            "InvalidECSServiceException", "Deployment group's ECS service must be configured for a CODE_DEPLOY "
            "deployment controller."
        )  # fmt: skip
    if not (deployment.group.load_balancer_info or {}).get("targetGroupPairInfoList"):
        raise JsonRESTError("InvalidLoadBalancerInfoException", "A pair of target groups is required.")


def _get(_: Callable[..., ActionResult], response: Any) -> ActionResult:
    return ActionResult({"deploymentInfo": _deployment(response).info()})


def _batch_get(_: Callable[..., ActionResult], response: Any) -> ActionResult:
    held = response.codedeploy_backend.deployments
    return ActionResult({"deploymentsInfo": [held[each].info() for each in response.params["deploymentIds"]
                                             if each in held]})  # fmt: skip


def _list(_: Callable[..., ActionResult], response: Any) -> ActionResult:
    backend, params = response.codedeploy_backend, response.params
    application, group = params.get("applicationName"), params.get("deploymentGroupName")
    if group and not application:
        raise JsonRESTError("ApplicationNameRequiredException", "Application name is required.")
    if application and group:
        backend.get_deployment_group(application, group)
    elif application:
        backend.get_application(application)
    wanted = params.get("includeOnlyStatuses") or ()
    if unknown := sorted(set(wanted) - set(STATUSES)):
        raise JsonRESTError("InvalidDeploymentStatusException", f"Unknown status: {', '.join(unknown)}")
    span: Mapping[str, Any] = params.get("createTimeRange") or {}
    start, end = (_seconds(span.get(key)) for key in ("start", "end"))
    if start is not None and end is not None and start > end:
        raise JsonRESTError("InvalidTimeRangeException", "The start time must be earlier than the end time.")
    found = [
        each.id
        for each in reversed(backend.deployments.values())
        if application in (None, each.group.application.application_name)
        and group in (None, each.group.deployment_group_name)
        and (not wanted or each.status in wanted)
        and (start is None or _seconds(each.times["createTime"]) >= start)
        and (end is None or _seconds(each.times["createTime"]) <= end)
    ]
    return ActionResult({"deployments": found})


def _seconds(moment: Any) -> Any:
    return moment.timestamp() if hasattr(moment, "timestamp") else moment


def _continue(response: Any) -> ActionResult:
    deployment = _deployment(response)
    if deployment.is_over:
        raise JsonRESTError("DeploymentAlreadyCompletedException", f"{deployment.id} has completed.")
    wanted = response.params.get("deploymentWaitType") or "READY_WAIT"
    if wanted not in ("READY_WAIT", "TERMINATION_WAIT"):
        raise JsonRESTError("InvalidDeploymentWaitTypeException", f"{wanted} is no wait type.")
    if deployment.waits_for != wanted:
        raise JsonRESTError("DeploymentIsNotInReadyStateException", f"{deployment.id} does not wait: {wanted}")
    code_deploy_steps.go_on(deployment)
    return ActionResult({})


def _stop(response: Any) -> ActionResult:
    deployment = _deployment(response)
    if deployment.is_over:
        raise JsonRESTError("DeploymentAlreadyCompletedException", f"{deployment.id} has completed.")
    asked = response.params.get("autoRollbackEnabled")
    configured = code_deploy_steps.rolls_back(deployment, "DEPLOYMENT_STOP_ON_REQUEST")
    code_deploy_steps.stop(
        deployment,
        roll_back=configured if asked is None else bool(asked),
        code="MANUAL_STOP",
        message="The deployment was stopped on request.",
    )
    return ActionResult({"status": "Succeeded", "statusMessage": "Deployment stopped."})


def _started(response: Any) -> Deployment:
    deployment = _deployment(response)
    if deployment.status in ("Created", "Queued"):
        raise JsonRESTError("DeploymentNotStartedException", f"{deployment.id} has not started.")
    return deployment


def _list_targets(response: Any) -> ActionResult:
    deployment = _started(response)
    wanted = (response.params.get("targetFilters") or {}).get("TargetStatus") or ()
    return ActionResult({"targetIds": [deployment.target_id] if deployment.target_status in wanted or not wanted
                         else []})  # fmt: skip


def _check_target(deployment: Deployment, target_id: str) -> None:
    if target_id != deployment.target_id:
        raise JsonRESTError("DeploymentTargetDoesNotExistException", f"{target_id} is no target of {deployment.id}.")


def _get_targets(response: Any) -> ActionResult:
    deployment, names = _started(response), response.params.get("targetIds") or ()
    if not names:
        raise JsonRESTError("DeploymentTargetIdRequiredException", "At least one target ID is required.")
    for name in names:
        _check_target(deployment, name)
    return ActionResult({"deploymentTargets": [deployment.target() for _ in names]})


def _get_target(response: Any) -> ActionResult:
    deployment = _started(response)
    _check_target(deployment, response.params["targetId"])
    return ActionResult({"deploymentTarget": deployment.target()})


def _report_hook(response: Any) -> ActionResult:
    deployment, params = _deployment(response), response.params
    event, execution_id = deployment.hook
    status = params.get("status")
    if status not in ("Succeeded", "Failed"):
        raise JsonRESTError("InvalidLifecycleEventHookExecutionStatusException", "Report Succeeded or Failed.")
    if not execution_id or params.get("lifecycleEventHookExecutionId") != execution_id:
        raise JsonRESTError("InvalidLifecycleEventHookExecutionIdException", "No hook of this ID waits for a report.")
    if status == "Failed":
        deployment.leave(event, status, errorCode="ScriptFailed", message="The function reported a failure.")
    else:
        deployment.leave(event)
    deployment.hook = ("", "")
    code_deploy_steps.go_on(deployment)
    return ActionResult({"lifecycleEventHookExecutionId": execution_id})


def _get_revision(response: Any) -> ActionResult:
    backend, params = response.codedeploy_backend, response.params
    backend.get_application(params["applicationName"])
    given = params["revision"].get("appSpecContent") or params["revision"].get("string") or {}
    for each in reversed(backend.deployments.values()):
        spec = each.app_spec
        if given.get("sha256") == spec.sha256 and each.group.application.application_name == params["applicationName"]:
            content = {"content": spec.content, "sha256": spec.sha256}
            info = {
                "deploymentGroups": [each.group.deployment_group_name],
                "firstUsedTime": each.times["createTime"],
                "lastUsedTime": each.times["createTime"],
                "registerTime": each.times["createTime"],
            }
            return ActionResult(
                {
                    "applicationName": params["applicationName"],
                    "revision": {"revisionType": "AppSpecContent", "appSpecContent": content},
                    "revisionInfo": info,
                }
            )
    raise JsonRESTError("RevisionDoesNotExistException", "No revision of this hash was deployed.")


@admin.route("GET /lifecycle-hooks")
def _waiting_hooks(_: Mapping[str, Any]) -> dict[str, Any]:
    waiting = [
        {"deploymentId": each.id, "lifecycleEventName": each.hook[0], "lifecycleEventHookExecutionId": each.hook[1]}
        for account in list(codedeploy_backends)
        for backend in list(codedeploy_backends[account].values())
        for each in backend.deployments.values()
        if each.hook[1]
    ]
    return {"hooks": waiting}


def register() -> None:
    """Answer the calls about deployments."""
    calls = responses.CodeDeployResponse
    around(calls, "create_deployment")(_create)
    around(calls, "get_deployment")(_get)
    around(calls, "batch_get_deployments")(_batch_get)
    around(calls, "list_deployments")(_list)
    added(calls, "continue_deployment")(_continue)
    added(calls, "stop_deployment")(_stop)
    added(calls, "list_deployment_targets")(_list_targets)
    added(calls, "batch_get_deployment_targets")(_get_targets)
    added(calls, "get_deployment_target")(_get_target)
    added(calls, "put_lifecycle_event_hook_execution_status")(_report_hook)
    added(calls, "get_application_revision")(_get_revision)
