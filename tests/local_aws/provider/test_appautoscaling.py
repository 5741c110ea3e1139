"""Scalable targets and scaling policies."""

from __future__ import annotations

import json
from typing import Any

import pytest

from prod_infra.local_aws.clients import Clients
from tests.local_aws.provider.lifecycle import Resource, made, run_lifecycle

TARGET = "aws:appautoscaling/target:Target"
POLICY = "aws:appautoscaling/policy:Policy"
ADDRESS = {
    "serviceNamespace": "ecs",
    "resourceId": "service/prod/app",
    "scalableDimension": "ecs:service:DesiredCount",
}
TRACKING: dict[str, Any] = {
    **ADDRESS,
    "name": "cpu",
    "policyType": "TargetTrackingScaling",
    "targetTrackingScalingPolicyConfiguration": {
        "targetValue": 70,
        "scaleInCooldown": 300,
        "scaleOutCooldown": 60,
        "predefinedMetricSpecification": {"predefinedMetricType": "ECSServiceAverageCPUUtilization"},
    },
}


@pytest.fixture
def service(clients: Clients) -> None:
    """The ECS service that is scaled."""
    ecs = clients("ecs")
    ecs.create_cluster(clusterName="prod")
    container = json.loads('{"name": "app", "image": "example", "memory": 128}')
    ecs.register_task_definition(family="app", containerDefinitions=[container])
    ecs.create_service(cluster="prod", serviceName="app", taskDefinition="app", desiredCount=2)


@pytest.mark.usefixtures("service")
def test_target(clients: Clients) -> None:
    """A target lives; bounds, suspension and tags change in place."""
    inputs = {**ADDRESS, "minCapacity": 2, "maxCapacity": 8, "tags": {"Name": "app"}}
    changed = {**inputs, "maxCapacity": 10, "suspendedState": {"dynamicScalingInSuspended": True}}
    state = run_lifecycle(clients, TARGET, inputs, changed, {**inputs, "tags": {"Owner": "platform"}})
    assert state["id"] == "service/prod/app"
    assert state["arn"].startswith("arn:aws:application-autoscaling:eu-central-1:123456789012:scalable-target/")


def test_minimum_above_maximum_is_refused(clients: Clients) -> None:
    """Bounds that cross fail before anything is sent."""
    faults = Resource(clients, TARGET).check({**ADDRESS, "minCapacity": 9, "maxCapacity": 8})
    assert faults == {"minCapacity": "is 9, above maxCapacity, which is 8"}


@pytest.mark.usefixtures("service")
def test_target_tracking(clients: Clients) -> None:
    """A CPU policy lives and changes in place; its alarms are AWS's."""
    made(clients, TARGET, {**ADDRESS, "minCapacity": 2, "maxCapacity": 8})
    slower = TRACKING["targetTrackingScalingPolicyConfiguration"] | {"targetValue": 60.5, "disableScaleIn": True}
    state = run_lifecycle(clients, POLICY, TRACKING, {**TRACKING, "targetTrackingScalingPolicyConfiguration": slower})
    assert state["id"] == "cpu"
    assert len(state["alarmArns"]) == 2


@pytest.mark.usefixtures("service")
def test_step_scaling(clients: Clients) -> None:
    """A step policy lives; a lower bound of 0 differs from none."""
    made(clients, TARGET, {**ADDRESS, "minCapacity": 2, "maxCapacity": 8})
    steps = {
        "adjustmentType": "ChangeInCapacity",
        "cooldown": 60,
        "metricAggregationType": "Maximum",
        "stepAdjustments": [{"metricIntervalLowerBound": "0", "scalingAdjustment": 1}],
    }
    run_lifecycle(clients, POLICY, {**ADDRESS, "name": "steps", "stepScalingPolicyConfiguration": steps})
