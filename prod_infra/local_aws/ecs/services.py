"""ECS services: moto drops half of their settings, starts no task of them, and changes and deletes what AWS would not.

Follows https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateService.html and its neighbours.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from moto.core.responses import ActionResult
from moto.core.utils import camelcase_to_underscores, utcnow
from moto.ecs import exceptions, models, responses
from moto.elbv2.models import elbv2_backends

from prod_infra.local_aws.ecs import scheduler as ecs_scheduler
from prod_infra.local_aws.ecs import task_calls as ecs_task_calls
from prod_infra.local_aws.ecs import task_sets as ecs_task_sets
from prod_infra.local_aws.patches import around

# Settings of a service that moto has no place for, and what AWS makes of their absence.
SETTINGS: dict[str, Any] = {
    "deploymentConfiguration": {},
    "healthCheckGracePeriodSeconds": 0,
    "enableECSManagedTags": False,
    "enableExecuteCommand": False,
    "availabilityZoneRebalancing": "DISABLED",
    "capacityProviderStrategy": [],
    "placementConstraints": [],
    "placementStrategy": [],
}
DEPLOYMENT = {"maximumPercent": 200, "minimumHealthyPercent": 100}

# With the CODE_DEPLOY controller only a CodeDeploy deployment changes these.
OWNED_BY_CODEDEPLOY = {
    "taskDefinition": "task definition",
    "loadBalancers": "load balancers",
    "networkConfiguration": "network configuration",
    "platformVersion": "platform version",
}


def _attribute(setting: str) -> str:
    return str(camelcase_to_underscores(setting))


def _check_target_groups(response: Any, load_balancers: list[Mapping[str, Any]]) -> None:
    backend = elbv2_backends[response.current_account][response.region]
    actions = [
        str(action.data)
        for balancer in backend.load_balancers.values()
        for listener in balancer.listeners.values()
        for rule in listener.rules.values()
        for action in rule.actions
    ]
    for arn in (each["targetGroupArn"] for each in load_balancers if each.get("targetGroupArn")):
        if not any(arn in action for action in actions):
            raise exceptions.InvalidParameterException(
                f"The target group with targetGroupArn {arn} does not have an associated load balancer."
            )


def _deployment(service: Any) -> dict[str, Any]:
    """Return a new rolling deployment of a service as it is now."""
    deployment_id, now = ecs_task_sets.new_id(), utcnow()
    return {
        "id": deployment_id,
        "status": "PRIMARY",
        "taskDefinition": service.task_definition,
        "desiredCount": service.desired_count,
        "runningCount": 0,
        "pendingCount": 0,
        "failedTasks": 0,
        "createdAt": now,
        "updatedAt": now,
        "launchType": service.launch_type,
        "platformVersion": service.platform_version,
        "platformFamily": "Linux" if service.launch_type == "FARGATE" else None,
        "networkConfiguration": service.network_configuration,
        "rolloutState": "IN_PROGRESS",
        "rolloutStateReason": f"ECS deployment {deployment_id} in progress.",
    }


def _create(original: Callable[..., ActionResult], response: Any) -> ActionResult:
    get = response._get_param
    cluster, name = get("cluster", "default"), get("serviceName")
    found, _ = response.ecs_backend.describe_services(cluster, [name])
    if found and found[0].status == "ACTIVE":
        raise exceptions.InvalidParameterException("Creation of service was not idempotent.")
    if found and found[0].status == "DRAINING":
        raise exceptions.InvalidParameterException("Unable to Start a service that is still Draining.")
    _check_target_groups(response, get("loadBalancers") or [])
    answer = original(response)
    service = response.ecs_backend.describe_services(cluster, [name])[0][0]
    for setting, absent in SETTINGS.items():
        setattr(service, _attribute(setting), get(setting) or absent)
    service.deployment_configuration = DEPLOYMENT | service.deployment_configuration
    service.platform_version = service.platform_version or ("LATEST" if service.launch_type == "FARGATE" else None)
    service.created_at, service.was_steady = utcnow(), False
    if service.deployment_controller["type"] == "ECS":
        service.deployments = [_deployment(service)]
    elif service.deployment_controller["type"] == "CODE_DEPLOY":
        # CodeDeploy's first task set is the one with which the service was made.
        first = ecs_task_sets.create(
            response.ecs_backend,
            service,
            task_definition=service.task_definition,
            load_balancers=service.load_balancers,
            network=service.network_configuration,
            started_by="CODE_DEPLOY",
        )
        ecs_task_sets.make_primary(service, first)
    ecs_scheduler.sync(response.ecs_backend, service)
    ecs_scheduler.wake()
    return answer


def _update(original: Callable[..., ActionResult], response: Any) -> ActionResult:
    get = response._get_param
    found, _ = response.ecs_backend.describe_services(get("cluster", "default"), [get("service")])
    if not found:
        raise exceptions.ServiceNotFoundException
    service = found[0]
    if service.status != "ACTIVE":
        raise exceptions.ECSException("ServiceNotActiveException", "Service was not ACTIVE.")
    if service.deployment_controller["type"] == "CODE_DEPLOY":
        for setting, words in OWNED_BY_CODEDEPLOY.items():
            if (given := get(setting)) and given != getattr(service, _attribute(setting)):
                raise exceptions.InvalidParameterException(
                    f"Unable to update {words} on services with a CODE_DEPLOY deployment controller. "
                    "Use AWS CodeDeploy to trigger a new deployment."
                )
        if get("forceNewDeployment"):
            raise exceptions.InvalidParameterException(
                "Cannot force a new deployment on services with a CODE_DEPLOY deployment controller. "
                "Use AWS CodeDeploy to trigger a new deployment."
            )
    # moto renames the running deployment where AWS starts another.
    deployments, before = [dict(each) for each in service.deployments], _deployed(service)
    answer = original(response)
    service.deployment_configuration = DEPLOYMENT | service.deployment_configuration
    if service.task_definition:
        service.task_definition = response.ecs_backend.describe_task_definition(service.task_definition).arn
    service.deployments = deployments
    if deployments and (get("forceNewDeployment") or _deployed(service) != before):
        service.deployments = [_deployment(service), *(each | {"status": "ACTIVE"} for each in deployments)]
    ecs_scheduler.sync(response.ecs_backend, service)
    return answer


def _deployed(service: Any) -> dict[str, Any]:
    return {setting: getattr(service, _attribute(setting)) for setting in OWNED_BY_CODEDEPLOY}


def _describe(original: Callable[..., ActionResult], response: Any) -> ActionResult:
    cluster, names = response._get_param("cluster", "default"), response._get_param("services", [])
    for service in response.ecs_backend.describe_services(cluster, names)[0]:
        ecs_scheduler.count(response.ecs_backend, service)
    return original(response)


def _delete(original: Callable[..., Any], backend: Any, *args: Any) -> Any:
    service = original(backend, *args)
    service.desired_count, service.status = 0, "DRAINING"
    ecs_scheduler.sync(backend, service)
    return service


def _delete_cluster(original: Callable[..., Any], backend: Any, cluster_str: str) -> Any:
    cluster = backend._get_cluster(cluster_str)
    if any(
        service.cluster_arn == cluster.arn and service.status != "INACTIVE" for service in backend.services.values()
    ):
        raise exceptions.ECSException(
            "ClusterContainsServicesException", "The Cluster cannot be deleted while Services are active."
        )
    return original(backend, cluster_str)


def register() -> None:
    """Keep every setting of a service, let its tasks run, and protect what is in use."""
    ecs_task_calls.register()
    ecs_task_sets.register()
    around(responses.EC2ContainerServiceResponse, "create_service")(_create)
    around(responses.EC2ContainerServiceResponse, "update_service")(_update)
    around(responses.EC2ContainerServiceResponse, "describe_services")(_describe)
    around(models.EC2ContainerServiceBackend, "delete_service")(_delete)
    around(models.EC2ContainerServiceBackend, "delete_cluster")(_delete_cluster)
