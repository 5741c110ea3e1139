"""CodeDeploy on the local AWS: applications and groups read back, change and go."""

from __future__ import annotations

from typing import Any

import pytest

from prod_infra.local_aws.clients import Clients
from tests.local_aws.environment import refused

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
