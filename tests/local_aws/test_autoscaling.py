"""Application Auto Scaling on the local AWS: tags, and round trips of targets and policies."""

from __future__ import annotations

from typing import Any

import pytest

from prod_infra.local_aws.clients import Clients
from tests.local_aws.environment import refused

TARGET = {
    "ServiceNamespace": "ecs",
    "ResourceId": "service/prod/app",
    "ScalableDimension": "ecs:service:DesiredCount",
}
TRACKING: dict[str, Any] = {
    "TargetValue": 70.0,
    "PredefinedMetricSpecification": {"PredefinedMetricType": "ECSServiceAverageCPUUtilization"},
    "ScaleInCooldown": 300,
    "ScaleOutCooldown": 60,
}


@pytest.fixture
def scaling(clients: Clients) -> Any:
    """A client, and a service to scale with a tagged target between 2 and 8."""
    ecs = clients("ecs")
    ecs.create_cluster(clusterName="prod")
    ecs.register_task_definition(family="app", containerDefinitions=[{"name": "app", "image": "app", "memory": 64}])
    ecs.create_service(cluster="prod", serviceName="app", taskDefinition="app", desiredCount=2)
    client = clients("application-autoscaling")
    client.register_scalable_target(**TARGET, MinCapacity=2, MaxCapacity=8, Tags={"Name": "app"})
    return client


def put(scaling: Any, **changes: Any) -> str:
    """Put the CPU policy and return its ARN."""
    configuration = TRACKING | changes
    arn: str = scaling.put_scaling_policy(
        **TARGET,
        PolicyName="cpu",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration=configuration,
    )["PolicyARN"]
    return arn


def targets(scaling: Any) -> list[dict[str, Any]]:
    """Return every ECS target."""
    found: list[dict[str, Any]] = scaling.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"]
    return found


def policies(scaling: Any, **given: Any) -> list[dict[str, Any]]:
    """Return the ECS policies that a describe finds."""
    found: list[dict[str, Any]] = scaling.describe_scaling_policies(ServiceNamespace="ecs", **given)["ScalingPolicies"]
    return found


def test_a_target_reads_back_as_it_was_set(scaling: Any) -> None:
    """Bounds are what was registered, and nothing is suspended."""
    target = targets(scaling)[0]
    assert (target["MinCapacity"], target["MaxCapacity"]) == (2, 8)
    assert not any(target["SuspendedState"].values())
    assert target["RoleARN"].endswith("AWSServiceRoleForApplicationAutoScaling_ECSService")


def test_registering_again_changes_the_bounds_and_keeps_the_tags(scaling: Any) -> None:
    """An update keeps the ARN and the tags."""
    arn = targets(scaling)[0]["ScalableTargetARN"]
    scaling.register_scalable_target(**TARGET, MinCapacity=3)
    target = targets(scaling)[0]
    assert (target["MinCapacity"], target["MaxCapacity"], target["ScalableTargetARN"]) == (3, 8, arn)
    assert scaling.list_tags_for_resource(ResourceARN=arn)["Tags"] == {"Name": "app"}


def test_tags_are_added_and_removed(scaling: Any) -> None:
    """Tags are listed by the target's ARN."""
    arn = targets(scaling)[0]["ScalableTargetARN"]
    scaling.tag_resource(ResourceARN=arn, Tags={"Tier": "app"})
    scaling.untag_resource(ResourceARN=arn, TagKeys=["Name"])
    assert scaling.list_tags_for_resource(ResourceARN=arn)["Tags"] == {"Tier": "app"}
    assert refused(scaling.list_tags_for_resource, ResourceARN=f"{arn}x") == "ResourceNotFoundException"


def test_a_minimum_over_the_maximum_is_refused(scaling: Any) -> None:
    """Bounds that contradict each other change nothing."""
    assert refused(scaling.register_scalable_target, **TARGET, MinCapacity=9, MaxCapacity=8) == "ValidationException"
    assert targets(scaling)[0]["MinCapacity"] == 2


def test_a_policy_put_again_stays_the_same_policy(scaling: Any, clients: Clients) -> None:
    """A change keeps the ARN and leaves no alarm of the old one behind."""
    arn = put(scaling)
    assert put(scaling, TargetValue=60.0) == arn
    policy = policies(scaling, PolicyNames=["cpu"])[0]
    assert policy["TargetTrackingScalingPolicyConfiguration"] == TRACKING | {"TargetValue": 60.0}
    alarms = clients("cloudwatch").describe_alarms()["MetricAlarms"]
    assert {alarm["AlarmName"] for alarm in alarms} == {alarm["AlarmName"] for alarm in policy["Alarms"]}


def test_policies_are_found_by_name(scaling: Any) -> None:
    """A name filters."""
    put(scaling)
    assert policies(scaling, PolicyNames=["other"]) == []
    assert [policy["PolicyName"] for policy in policies(scaling, ResourceId="service/prod/app")] == ["cpu"]


def test_a_policy_needs_a_target_and_goes_with_it(scaling: Any) -> None:
    """Deregistering deletes the policies, and without a target none can be put."""
    put(scaling)
    scaling.deregister_scalable_target(**TARGET)
    assert (targets(scaling), policies(scaling)) == ([], [])
    assert refused(put, scaling=scaling) == "ObjectNotFoundException"
