"""ECS: moto drops half of a service's settings, starts no task of it, and changes and deletes what AWS would not.

Follows https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateService.html and its neighbours. Tasks count
as running at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from moto.core.responses import ActionResult
from moto.core.utils import camelcase_to_underscores, utcnow
from moto.ecs import exceptions, models, responses
from moto.elbv2.models import elbv2_backends

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


def _run_all(service: Any) -> None:
    """Let as many tasks run as are wanted."""
    service.running_count, service.pending_count = service.desired_count, 0
    for deployment in service.deployments:
        deployment |= {
            "desiredCount": service.desired_count,
            "runningCount": service.desired_count,
            "pendingCount": 0,
            "rolloutState": "COMPLETED",
        }


def _create(original: Callable[..., ActionResult], response: Any) -> ActionResult:
    get = response._get_param
    cluster, name = get("cluster", "default"), get("serviceName")
    found, _ = response.ecs_backend.describe_services(cluster, [name])
    if found and found[0].status == "ACTIVE":
        raise exceptions.InvalidParameterException("Creation of service was not idempotent.")
    _check_target_groups(response, get("loadBalancers") or [])
    answer = original(response)
    service = response.ecs_backend.describe_services(cluster, [name])[0][0]
    for setting, absent in SETTINGS.items():
        setattr(service, _attribute(setting), get(setting) or absent)
    service.deployment_configuration = DEPLOYMENT | service.deployment_configuration
    service.platform_version = service.platform_version or ("LATEST" if service.launch_type == "FARGATE" else None)
    service.created_at = utcnow()
    _run_all(service)
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
    answer = original(response)
    service.deployment_configuration = DEPLOYMENT | service.deployment_configuration
    _run_all(service)
    return answer


def _delete(original: Callable[..., Any], backend: Any, *args: Any) -> Any:
    service = original(backend, *args)
    service.desired_count = service.running_count = 0
    service.deployments = []
    return service


def _delete_cluster(original: Callable[..., Any], backend: Any, cluster_str: str) -> Any:
    cluster = backend._get_cluster(cluster_str)
    if any(service.cluster_arn == cluster.arn and service.status == "ACTIVE" for service in backend.services.values()):
        raise exceptions.ECSException(
            "ClusterContainsServicesException", "The Cluster cannot be deleted while Services are active."
        )
    return original(backend, cluster_str)


def register() -> None:
    """Keep every setting of a service, let its tasks run, and protect what is in use."""
    around(responses.EC2ContainerServiceResponse, "create_service")(_create)
    around(responses.EC2ContainerServiceResponse, "update_service")(_update)
    around(models.EC2ContainerServiceBackend, "delete_service")(_delete)
    around(models.EC2ContainerServiceBackend, "delete_cluster")(_delete_cluster)
