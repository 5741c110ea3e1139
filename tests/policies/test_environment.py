"""The shipped environment meets the pack, and each unsafe setting is met by exactly the rules made for it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

import pytest

from prod_infra.deployment import evaluate
from prod_infra.deployment.policy_gate import Verdict, ask
from prod_infra.deployment.policy_process import PolicyProcess
from prod_infra.deployment.project import packaged
from prod_infra.deployment.registration import Registration
from prod_infra.properties import typed

FLIPS: Mapping[str, tuple[dict[str, object], set[str]]] = {
    "one NAT gateway": ({"single_nat_gateway": True}, {"nat-per-az"}),
    "port 80 open": ({"enable_http": True}, {"security-group-ingress-rule-https-only"}),
    "no scan on push": ({"scan_on_push": False}, {"ecr-scan-on-push"}),
    "force delete": ({"force_delete": True}, {"ecr-no-force-delete"}),
    "force destroy": ({"force_destroy": True}, {"s3-no-force-destroy"}),
    "no deletion protection": (
        {"deletion_protection": False},
        {"alb-deletion-protection", "docdb-deletion-protection"},
    ),
    "one DocumentDB instance": ({"instance_count": 1}, {"docdb-multi-az"}),
    "a week of backups": ({"backup_retention_period": 13}, {"docdb-backup-retention"}),
    "audit log only": ({"enabled_cloudwatch_logs_exports": ["audit"]}, {"docdb-log-exports"}),
    "applied immediately": ({"apply_immediately": True}, {"docdb-not-applied-immediately"}),
    "no final snapshot": ({"skip_final_snapshot": True}, {"docdb-final-snapshot"}),
    "no cross-zone balancing": ({"enable_cross_zone_load_balancing": False}, {"target-group-cross-zone"}),
    "plain targets": (
        {"target_protocol": "HTTP"},
        {"target-group-https", "target-group-health-check-https"},
    ),
    "rolling deployments": ({"enable_blue_green_deployment": False}, {"ecs-blue-green-controller"}),
    "one task": ({"autoscaling_min_tasks": 1}, {"autoscaling-min-tasks"}),
    "too many tasks": ({"autoscaling_max_tasks": 9}, {"autoscaling-max-tasks"}),
    "no headroom": ({"autoscaling_cpu_threshold": 81}, {"autoscaling-cpu-target"}),
}


def registered(**settings: object) -> tuple[Registration, ...]:
    """Return what the environment registers with these settings."""
    config = {
        f"prod-infra:{name}": value if isinstance(value, str) else json.dumps(value) for name, value in settings.items()
    }
    return evaluate.register(packaged(config=config))


@pytest.fixture(scope="module")
def environment() -> tuple[Registration, ...]:
    """What the environment registers with production's defaults."""
    return registered()


def fired(verdict: Verdict) -> set[str]:
    """Return the rules that object."""
    return {finding.rule for finding in verdict.findings}


def test_the_environment_passes_and_nothing_is_undecided(
    pack: PolicyProcess, environment: tuple[Registration, ...]
) -> None:
    """No violation, no advisory, no unknown that keeps a rule from deciding."""
    verdict = ask(pack, environment, {})
    assert verdict.findings == ()
    assert verdict.resources > 90
    assert verdict.evaluated > 80


@pytest.mark.parametrize("flip", FLIPS)
def test_an_unsafe_setting_fires_exactly_its_rules(pack: PolicyProcess, flip: str) -> None:
    """Not one rule fewer, and not one more."""
    settings, rules = FLIPS[flip]
    assert fired(ask(pack, registered(**settings), {})) == rules


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
        ("aws:ec2/vpcEndpoint:VpcEndpoint", {}, {"vpc-endpoints-present"}),
        ("aws:codedeploy/deploymentGroup:DeploymentGroup", {}, {"blue-green-wired"}),
        ("aws:appautoscaling/policy:Policy", {}, {"ecs-autoscaled-on-cpu"}),
        ("aws:s3/bucketVersioning:BucketVersioning", {}, {"s3-has-versioning"}),
        ("aws:s3/bucketPolicy:BucketPolicy", {}, {"s3-has-policy"}),
        ("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", {}, {"s3-has-public-access-block"}),
        ("aws:docdb/clusterParameterGroup:ClusterParameterGroup", {}, {"docdb-own-parameter-group"}),
        ("aws:lb/listenerRule:ListenerRule", {}, {"blue-green-wired"}),
        ("aws:ec2/subnet:Subnet", {"mapPublicIpOnLaunch": True}, {"subnet-no-auto-public-ip"}),
        (
            "aws:ec2/subnet:Subnet",
            {"availabilityZone": "eu-central-1a"},
            {"alb-multi-az", "ecs-multi-az"},
        ),
        ("aws:secretsmanager/secret:Secret", {"name": "dev/db"}, {"secret-under-prod", "task-secrets-from-prod"}),
        ("aws:docdb/cluster:Cluster", {"storageEncrypted": False}, {"docdb-encrypted"}),
    ],
)
def test_damage_to_what_is_registered_fires_exactly_its_rules(
    pack: PolicyProcess, environment: tuple[Registration, ...], type_: str, inputs: dict[str, object], rules: set[str]
) -> None:
    """Taking a resource away, or changing it behind the settings' back, is seen too."""
    assert fired(ask(pack, without(environment, type_, **inputs), {})) == rules


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
