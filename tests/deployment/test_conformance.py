"""The embedded engine plans and does what Pulumi's own engine does, story by story."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings

from tests.deployment.conformance import TRANSCRIPT, embedded, real
from tests.deployment.memory_cloud import Node, NodeProgram
from tests.deployment.sandbox import PASSPHRASE
from tests.deployment.stories import STORIES, Step
from tests.deployment.test_engine_laws import transitions

without_cli = pytest.mark.skipif(not shutil.which("pulumi"), reason="the Pulumi CLI is not on PATH; no registry has it")


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the passphrase that the sandbox sets back after each test."""
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", PASSPHRASE)


def _embedded(steps: Sequence[Step]) -> list[Any]:
    with embedded() as run:
        return run(steps)


@pytest.mark.parametrize("name", STORIES)
def test_the_embedded_engine_tells_what_the_real_one_told(name: str) -> None:
    """Plans, results, outputs and the cloud are those that were recorded of Pulumi's engine."""
    recorded = json.loads(TRANSCRIPT.read_text(encoding="utf-8"))
    assert json.loads(json.dumps(_embedded(STORIES[name]))) == recorded[name]


@pytest.mark.pulumi_cli
@without_cli
def test_the_real_engine_still_tells_the_same() -> None:
    """What was recorded is what the CLI on PATH does."""
    recorded = json.loads(TRANSCRIPT.read_text(encoding="utf-8"))
    with real() as run:
        found = {name: run(steps) for name, steps in STORIES.items()}
    assert json.loads(json.dumps(found)) == recorded


@pytest.mark.pulumi_cli
@without_cli
@settings(max_examples=5, deadline=None)
@given(transition=transitions())
def test_both_engines_agree_on_generated_programs(transition: tuple[tuple[Node, ...], tuple[Node, ...]]) -> None:
    """From any program to any other: the same plan, results and cloud."""
    steps = [Step(NodeProgram(nodes)) for nodes in transition]
    with real() as run:
        told = run(steps)
    assert json.loads(json.dumps(_embedded(steps))) == json.loads(json.dumps(told))
