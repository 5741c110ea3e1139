"""ECS services on the local AWS: every setting reads back, tasks run, and CodeDeploy keeps what it owns."""

from __future__ import annotations

from typing import Any

import pytest

from prod_infra.local_aws.clients import Clients
from tests.local_aws.blue_green import until
from tests.local_aws.environment import load_balancer, network, refused

SETTINGS: dict[str, Any] = {
    "desiredCount": 2,
    "launchType": "FARGATE",
    "platformVersion": "1.4.0",
    "deploymentController": {"type": "CODE_DEPLOY"},
    "deploymentConfiguration": {"maximumPercent": 150, "minimumHealthyPercent": 50},
    "healthCheckGracePeriodSeconds": 60,
    "enableECSManagedTags": True,
    "enableExecuteCommand": True,
    "propagateTags": "SERVICE",
    "availabilityZoneRebalancing": "ENABLED",
}


@pytest.fixture
def service(clients: Clients) -> dict[str, Any]:
    """A service with production's settings, as its create call was given."""
    where = network(clients)
    target_group = load_balancer(clients, where)["target_group"]
    ecs = clients("ecs")
    ecs.create_cluster(clusterName="prod")
    definition = ecs.register_task_definition(
        family="app",
        requiresCompatibilities=["FARGATE"],
        networkMode="awsvpc",
        cpu="256",
        memory="512",
        containerDefinitions=[{"name": "app", "image": "app", "portMappings": [{"containerPort": 8443}]}],
    )["taskDefinition"]["taskDefinitionArn"]
    given = SETTINGS | {
        "cluster": "prod",
        "serviceName": "app",
        "taskDefinition": definition,
        "loadBalancers": [{"targetGroupArn": target_group, "containerName": "app", "containerPort": 8443}],
        "networkConfiguration": {
            "awsvpcConfiguration": {
                "subnets": where.subnets,
                "securityGroups": [where.group],
                "assignPublicIp": "DISABLED",
            }
        },
    }
    ecs.create_service(**given)
    return given


def described(clients: Clients) -> dict[str, Any]:
    """Return the service."""
    found: dict[str, Any] = clients("ecs").describe_services(cluster="prod", services=["app"])["services"][0]
    return found


def test_a_service_reads_back_as_it_was_set(clients: Clients, service: dict[str, Any]) -> None:
    """Every setting of the create call is what describe returns."""
    found = described(clients)
    expected = {key: value for key, value in service.items() if key != "cluster"}
    assert {key: found[key] for key in expected} == expected


def test_as_many_tasks_run_as_are_wanted(clients: Clients, service: dict[str, Any]) -> None:
    """The tasks start, and more of them after the count changed."""
    until(lambda: (described(clients)["runningCount"], described(clients)["pendingCount"]) == (2, 0), "2 tasks run")
    clients("ecs").update_service(cluster="prod", service="app", desiredCount=4, healthCheckGracePeriodSeconds=90)
    until(lambda: described(clients)["runningCount"] == 4, "4 tasks run")
    found = described(clients)
    assert (found["desiredCount"], found["healthCheckGracePeriodSeconds"]) == (4, 90)
    assert service["desiredCount"] == 2


def test_silence_means_awss_defaults(clients: Clients, service: dict[str, Any]) -> None:
    """What a create call leaves out is what AWS makes of it."""
    clients("ecs").create_service(cluster="prod", serviceName="plain", taskDefinition=service["taskDefinition"])
    found = clients("ecs").describe_services(cluster="prod", services=["plain"])["services"][0]
    assert found["deploymentConfiguration"] == {"maximumPercent": 200, "minimumHealthyPercent": 100}
    assert (found["enableECSManagedTags"], found["enableExecuteCommand"]) == (False, False)


def test_only_codedeploy_changes_the_task_definition(clients: Clients, service: dict[str, Any]) -> None:
    """AWS refuses an update of what CodeDeploy owns."""
    update = clients("ecs").update_service
    assert refused(update, cluster="prod", service="app", taskDefinition="app:2") == "InvalidParameterException"
    assert described(clients)["taskDefinition"] == service["taskDefinition"]


def test_a_second_service_of_the_name_is_refused(clients: Clients, service: dict[str, Any]) -> None:
    """Creating again does not replace the first."""
    assert refused(clients("ecs").create_service, **service) == "InvalidParameterException"


def test_a_target_group_must_belong_to_a_load_balancer(clients: Clients, service: dict[str, Any]) -> None:
    """A service can't register with a target group that no listener forwards to."""
    vpc = clients("ec2").describe_vpcs(Filters=[{"Name": "cidr", "Values": ["10.1.0.0/16"]}])["Vpcs"][0]["VpcId"]
    lonely = clients("elbv2").create_target_group(
        Name="lonely", Protocol="HTTPS", Port=8443, VpcId=vpc, TargetType="ip"
    )["TargetGroups"][0]["TargetGroupArn"]
    balancers = [service["loadBalancers"][0] | {"targetGroupArn": lonely}]
    again = service | {"serviceName": "other", "loadBalancers": balancers}
    assert refused(clients("ecs").create_service, **again) == "InvalidParameterException"


def test_a_deleted_service_is_inactive_and_makes_room(clients: Clients, service: dict[str, Any]) -> None:
    """A forced delete drains the service; then nothing runs, an update is refused, and the name is free."""
    ecs = clients("ecs")
    ecs.delete_service(cluster="prod", service="app", force=True)
    assert refused(ecs.create_service, **service) == "InvalidParameterException"
    until(lambda: described(clients)["status"] == "INACTIVE", "the service is gone")
    assert described(clients)["runningCount"] == 0
    assert refused(ecs.update_service, cluster="prod", service="app", desiredCount=1) == "ServiceNotActiveException"
    ecs.create_service(**service)
    assert described(clients)["status"] == "ACTIVE"
