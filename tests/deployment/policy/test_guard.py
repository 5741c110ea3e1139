"""The guard decides in `up` what a preview had to leave open, resource by resource."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from prod_infra.deployment.policy.guard import PolicyGuard
from prod_infra.testing import UNKNOWN, resource

TASK = "aws:ecs/taskDefinition:TaskDefinition"


@pytest.fixture(scope="module")
def guard() -> Iterator[PolicyGuard]:
    """A guard on the shipped pack."""
    with PolicyGuard() as running:
        yield running


def task(**container: object) -> str:
    """Return a container's JSON; right but for `container`."""
    good = {
        "name": "app",
        "image": f"app@sha256:{'0' * 64}",
        "user": "10001",
        "readonlyRootFilesystem": True,
        "logConfiguration": {"logDriver": "awslogs"},
    }
    return json.dumps([{**good, **container}])


def test_what_is_known_now_is_decided(guard: PolicyGuard) -> None:
    """The rule that a preview defers finds the fault before the resource is made."""
    assert guard.analyze(resource(TASK, {"networkMode": "awsvpc", "containerDefinitions": task()})) == ()
    privileged = {"networkMode": "awsvpc", "containerDefinitions": task(privileged=True)}
    [finding] = guard.analyze(resource(TASK, privileged))
    assert (finding.rule, finding.level) == ("task-unprivileged", "mandatory")


def test_what_is_not_known_even_now_blocks(guard: PolicyGuard) -> None:
    """Nothing comes later that could decide it."""
    findings = guard.analyze(resource(TASK, {"networkMode": "awsvpc", "containerDefinitions": UNKNOWN}))
    assert {finding.level for finding in findings} == {"mandatory"}
    assert all(finding.undecided for finding in findings)
    assert "task-unprivileged" in {finding.rule for finding in findings}


def test_many_threads_ask_at_once(guard: PolicyGuard) -> None:
    """Each gets the answer about its own resource."""
    repositories = [resource("aws:ecr/repository:Repository", {"forceDelete": odd}) for odd in (True, False) * 20]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(guard.analyze, repositories))
    assert ["ecr-no-force-delete" in {found.rule for found in answer} for answer in answers] == [True, False] * 20
