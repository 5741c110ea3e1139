"""A saved state gets the pack's verdict, whoever saved it; what can't be read gets an error, never a pass."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from prod_infra.deployment.policy.audit import saved
from prod_infra.deployment.policy.gate import check
from prod_infra.deployment.program.wire import SECRET, SIGNATURE
from prod_infra.errors import StateError

TASK = "aws:ecs/taskDefinition:TaskDefinition"
CLUSTER = "aws:docdb/cluster:Cluster"


def state(type_: str, **inputs: Any) -> dict[str, Any]:
    """Return a resource as Pulumi's state has it."""
    urn = f"urn:pulumi:prod::p::{type_}::example"
    where = "project:///main.py#7"
    return {"urn": urn, "type": type_, "custom": True, "id": "x", "inputs": inputs, "sourcePosition": where}


def export(folder: Path, *resources: dict[str, Any]) -> Path:
    """Return a file such as `pulumi stack export` writes."""
    file = folder / "state.json"
    file.write_text(json.dumps({"version": 3, "deployment": {"resources": resources}}), encoding="utf-8")
    return file


def test_a_fault_in_a_state_is_found_at_its_line(tmp_path: Path) -> None:
    """The position that the CLI saved leads to the user's call."""
    verdict = check(saved(export(tmp_path, state(CLUSTER, backupRetentionPeriod=7))), final=True)
    [finding] = [found for found in verdict.findings if found.rule == "docdb-backup-retention"]
    assert finding.source == "main.py:7"


def test_a_secret_that_nobody_can_read_is_undecided(tmp_path: Path) -> None:
    """Encrypted containers might hold anything; in an audit nothing comes later."""
    hidden = {SIGNATURE: SECRET, "ciphertext": "v1:abc"}
    verdict = check(saved(export(tmp_path, state(TASK, containerDefinitions=hidden))), final=True)
    assert not verdict.passed
    assert "task-unprivileged" in {finding.rule for finding in verdict.undecided}
    assert verdict.deferred == {}


def test_what_is_on_its_way_out_is_left_out(tmp_path: Path) -> None:
    """A replaced resource, and one that was only looked up, are not the environment's."""
    gone, looked_up = ({**state(CLUSTER), key: True} for key in ("delete", "external"))
    assert saved(export(tmp_path, gone, looked_up)) == ()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"version": 3}',
        '{"version": 2, "deployment": {}}',
        '{"version": 3, "deployment": {"resources": [3]}}',
    ],
)
def test_what_is_no_state_is_an_error(tmp_path: Path, text: str) -> None:
    """Never a green run."""
    file = tmp_path / "state.json"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(StateError, match="no verdict"):
        saved(file)


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    """Likewise."""
    with pytest.raises(StateError, match="can't be read"):
        saved(tmp_path / "none.json")
