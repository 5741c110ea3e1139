"""CodeDeploy on the local AWS: applications and groups read back, change and go."""

from __future__ import annotations

from typing import Any

import pytest

from prod_infra.local_aws.clients import Clients
from tests.local_aws.environment import refused, role

GROUP: dict[str, Any] = {
    "deploymentConfigName": "CodeDeployDefault.ECSCanary10Percent5Minutes",
    "serviceRoleArn": "arn:aws:iam::123456789012:role/codedeploy",
    "deploymentStyle": {"deploymentType": "BLUE_GREEN", "deploymentOption": "WITH_TRAFFIC_CONTROL"},
    "autoRollbackConfiguration": {"enabled": True, "events": ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM"]},
    "alarmConfiguration": {"enabled": True, "ignorePollAlarmFailure": False, "alarms": [{"name": "5xx"}]},
    "blueGreenDeploymentConfiguration": {
        "terminateBlueInstancesOnDeploymentSuccess": {"action": "TERMINATE", "terminationWaitTimeInMinutes": 30},
        "deploymentReadyOption": {"actionOnTimeout": "CONTINUE_DEPLOYMENT", "waitTimeInMinutes": 0},
    },
    "ecsServices": [{"serviceName": "app", "clusterName": "prod"}],
    "loadBalancerInfo": {
        "targetGroupPairInfoList": [
            {
                "targetGroups": [{"name": "blue"}, {"name": "green"}],
                "prodTrafficRoute": {"listenerArns": ["arn:prod"]},
                "testTrafficRoute": {"listenerArns": ["arn:test"]},
            }
        ]
    },
}
NAMES = {"applicationName": "app", "deploymentGroupName": "blue-green"}


@pytest.fixture
def code_deploy(clients: Clients) -> Any:
    """A client, and a group with production's settings."""
    client = clients("codedeploy")
    role(clients, "codedeploy", "codedeploy.amazonaws.com")
    client.create_application(applicationName="app", computePlatform="ECS")
    client.create_deployment_group(**NAMES, **GROUP)
    return client


def group(code_deploy: Any, **names: str) -> dict[str, Any]:
    """Return a group as get does."""
    found: dict[str, Any] = code_deploy.get_deployment_group(**(NAMES | names))["deploymentGroupInfo"]
    return found


def test_a_group_reads_back_as_it_was_set(code_deploy: Any) -> None:
    """Every setting, the alarms too, survives the round trip."""
    found = group(code_deploy)
    assert {key: found[key] for key in GROUP} == GROUP
    assert found["computePlatform"] == "ECS"
    assert "lastSuccessfulDeployment" not in found


def test_an_update_changes_what_it_names(code_deploy: Any) -> None:
    """Settings that an update leaves out stay."""
    alarms = {"enabled": True, "ignorePollAlarmFailure": True, "alarms": [{"name": "5xx"}, {"name": "latency"}]}
    code_deploy.update_deployment_group(
        applicationName="app",
        currentDeploymentGroupName="blue-green",
        newDeploymentGroupName="renamed",
        alarmConfiguration=alarms,
    )
    found = group(code_deploy, deploymentGroupName="renamed")
    assert {key: found[key] for key in GROUP} == GROUP | {"alarmConfiguration": alarms}
    assert refused(group, code_deploy=code_deploy) == "DeploymentGroupDoesNotExistException"


def test_updating_an_absent_group_says_so(code_deploy: Any) -> None:
    """An unknown group is AWS's not-found."""
    update = code_deploy.update_deployment_group
    assert refused(update, applicationName="app", currentDeploymentGroupName="x") == (
        "DeploymentGroupDoesNotExistException"
    )


def test_an_application_is_renamed_with_its_groups(code_deploy: Any) -> None:
    """The groups follow the new name."""
    code_deploy.update_application(applicationName="app", newApplicationName="shop")
    assert code_deploy.list_applications()["applications"] == ["shop"]
    assert group(code_deploy, applicationName="shop")["applicationName"] == "shop"


def test_deletes_take_groups_and_tags_along_and_may_be_repeated(code_deploy: Any) -> None:
    """A deleted application leaves nothing, and deleting again is no error."""
    code_deploy.delete_deployment_group(**NAMES)
    assert code_deploy.list_deployment_groups(applicationName="app")["deploymentGroups"] == []
    for _ in range(2):
        code_deploy.delete_application(applicationName="app")
    assert code_deploy.list_applications()["applications"] == []


OWN: dict[str, Any] = {"type": "TimeBasedLinear", "timeBasedLinear": {"linearPercentage": 20, "linearInterval": 2}}


def test_a_configuration_of_ones_own_reads_back_until_it_is_deleted(code_deploy: Any) -> None:
    """It is listed beside AWS's, can't be deleted while a group has it, and then goes."""
    code_deploy.create_deployment_config(deploymentConfigName="own", computePlatform="ECS", trafficRoutingConfig=OWN)
    info = code_deploy.get_deployment_config(deploymentConfigName="own")["deploymentConfigInfo"]
    assert (info["trafficRoutingConfig"], info["computePlatform"]) == (OWN, "ECS")
    names = code_deploy.list_deployment_configs()["deploymentConfigsList"]
    assert {"own", "CodeDeployDefault.ECSAllAtOnce", "CodeDeployDefault.ECSLinear10PercentEvery3Minutes"} <= {*names}
    update, delete = code_deploy.update_deployment_group, code_deploy.delete_deployment_config
    current = {"applicationName": "app", "currentDeploymentGroupName": "blue-green"}
    update(**current, deploymentConfigName="own")
    assert refused(delete, deploymentConfigName="own") == "DeploymentConfigInUseException"
    update(**current, deploymentConfigName=GROUP["deploymentConfigName"])
    delete(deploymentConfigName="own")
    assert refused(update, **current, deploymentConfigName="own") == "DeploymentConfigDoesNotExistException"


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"deploymentConfigName": "CodeDeployDefault.Mine"}, "InvalidDeploymentConfigNameException"),
        ({"trafficRoutingConfig": {"type": "TimeBasedCanary"}}, "InvalidTrafficRoutingConfigurationException"),
        (
            {"trafficRoutingConfig": OWN | {"timeBasedLinear": {"linearPercentage": 100, "linearInterval": 2}}},
            "InvalidTrafficRoutingConfigurationException",
        ),
        (
            {"trafficRoutingConfig": OWN | {"timeBasedLinear": {"linearPercentage": 20, "linearInterval": 2881}}},
            "InvalidTrafficRoutingConfigurationException",
        ),
    ],
)
def test_a_configuration_that_cant_be_is_refused(code_deploy: Any, given: dict[str, Any], code: str) -> None:
    """Each fault gets AWS's code."""
    whole = {"deploymentConfigName": "own", "computePlatform": "ECS", "trafficRoutingConfig": OWN} | given
    assert refused(code_deploy.create_deployment_config, **whole) == code


def test_awss_own_configurations_stay(code_deploy: Any) -> None:
    """They can't be deleted."""
    delete = code_deploy.delete_deployment_config
    assert refused(delete, deploymentConfigName="CodeDeployDefault.ECSAllAtOnce") == "InvalidOperationException"
