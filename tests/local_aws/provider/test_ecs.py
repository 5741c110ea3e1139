"""ECS clusters, task definitions and services."""

from __future__ import annotations

import json
from typing import Any

import pytest

from prod_infra.errors import ProdInfraError
from prod_infra.local_aws.clients import Clients
from tests.local_aws.environment import role
from tests.local_aws.provider.lifecycle import Resource, made, run_lifecycle

CLUSTER = "aws:ecs/cluster:Cluster"
TASK = "aws:ecs/taskDefinition:TaskDefinition"
SERVICE = "aws:ecs/service:Service"
CONTAINER: dict[str, Any] = {
    "name": "app",
    "image": "example@sha256:" + "0" * 64,
    "portMappings": [{"containerPort": 8443}],
    "environment": [{"name": "B", "value": "2"}, {"name": "A", "value": "1"}],
    "secrets": [{"name": "DB", "valueFrom": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:prod/db-abcdef"}],
}
TASK_INPUTS: dict[str, Any] = {
    "family": "prod-app",
    "containerDefinitions": json.dumps([CONTAINER]),
    "cpu": "256",
    "memory": "512",
    "networkMode": "awsvpc",
    "requiresCompatibilities": ["FARGATE"],
    "executionRoleArn": "arn:aws:iam::123456789012:role/execution",
    "taskRoleArn": "arn:aws:iam::123456789012:role/task",
    "runtimePlatform": {"cpuArchitecture": "ARM64", "operatingSystemFamily": "LINUX"},
    "tags": {"Name": "app"},
}


@pytest.fixture(autouse=True)
def roles(clients: Clients) -> None:
    """The roles of the task."""
    for name in ("execution", "task"):
        role(clients, name, "ecs-tasks.amazonaws.com")


@pytest.fixture
def service_inputs(clients: Clients) -> dict[str, Any]:
    """Inputs of a blue/green service, with all that it needs made."""
    ec2, elb = clients("ec2"), clients("elbv2")
    vpc = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.1.{number}.0/24", AvailabilityZone=f"eu-central-1{zone}")["Subnet"][
            "SubnetId"
        ]
        for number, zone in enumerate("ab")
    ]
    group = ec2.create_security_group(GroupName="task", Description="task", VpcId=vpc)["GroupId"]
    target = elb.create_target_group(Name="blue", Protocol="HTTP", Port=8080, VpcId=vpc, TargetType="ip")
    target_arn = target["TargetGroups"][0]["TargetGroupArn"]
    balancer = elb.create_load_balancer(Name="prod", Subnets=subnets)["LoadBalancers"][0]["LoadBalancerArn"]
    forward = [{"Type": "forward", "TargetGroupArn": target_arn}]
    # ECS takes only target groups that a load balancer uses.
    elb.create_listener(LoadBalancerArn=balancer, Protocol="HTTP", Port=80, DefaultActions=forward)
    return {
        "name": "app",
        "cluster": made(clients, CLUSTER, {"name": "prod"}).id,
        "taskDefinition": made(clients, TASK, TASK_INPUTS).state["arn"],
        "desiredCount": 2,
        "launchType": "FARGATE",
        "platformVersion": "1.4.0",
        "deploymentController": {"type": "CODE_DEPLOY"},
        "healthCheckGracePeriodSeconds": 60,
        "propagateTags": "SERVICE",
        "enableEcsManagedTags": True,
        "networkConfiguration": {"subnets": subnets, "securityGroups": [group], "assignPublicIp": False},
        "loadBalancers": [
            {
                "targetGroupArn": target_arn,
                "containerName": "app",
                "containerPort": 8443,
            }
        ],
        "tags": {"Name": "app"},
    }


def test_cluster(clients: Clients) -> None:
    """A cluster lives; Container Insights, exec logging and tags change in place."""
    inputs = {
        "name": "prod",
        "settings": [{"name": "containerInsights", "value": "enabled"}],
        "tags": {"Name": "prod"},
    }
    logs = {"cloudWatchLogGroupName": "/ecs/exec", "s3BucketEncryptionEnabled": True, "s3BucketName": "prod-exec"}
    exec_logging = {"executeCommandConfiguration": {"logging": "OVERRIDE", "logConfiguration": logs}}
    state = run_lifecycle(
        clients,
        CLUSTER,
        inputs,
        {**inputs, "settings": [{"name": "containerInsights", "value": "enhanced"}], "tags": {"Owner": "platform"}},
        {**inputs, "configuration": exec_logging},
    )
    assert state["id"] == "arn:aws:ecs:eu-central-1:123456789012:cluster/prod"
    assert state["configuration"] == exec_logging


