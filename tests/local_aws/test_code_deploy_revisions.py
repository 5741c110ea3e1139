"""What CodeDeploy refuses on the local AWS before it deploys anything."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
import yaml

from prod_infra.local_aws.clients import Clients
from prod_infra.local_aws.server import LocalAws
from tests.local_aws.blue_green import NAMES, Stage
from tests.local_aws.environment import refused


@pytest.fixture
def stage(local_aws: LocalAws, clients: Clients) -> Stage:
    """A steady blue/green service with its deployment group."""
    local_aws.admin("POST", "/clock", factor=60)
    stage = Stage.build(clients)
    stage.code_deploy()
    return stage


def changed(stage: Stage, **properties: Any) -> str:
    """Return a good AppSpec with other properties of its service."""
    document = json.loads(stage.app_spec(stage.revision("2")))
    document["Resources"][0]["TargetService"]["Properties"] |= properties
    return json.dumps(document)


def test_a_bad_app_spec_is_refused(stage: Stage) -> None:
    """Whatever is wrong in it, no deployment begins."""
    ecs, gone = stage.clients("ecs"), stage.revision("gone")
    ecs.deregister_task_definition(taskDefinition=gone)
    good = json.loads(stage.app_spec(stage.revision("2")))
    wrong_type = {"Type": "AWS::Lambda::Function", "Properties": {}}
    bad = {
        "no YAML": "{",
        "no mapping": "[]",
        "version": json.dumps(good | {"version": 1.0}),
        "no resources": json.dumps({"version": 0.0}),
        "two services": json.dumps(good | {"Resources": good["Resources"] * 2}),
        "type": json.dumps(good | {"Resources": [{"TargetService": wrong_type}]}),
        "no task definition": changed(stage, TaskDefinition=None),
        "unknown task definition": changed(stage, TaskDefinition="app:99"),
        "foreign task definition": changed(stage, TaskDefinition="arn:aws:ecs:x:1:task-definition/app:1"),
        "inactive task definition": changed(stage, TaskDefinition=gone),
        "no load balancer": changed(stage, LoadBalancerInfo=None),
        "unknown container": changed(stage, LoadBalancerInfo={"ContainerName": "x", "ContainerPort": 8080}),
        "unknown port": changed(stage, LoadBalancerInfo={"ContainerName": "app", "ContainerPort": 1}),
        "unknown hook": json.dumps(good | {"Hooks": [{"Install": "f"}]}),
        "hooks that are none": json.dumps(good | {"Hooks": ["f"]}),
    }
    codes = {what: refused(stage.deploy, content=content) for what, content in bad.items()}
    assert codes == dict.fromkeys(bad, "InvalidRevisionException")
    assert stage.clients("codedeploy").list_deployments(**NAMES)["deployments"] == []


def test_the_hash_must_be_that_of_the_content(stage: Stage) -> None:
    """A revision that was changed on its way is refused."""
    content = {"content": stage.app_spec(stage.revision("2")), "sha256": hashlib.sha256(b"other").hexdigest()}
    revision = {"revisionType": "AppSpecContent", "appSpecContent": content}
    assert refused(stage.deploy, revision=revision) == "InvalidRevisionException"


def test_an_app_spec_may_be_yaml(stage: Stage) -> None:
    """CodeDeploy takes both forms."""
    content = yaml.safe_dump(json.loads(stage.app_spec(stage.revision("2"))))
    assert stage.deploy(content).startswith("d-")


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"applicationName": "x"}, "ApplicationDoesNotExistException"),
        ({"deploymentGroupName": "x"}, "DeploymentGroupDoesNotExistException"),
        ({"deploymentConfigName": "x"}, "DeploymentConfigDoesNotExistException"),
        ({"deploymentConfigName": "CodeDeployDefault.OneAtATime"}, "InvalidDeploymentConfigNameException"),
        ({"revision": {"revisionType": "S3"}}, "InvalidRevisionException"),
    ],
)
def test_a_call_that_cant_be_is_refused(stage: Stage, given: dict[str, Any], code: str) -> None:
    """Each fault gets AWS's code."""
    assert refused(stage.deploy, **given) == code


def test_a_service_that_is_gone_is_refused(stage: Stage) -> None:
    """There is nothing to deploy to."""
    stage.clients("ecs").delete_service(cluster="prod", service="app", force=True)
    assert refused(stage.deploy) == "InvalidECSServiceException"
