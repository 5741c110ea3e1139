"""What `release` and `rollback` look at once the traffic has moved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from runbooks.actions.blue_green import BlueGreen, short
from runbooks.core import steady_state
from runbooks.core.aws import Aws
from runbooks.core.journal import Journal
from runbooks.core.results import publish
from runbooks.records.record_parts import Measured
from runbooks.verify import Check, Deployed
from runbooks.verify.check import CheckFunction, run_check


def publish_release(journal: Journal) -> Mapping[str, Any]:
    """Publish `release`: which deployment brought which revision, and how fast.

    Returns:
        The journal's result of the newest step that moved traffic; empty if there was none to do.
    """
    results = [entry["result"] for entry in journal.entries() if entry["event"] == "done"]
    found: Mapping[str, Any] = next((one for one in reversed(results) if "seconds_to_all_traffic" in one), {})
    if found:
        publish("release", found, f"{found['revision']} has all traffic after {found['seconds_to_all_traffic']} s")
    return found


def steady_checks(aws: Aws, env: Deployed, without: CheckFunction) -> list[Check]:
    """Run every check of a steady state but one."""
    every = (*steady_state.CHECKS, ("edge", steady_state.front_door_answers(aws)))
    return [run_check(group, check, env) for group, check in every if check is not without]


def service_runs(blue_green: BlueGreen, task_definition: str) -> Check:
    """Check that a task definition has all traffic."""
    primary = blue_green.primary()
    runs = str(primary["taskDefinition"])
    whole = primary["runningCount"] >= primary["computedDesiredCount"]
    return Check(
        group="compute",
        name="The wanted revision has all traffic, with all its tasks",
        passed=runs == task_definition and whole,
        detail=f"{short(runs)}: {primary['runningCount']} of {primary['computedDesiredCount']} tasks run",
    )


def nothing_was_lost(measured: Measured, allowed: int) -> Iterator[Check]:
    """Check that no request was lost and that revisions mixed only while traffic shifted.

    Args:
        measured: with the time of shifting.
        allowed: requests that may be lost.
    """
    lost, sent = sum(measured.failed.values()), sum(measured.requests.values())
    yield Check(
        group="edge", name="No request was lost", passed=lost <= allowed, detail=f"{lost} of {sent}, {allowed} allowed"
    )
    if (seen := measured.revisions) is not None:
        told = "; ".join(f"{name} {', '.join(getattr(seen, name)) or '-'}" for name in ("before", "during", "after"))
        yield Check(
            group="edge",
            name="Revisions mixed only while traffic shifted",
            passed=not seen.mixed_outside,
            detail=told,
        )