def test_task_definition(clients: Clients) -> None:
    """A task definition lives; only its tags change in place; AWS's defaults in containers are no change."""
    state = run_lifecycle(clients, TASK, TASK_INPUTS, {**TASK_INPUTS, "tags": {"Owner": "platform"}})
    assert state["id"] == "prod-app"
    assert state["revision"] == 1
    assert state["arn"] == "arn:aws:ecs:eu-central-1:123456789012:task-definition/prod-app:1"
    assert state["arnWithoutRevision"] == "arn:aws:ecs:eu-central-1:123456789012:task-definition/prod-app"


def test_new_contents_are_a_new_revision(clients: Clients) -> None:
    """Another image replaces the definition; the old revision is deregistered, the new one stays."""
    old = made(clients, TASK, TASK_INPUTS)
    changed = {**TASK_INPUTS, "containerDefinitions": json.dumps([{**CONTAINER, "image": "example:2"}])}
    old.check(changed)
    assert old.diff().replaces == ["containerDefinitions"]
    assert old.recover() is None, "the latest revision has other contents"
    new = made(clients, TASK, changed)
    old.delete()
    assert old.read() is None
    assert new.state["revision"] == 2
    assert new.read() == new.state


def test_somebody_elses_revision_is_no_drift(clients: Clients) -> None:
    """A revision that a release registered later is not this resource's."""
    task = made(clients, TASK, TASK_INPUTS)
    clients("ecs").register_task_definition(
        family="prod-app", containerDefinitions=[{**CONTAINER, "image": "x:3", "memory": 128}]
    )
    assert task.read() == task.state


def test_skip_destroy_keeps_the_revision(clients: Clients) -> None:
    """`skipDestroy` leaves the revision active."""
    task = made(clients, TASK, {**TASK_INPUTS, "skipDestroy": True})
    task.delete()
    assert task.read() is not None


def test_container_definitions_must_be_a_json_list(clients: Clients) -> None:
    """Anything but a JSON list fails before anything is sent."""
    for text in ("{", "{}"):
        faults = Resource(clients, TASK).check({**TASK_INPUTS, "containerDefinitions": text})
        assert faults.keys() == {"containerDefinitions"}


def test_blue_green_service(clients: Clients, service_inputs: dict[str, Any]) -> None:
    """A CODE_DEPLOY service lives; count, grace period and tags change in place."""
    changed = {**service_inputs, "desiredCount": 3, "healthCheckGracePeriodSeconds": 90}
    state = run_lifecycle(clients, SERVICE, service_inputs, changed, {**changed, "tags": {"Owner": "platform"}})
    assert state["id"] == "arn:aws:ecs:eu-central-1:123456789012:service/prod/app"
    assert state["deploymentMaximumPercent"] == 200


def test_rolling_service(clients: Clients, service_inputs: dict[str, Any]) -> None:
    """A service that ECS itself deploys takes a circuit breaker and another task definition in place."""
    inputs = {key: value for key, value in service_inputs.items() if key != "deploymentController"}
    breaker = {"enable": True, "rollback": True}
    image = json.dumps([{**CONTAINER, "image": "example:2"}])
    second = made(clients, TASK, {**TASK_INPUTS, "containerDefinitions": image}).state["arn"]
    changed = {**inputs, "deploymentCircuitBreaker": breaker, "taskDefinition": second}
    run_lifecycle(clients, SERVICE, inputs, changed)


def test_service_by_short_names(clients: Clients, service_inputs: dict[str, Any]) -> None:
    """A cluster's name and a family's revision stand for their ARNs."""
    run_lifecycle(clients, SERVICE, {**service_inputs, "cluster": "prod", "taskDefinition": "prod-app:1"})


def test_service_is_scaled_down_before_its_deletion(clients: Clients, service_inputs: dict[str, Any]) -> None:
    """A running service is deleted, and a cluster with a service in it is not."""
    service = made(clients, SERVICE, service_inputs)
    cluster = Resource(clients, CLUSTER)
    cluster.check({"name": "prod"})
    cluster.id = service_inputs["cluster"]
    with pytest.raises(ProdInfraError, match="ClusterContainsServicesException"):
        cluster.delete()
    service.delete()
    held = clients("ecs").describe_services(cluster="prod", services=["app"])["services"]
    assert [item["status"] for item in held] in ([], ["INACTIVE"])
    cluster.delete()
    assert cluster.read() is None


def test_service_needs_a_task_definition(clients: Clients) -> None:
    """A service without anything to run is refused before anything is sent."""
    assert Resource(clients, SERVICE).check({"name": "app"}).keys() == {"taskDefinition"}
