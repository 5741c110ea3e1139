"""CodeDeploy: moto can't update or delete an application or group, and loses the alarms of a group.

Follows https://docs.aws.amazon.com/codedeploy/latest/APIReference/Welcome.html.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from moto.codedeploy import exceptions, responses
from moto.core.responses import ActionResult

from prod_infra.local_aws.code_deploy import calls as code_deploy_calls
from prod_infra.local_aws.code_deploy import configs as code_deploy_configs
from prod_infra.local_aws.patches import added, around

# Name in a call: attribute of moto's DeploymentGroup.
UPDATABLE = {
    "deploymentConfigName": "deployment_config_name",
    "ec2TagFilters": "ec2_tag_filters",
    "onPremisesInstanceTagFilters": "on_premises_instance_tag_filters",
    "autoScalingGroups": "auto_scaling_groups",
    "serviceRoleArn": "service_role_arn",
    "triggerConfigurations": "trigger_configurations",
    "alarmConfiguration": "alarm_configuration",
    "autoRollbackConfiguration": "auto_rollback_configuration",
    "outdatedInstancesStrategy": "outdated_instances_strategy",
    "deploymentStyle": "deployment_style",
    "blueGreenDeploymentConfiguration": "blue_green_deployment_configuration",
    "loadBalancerInfo": "load_balancer_info",
    "ec2TagSet": "ec2_tag_set",
    "ecsServices": "ecs_services",
    "onPremisesTagSet": "on_premises_tag_set",
    "terminationHookEnabled": "termination_hook_enabled",
}


def _group_info(original: Callable[..., dict[str, Any]], group: Any) -> dict[str, Any]:
    return original(group) | {"alarmConfiguration": group.alarm_configuration or {}}


def _get_group(original: Callable[..., ActionResult], response: Any) -> ActionResult:
    answer, backend, params = original(response), response.codedeploy_backend, response.params
    group = backend.get_deployment_group(params["applicationName"], params["deploymentGroupName"])
    attempted = code_deploy_calls.last(backend, group)
    successful = code_deploy_calls.last(backend, group, successful=True)
    # moto's placeholders would read as a deployment and a revision without content.
    answer.result["deploymentGroupInfo"] |= {
        "targetRevision": successful and successful.app_spec.location,
        "lastSuccessfulDeployment": successful and successful.summary(),
        "lastAttemptedDeployment": attempted and attempted.summary(),
    }
    return answer


def _create_group(original: Callable[..., ActionResult], response: Any) -> ActionResult:
    if name := response.params.get("deploymentConfigName"):
        code_deploy_configs.get(response.codedeploy_backend, name)
    return original(response)


def _rename(names: dict[str, Any], old: str, new: str | None, taken: type[Exception]) -> str:
    """Move an entry to its new name, at its old place if there is none, and return the name it has now."""
    if not new or new == old:
        return old
    if new in names:
        raise taken(f"{new} already exists.")
    names[new] = names.pop(old)
    return new


def _update_group(response: Any) -> ActionResult:
    backend, params = response.codedeploy_backend, response.params
    application, name = params["applicationName"], params["currentDeploymentGroupName"]
    group = backend.get_deployment_group(application, name)
    if config := params.get("deploymentConfigName"):
        code_deploy_configs.get(backend, config)
    group.deployment_group_name = _rename(
        backend.deployment_groups[application],
        name,
        params.get("newDeploymentGroupName"),
        exceptions.DeploymentGroupAlreadyExistsException,
    )
    for key, attribute in UPDATABLE.items():
        if params.get(key) is not None:
            setattr(group, attribute, params[key])
    return ActionResult({"hooksNotCleanedUp": []})


def _delete_group(response: Any) -> ActionResult:
    backend, params = response.codedeploy_backend, response.params
    application, name = params["applicationName"], params["deploymentGroupName"]
    # AWS calls a group or application that is gone already no error.
    if backend.deployment_groups.get(application, {}).pop(name, None):
        backend.tagger.delete_all_tags_for_resource(backend._deployment_group_arn(application, name))
    return ActionResult({"hooksNotCleanedUp": []})


def _update_application(response: Any) -> ActionResult:
    backend, params = response.codedeploy_backend, response.params
    name = params["applicationName"]
    application = backend.get_application(name)
    new = params.get("newApplicationName")
    application.application_name = _rename(
        backend.applications, name, new, exceptions.ApplicationAlreadyExistsException
    )
    backend.deployment_groups[application.application_name] = backend.deployment_groups.pop(name, {})
    return ActionResult({})


def _delete_application(response: Any) -> ActionResult:
    backend, name = response.codedeploy_backend, response.params["applicationName"]
    if backend.applications.pop(name, None):
        backend.deployment_groups.pop(name, None)
        backend.tagger.delete_all_tags_for_resource(backend._application_arn(name))
    return ActionResult({})


def register() -> None:
    """Add updates and deletes, the alarms of a group, its deployments and the configurations of those."""
    code_deploy_calls.register()
    code_deploy_configs.register()
    around(responses, "_deployment_group_info")(_group_info)
    calls = responses.CodeDeployResponse
    around(calls, "get_deployment_group")(_get_group)
    around(calls, "create_deployment_group")(_create_group)
    added(calls, "update_deployment_group")(_update_group)
    added(calls, "delete_deployment_group")(_delete_group)
    added(calls, "update_application")(_update_application)
    added(calls, "delete_application")(_delete_application)
