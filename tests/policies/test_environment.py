"""The shipped environment meets the pack, and each unsafe setting is met by exactly the rules made for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from prod_infra.deployment.policy.gate import ask
from prod_infra.deployment.policy.process import PolicyProcess
from prod_infra.deployment.program.registration import Registration
from prod_infra.properties import typed
from tests.policies import proof


@pytest.fixture(scope="module")
def environment() -> tuple[Registration, ...]:
    """What the environment registers with production's defaults."""
    return proof.environment()


def test_the_environment_passes_and_nothing_is_undecided(
    pack: PolicyProcess, environment: tuple[Registration, ...]
) -> None:
    """No violation, no advisory, no unknown that keeps a rule from deciding."""
    verdict = ask(pack, environment, {})
    assert verdict.findings == ()
    assert verdict.resources > 90
    assert verdict.evaluated > 80


FLIPS: Sequence[tuple[str, object, set[str]]] = (
    ("single_nat_gateway", True, {"nat-per-az"}),
    ("scan_on_push", False, {"ecr-scan-on-push"}),
    ("force_delete", True, {"ecr-no-force-delete"}),
    ("force_destroy", True, {"s3-no-force-destroy"}),
    ("deletion_protection", False, {"alb-deletion-protection", "docdb-deletion-protection"}),
    ("instance_count", 1, {"docdb-multi-az"}),
    ("backup_retention_period", 13, {"docdb-backup-retention"}),
    ("protect_data", False, {"data-protected"}),
    ("apply_immediately", True, {"docdb-not-applied-immediately"}),
    ("target_protocol", "HTTP", {"target-group-https", "target-group-health-check-https"}),
    ("enable_blue_green_deployment", False, {"ecs-blue-green-controller"}),
    ("autoscaling_min_tasks", 1, {"autoscaling-min-tasks", "ecs-desired-count", "alarm-sensitive"}),
    ("autoscaling_max_tasks", 9, {"autoscaling-max-tasks"}),
)


@pytest.mark.parametrize(("name", "value", "rules"), FLIPS, ids=[name for name, _, _ in FLIPS])
def test_an_unsafe_setting_fires_exactly_its_rules(name: str, value: object, rules: set[str]) -> None:
    """Not one rule fewer, and not one more."""
    assert set(proof.fired_by({name: value}).rules) == rules


def without(environment: tuple[Registration, ...], type_: str, **inputs: object) -> list[Registration]:
    """Return the environment with every resource of a type changed, or left out where no inputs are given."""
    return [
        replace(found, inputs={**found.inputs, **typed(inputs)}) if found.type == type_ else found
        for found in environment
        if inputs or found.type != type_
    ]


@pytest.mark.parametrize(
    ("type_", "inputs", "rules"),
    [
        ("aws:ec2/vpcEndpoint:VpcEndpoint", {}, {"vpc-endpoints-present", "ecs-s3-endpoint"}),
        ("aws:codedeploy/deploymentGroup:DeploymentGroup", {}, {"blue-green-wired"}),
        ("aws:appautoscaling/policy:Policy", {}, {"ecs-autoscaled-on-cpu"}),
        ("aws:s3/bucketVersioning:BucketVersioning", {}, {"s3-has-versioning"}),
        ("aws:s3/bucketPolicy:BucketPolicy", {}, {"s3-has-policy", "s3-access-logs", "s3-own-key", "s3-data-stays"}),
        ("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", {}, {"s3-has-public-access-block"}),
        ("aws:docdb/clusterParameterGroup:ClusterParameterGroup", {}, {"docdb-own-parameter-group"}),
        ("aws:lb/listenerRule:ListenerRule", {}, {"blue-green-wired"}),
        ("aws:ec2/subnet:Subnet", {"mapPublicIpOnLaunch": True}, {"subnet-no-auto-public-ip"}),
        (
            "aws:ec2/subnet:Subnet",
            {"availabilityZone": "eu-central-1a"},
            {"alb-multi-az", "ecs-multi-az", "docdb-private-subnets", "vpc-endpoint-multi-az"},
        ),
        ("aws:secretsmanager/secret:Secret", {"name": "dev/db"}, {"secret-under-prod", "task-secrets-from-prod"}),
        ("aws:docdb/cluster:Cluster", {"storageEncrypted": False}, {"docdb-encrypted"}),
    ],
)
def test_damage_to_what_is_registered_fires_exactly_its_rules(
    environment: tuple[Registration, ...], type_: str, inputs: dict[str, object], rules: set[str]
) -> None:
    """Taking a resource away, or changing it behind the settings' back, is seen too."""
    assert proof.Judge(without(environment, type_, **inputs)).fired(None) == rules


def test_no_generated_secret_is_in_a_finding(pack: PolicyProcess, environment: tuple[Registration, ...]) -> None:
    """With every rule made to object that can, nothing that the program marks as secret is shown."""
    planted = "hunter2-planted-secret"
    damaged = [
        replace(
            found,
            inputs={
                key: value.with_value(planted) if value.is_secret else value for key, value in found.inputs.items()
            },
        )
        for found in environment
    ]
    stripped = [replace(found, inputs=dict(list(found.inputs.items())[:1])) for found in damaged]
    findings = ask(pack, stripped, {}).findings
    assert findings
    assert not any(planted in f"{finding}" for finding in findings)
