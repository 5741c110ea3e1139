"""Waivers are applied by the pack, stay visible, and fail the gate when they are out of order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from policies.rules import ALL_RULES
from policies.waivers import load
from prod_infra.deployment.policy.gate import check
from prod_infra.deployment.policy.verdict import Verdict
from prod_infra.testing import resource

TODAY = datetime.now(UTC).date()
TYPE = "aws:ecr/repository:Repository"
GOOD: dict[str, Any] = {
    "rule": "ecr-no-force-delete",
    "urn": f"urn:pulumi:prod::test::{TYPE}::example",
    "reason": "The repository is emptied by hand before the move to the other account.",
    "owner": "platform",
    "ticket": "PLAT-1",
    "created": TODAY,
    "expires": TODAY + timedelta(days=90),
}


def written(folder: Path, *entries: Any) -> Path:
    """Return a file with these waivers."""
    file = folder / "waivers.yaml"
    file.write_text(yaml.safe_dump({"waivers": list(entries)}), encoding="utf-8")
    return file


def verdict(file: Path) -> Verdict:
    """Return the pack's verdict on a repository that force_delete would empty."""
    return check([resource(TYPE, {"forceDelete": True})], waivers=file)


def test_a_waived_finding_does_not_block_and_stays_in_the_report(tmp_path: Path) -> None:
    """Who accepted it, until when and why is said."""
    found = verdict(written(tmp_path, GOOD))
    [waived] = found.waived
    assert (waived.rule, waived.message) == ("ecr-no-force-delete", "forceDelete is true; it must be false")
    assert "PLAT-1, platform: The repository" in waived.waiver
    assert "ecr-no-force-delete" not in {finding.rule for finding in found.violations}
    assert "waivers-in-order" not in {finding.rule for finding in found.violations}
    assert found.counts["waived"] == 1


def test_an_expired_and_a_stale_waiver_fail_the_gate(tmp_path: Path) -> None:
    """The gate says which."""
    old = {**GOOD, "created": TODAY - timedelta(days=91), "expires": TODAY - timedelta(days=1)}
    unneeded = {**GOOD, "rule": "ecr-scan-on-push", "urn": f"{GOOD['urn']}-other", "ticket": "PLAT-2"}
    found = verdict(written(tmp_path, old, unneeded))
    said = [finding.message for finding in found.violations if finding.rule == "waivers-in-order"]
    assert any("PLAT-1" in sentence and "expired on" in sentence for sentence in said)
    assert any("PLAT-2" in sentence and "stale" in sentence for sentence in said)
    assert "ecr-no-force-delete" in {finding.rule for finding in found.violations}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"expires": TODAY + timedelta(days=91)}, "at most 90 days"),
        ({"created": TODAY + timedelta(days=1)}, "in the future"),
        ({"expires": "soon"}, "must be a day"),
        ({"urn": "*"}, "must have the form"),
        ({"urn": f"urn:pulumi:prod::test::{TYPE}::*"}, "overbroad"),
        ({"urn": "urn:pulumi:prod::test::*::example"}, "must end its types"),
        ({"rule": "ecr-no-forced-delete"}, "no such rule"),
        ({"rule": "task-no-plaintext-secret"}, "can't be waived"),
        ({"reason": "because"}, "reason must be a sentence"),
        ({"ticket": ""}, "ticket must be given"),
        ({"until": TODAY}, "until: there is no such key"),
    ],
)
def test_a_waiver_that_is_out_of_order_is_named(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    """Each fault is a sentence with the entry, and the entry is not applied."""
    waivers = load(ALL_RULES, written(tmp_path, {**GOOD, **change}))
    assert len(waivers.faults) == 1
    assert words in waivers.faults[0]
    assert not waivers.take(GOOD["rule"], GOOD["urn"], "fault")


@pytest.mark.parametrize("text", ["waivers: [", "waivers: 3", "[]", "waiver: []", "waivers: [3]"])
def test_a_file_that_is_no_list_of_waivers_is_a_fault(tmp_path: Path, text: str) -> None:
    """It is never taken for an empty one."""
    file = tmp_path / "waivers.yaml"
    file.write_text(text, encoding="utf-8")
    assert load(ALL_RULES, file).faults


def test_the_shipped_waivers_are_in_order() -> None:
    """The environment needs none."""
    assert load(ALL_RULES).faults == []
