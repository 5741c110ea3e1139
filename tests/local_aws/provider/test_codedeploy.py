"""CodeDeploy applications and deployment groups."""

from __future__ import annotations

from typing import Any

import pytest

from prod_infra.local_aws.clients import Clients
from tests.local_aws.environment import role
from tests.local_aws.provider.lifecycle import made, run_lifecycle

APPLICATION = "aws:codedeploy/application:Application"
GROUP = "aws:codedeploy/deploymentGroup:DeploymentGroup"
LISTENER = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:listener/app/prod/1/"
BLUE_GREEN: dict[str, Any] = {
    "appName": "prod",
    "deploymentGroupName": "prod",
    "serviceRoleArn": "arn:aws:iam::123456789012:role/codedeploy",
    "deploymentConfigName": "CodeDeployDefault.ECSCanary10Percent5Minutes",
    "autoRollbackConfiguration": {"enabled": True, "events": ["DEPLOYMENT_STOP_ON_ALARM", "DEPLOYMENT_FAILURE"]},
    "alarmConfiguration": {"enabled": True, "alarms": ["prod-5xx", "prod-latency"]},
    "blueGreenDeploymentConfig": {
        "deploymentReadyOption": {"actionOnTimeout": "CONTINUE_DEPLOYMENT"},
        "terminateBlueInstancesOnDeploymentSuccess": {"action": "TERMINATE", "terminationWaitTimeInMinutes": 5},
    },
    "deploymentStyle": {"deploymentOption": "WITH_TRAFFIC_CONTROL", "deploymentType": "BLUE_GREEN"},
    "ecsService": {"clusterName": "prod", "serviceName": "app"},
    "loadBalancerInfo": {
        "targetGroupPairInfo": {
            "prodTrafficRoute": {"listenerArns": [f"{LISTENER}a"]},
            "testTrafficRoute": {"listenerArns": [f"{LISTENER}b"]},
            "targetGroups": [{"name": "blue"}, {"name": "green"}],
        }
    },
    "tags": {"Name": "prod"},
}


@pytest.fixture
def application(clients: Clients) -> str:
    """An application of ECS deployments, and the role of its groups."""
    role(clients, "codedeploy", "codedeploy.amazonaws.com")
    return made(clients, APPLICATION, {"name": "prod", "computePlatform": "ECS"}).id


def test_application(clients: Clients) -> None:
    """An application lives; it can be renamed and tagged in place."""
    inputs = {"name": "prod", "computePlatform": "ECS", "tags": {"Name": "prod"}}
    state = run_lifecycle(clients, APPLICATION, inputs, {**inputs, "tags": {"Owner": "platform"}})
    assert state["arn"] == "arn:aws:codedeploy:eu-central-1:123456789012:application:prod"
    assert state["id"] == f"{state['applicationId']}:prod"


@pytest.mark.usefixtures("application")
def test_blue_green_group(clients: Clients) -> None:
    """A blue/green group lives; alarms, rollback and configuration change in place."""
    changed = {
        **BLUE_GREEN,
        "deploymentConfigName": "CodeDeployDefault.ECSAllAtOnce",
        "alarmConfiguration": {"enabled": True, "alarms": ["prod-5xx"]},
    }
    quiet = {key: value for key, value in changed.items() if key not in {"alarmConfiguration", "tags"}}
    state = run_lifecycle(clients, GROUP, BLUE_GREEN, changed, quiet)
    assert state["id"] == state["deploymentGroupId"]
    assert state["arn"] == "arn:aws:codedeploy:eu-central-1:123456789012:deploymentgroup:prod/prod"
    assert state["computePlatform"] == "ECS"


@pytest.mark.usefixtures("application")
def test_blue_green_group_is_in_aws_as_asked(clients: Clients) -> None:
    """AWS itself tells the two target groups, both listeners and the alarms."""
    made(clients, GROUP, BLUE_GREEN)
    held = clients("codedeploy").get_deployment_group(applicationName="prod", deploymentGroupName="prod")
    info = held["deploymentGroupInfo"]
    pair = info["loadBalancerInfo"]["targetGroupPairInfoList"][0]
    assert [group["name"] for group in pair["targetGroups"]] == ["blue", "green"]
    assert pair["testTrafficRoute"]["listenerArns"] == [f"{LISTENER}b"]
    assert [alarm["name"] for alarm in info["alarmConfiguration"]["alarms"]] == ["prod-5xx", "prod-latency"]
    assert info["ecsServices"] == [{"clusterName": "prod", "serviceName": "app"}]


@pytest.mark.usefixtures("application")
def test_group_without_options(clients: Clients) -> None:
    """What CodeDeploy chooses is no change."""
    names = ("appName", "deploymentGroupName", "serviceRoleArn")
    run_lifecycle(clients, GROUP, {name: BLUE_GREEN[name] for name in names})
