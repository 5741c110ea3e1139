"""The shipped environment meets the pack, and each unsafe setting is met by exactly the rules made for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from prod_infra.deployment.policy_gate import ask
from prod_infra.deployment.policy_process import PolicyProcess
from prod_infra.deployment.registration import Registration
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


FLIPS: Mapping[str, set[str]] = {
    "single_nat_gateway": {"nat-per-az"},
    "enable_http": {"security-group-ingress-rule-https-only"},
    "scan_on_push": {"ecr-scan-on-push"},
    "force_delete": {"ecr-no-force-delete"},
    "force_destroy": {"s3-no-force-destroy"},
    "deletion_protection": {"alb-deletion-protection", "docdb-deletion-protection"},
    "instance_count": {"docdb-multi-az"},
    "backup_retention_period": {"docdb-backup-retention"},
    "enabled_cloudwatch_logs_exports": {"docdb-log-exports"},
    "apply_immediately": {"docdb-not-applied-immediately"},
    "skip_final_snapshot": {"docdb-final-snapshot"},
    "enable_cross_zone_load_balancing": {"target-group-cross-zone"},
    "target_protocol": {"target-group-https", "target-group-health-check-https"},
    "enable_blue_green_deployment": {"ecs-blue-green-controller"},
    "autoscaling_min_tasks": {"autoscaling-min-tasks"},
    "autoscaling_max_tasks": {"autoscaling-max-tasks"},
    "autoscaling_cpu_threshold": {"autoscaling-cpu-target"},
}


@pytest.mark.parametrize("changes", proof.SETTINGS, ids=[next(iter(changes)) for changes in proof.SETTINGS])
def test_an_unsafe_setting_fires_exactly_its_rules(changes: dict[str, object]) -> None:
    """Not one rule fewer, and not one more."""
    assert proof.Judge(proof.environment(**changes)).fired(None) == FLIPS[next(iter(changes))]


def test_every_mutation_is_noticed_or_argued(environment: tuple[Registration, ...]) -> None:
    """The proof that `nox -s policy-proof` writes down holds: each place is weakened once."""
    found = proof.kills(environment)
    assert [f"{m.place} {m.what}" for m, rules in found if not rules and not proof.reason(m)] == []
    assert sum(bool(rules) for _, rules in found) > 250


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
        ("aws:s3/bucketPolicy:BucketPolicy", {}, {"s3-has-policy", "s3-access-logs"}),
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
