"""Whoever reviews the steps of `up` is asked before AWS is touched, with the values that AWS has given by then."""

from __future__ import annotations

from pathlib import Path

import pulumi
import pulumi_aws as aws
import pytest

from prod_infra.deployment.embedded.embedded_engine import EmbeddedEngine
from prod_infra.deployment.engine import Program
from prod_infra.deployment.policy.guard import PolicyGuard
from prod_infra.deployment.program.registration import Registration
from prod_infra.deployment.targets import LocalTarget
from prod_infra.errors import DeploymentError
from prod_infra.local_aws.clients import Clients
from prod_infra.local_aws.server import LocalAws
from prod_infra.properties import UNKNOWN, plain
from tests.deployment.memory_cloud import Cloud, MemoryProvider, Thing
from tests.deployment.sandbox import PASSPHRASE, state_file

PASSWORD = "hunter2hunter2"


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the passphrase that the sandbox sets back after each test."""
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", PASSPHRASE)


def test_an_objection_fails_the_step_before_anything_is_made(tmp_path: Path) -> None:
    """What the reviewer says is the failure, and the cloud hears nothing of the resource."""
    cloud = Cloud()

    def main() -> None:
        Thing("a", {"value": 1})

    program = Program(project="laws", stack="test", main=main)
    engine = EmbeddedEngine(
        program, {"memory": MemoryProvider(cloud)}, state_file(tmp_path), review=lambda _: ["not so"]
    )
    with pytest.raises(DeploymentError, match="not so"):
        engine.up()
    assert not cloud.things


def test_the_reviewer_sees_what_a_preview_could_not(tmp_path: Path) -> None:
    """Every input is known by the time that the reviewer is asked."""
    seen: dict[str, Registration] = {}

    def review(registration: Registration) -> list[str]:
        seen[registration.name] = registration
        return []

    def main() -> None:
        first = Thing("a", {"value": 1})
        Thing("b", {"value": first.arn})

    program = Program(project="laws", stack="test", main=main)
    EmbeddedEngine(program, {"memory": MemoryProvider(Cloud())}, state_file(tmp_path), review=review).up()
    assert list(seen) == ["a", "b"]
    assert plain(seen["b"].inputs)["value"] is not UNKNOWN


def test_the_pack_decides_in_up_what_a_preview_had_to_defer(
    local_aws: LocalAws, clients: Clients, tmp_path: Path
) -> None:
    """A container definition that holds a name of AWS's is judged before the task definition is registered."""

    def main() -> None:
        vpc = aws.ec2.Vpc("vpc", cidr_block="10.0.0.0/16", enable_dns_hostnames=True)
        environment = [{"name": "VPC", "value": vpc.id}, {"name": "DB_PASSWORD", "value": PASSWORD}]
        aws.ecs.TaskDefinition(
            "task",
            family="task",
            container_definitions=pulumi.Output.json_dumps([{"name": "app", "environment": environment}]),
        )

    program = Program(project="review", stack="test", main=main, config={"aws:region": "eu-central-1"})
    with PolicyGuard() as guard, pytest.raises(DeploymentError) as caught:
        LocalTarget(local_aws, tmp_path).engine(program, guard.objections).up()
    assert "task-no-plaintext-secret" in str(caught.value)
    assert PASSWORD not in str(caught.value)
    assert not clients("ecs").list_task_definitions()["taskDefinitionArns"]
