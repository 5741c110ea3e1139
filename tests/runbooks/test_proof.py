"""Any runbooks in any order, with faults and kills at random points: the environment is always what the records say."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from subprocess import Popen
from typing import Any, Final, Literal

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from runbooks.records.record import Record, Verdict
from runbooks.running.runner import read_record
from tests.runbooks.proving import CASES, Case, Ended, Proving, at, has_failed, is_planned, kill_kernel
from tests.runbooks.rehearsed import Rehearsed

pytestmark = pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds processes in /proc")

MORE: Final = "PROD_INFRA_PROOF_EXAMPLES"
"""Environment variable: how many rows of runs, other ones each time; a run takes ten to twenty seconds."""

FEW: Final = 2
"""Rows, always the same, where the variable is not set."""

RUNS: Final = 3
"""In a row."""

FAULTS: Final[dict[str, dict[str, Any]]] = {
    "refused": {"kind": "error", "code": "AccessDeniedException", "status": 400},
    "failing": {"kind": "error"},
    "throttled": {"kind": "throttle"},
    "cut off": {"kind": "reset"},
    "slow": {"kind": "latency", "seconds": 1.0},
}
"""What can happen to a call; all but a refusal is tried again by boto3."""


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """What happens to a run.

    Attributes:
        kind: of it.
        share: where, from 0 to 1 of the run's calls or points.
        fault: of a call, see `FAULTS`.
        times: how many calls meet it.
        way: how a killed runner's run comes to its end.
    """

    kind: Literal["none", "call", "stuck", "kernel killed", "runner killed", "interrupted", "terminated"]
    share: float
    fault: str
    times: int
    way: Literal["undo", "resume"]

    def point(self, steps: int) -> int:
        """Return which of a plan's points: begin and end of each step, there and perhaps back."""
        return 1 + int(self.share * 4 * steps)


TROUBLES: Final = st.builds(
    Trouble,
    kind=st.sampled_from(["kernel killed", "runner killed", "call", "stuck", "interrupted", "terminated", "none"]),
    share=st.floats(0, 0.999),
    fault=st.sampled_from(sorted(FAULTS)),
    times=st.integers(1, 4),
    way=st.sampled_from(["undo", "resume"]),
)


@dataclass(frozen=True, kw_only=True)
class Deed:
    """One thing that is done to the environment: a runbook with trouble, taken back later if it succeeded after all."""

    name: str
    trouble: Trouble
    regretted: bool


DEEDS: Final = st.builds(Deed, name=st.sampled_from(sorted(CASES)), trouble=TROUBLES, regretted=st.booleans())


def _do(proving: Proving, deed: Deed) -> None:
    """Run a runbook, with trouble, and bring it to an end as an operator would: then the invariants hold."""
    case = CASES[deed.name]
    ended = _drive(proving, deed.name, case, deed.trouble)
    before = proving.before
    proving.end_faults()
    ended = _brought_to_its_end(proving, case, deed.trouble, ended)
    record = proving.holds(ended, case)
    if record.verdict is Verdict.SUCCEEDED and case.goes_back and deed.regretted:
        proving.is_regretted(ended, before)


def _drive(proving: Proving, name: str, case: Case, trouble: Trouble) -> Ended:
    parameters, moment = case.given(proving), at(trouble.point)
    strikes: dict[str, tuple[Callable[[Path], bool], Callable[[Popen[str]], object]]] = {
        "kernel killed": (moment, kill_kernel),
        "runner killed": (moment, Popen.kill),
        "interrupted": (moment, lambda process: process.send_signal(signal.SIGINT)),
        "terminated": (moment, lambda process: process.send_signal(signal.SIGTERM)),
        "call": (is_planned, lambda _: _break(proving, trouble)),
    }
    if trouble.kind in strikes:
        return proving.run(name, parameters, *strikes[trouble.kind])
    if trouble.kind == "stuck" and case.stuck:
        what = sorted(case.stuck)[int(trouble.share * len(case.stuck))]
        proving.env.fault("stuck", what=what)
        return proving.run(name, {**parameters, **case.stuck[what]}, has_failed, lambda _: proving.end_faults())
    return proving.run(name, parameters)


def _break(proving: Proving, trouble: Trouble) -> None:
    """Let one of the calls that the newest run has planned meet a fault."""
    plan = read_record(proving.env.folders[-1]).plan
    assert plan is not None
    # The changes of a program are no calls of AWS's.
    calls = [call for step in plan.steps for call in step.calls if call.service != "pulumi"]
    if calls:
        call = calls[int(trouble.share * len(calls))]
        operation = proving.env.clients(call.service).meta.method_to_api_mapping[call.operation]
        which = {"service": call.service, "operation": operation, "times": trouble.times}
        proving.env.fault(**{**FAULTS[trouble.fault], **which})


def _brought_to_its_end(proving: Proving, case: Case, trouble: Trouble, ended: Ended) -> Ended:
    """Do what an operator does about a run that was killed, or whose undo failed, too."""
    record = read_record(ended.folder)
    if record.verdict is Verdict.SUCCEEDED:
        return ended
    if not case.goes_back or (trouble.way == "resume" and record.verdict is Verdict.RUNNING):
        resumed = proving.command("resume", ended.folder.name)
        assert read_record(ended.folder).verdict in {Verdict.ABANDONED, Verdict.FAILED, Verdict.INTERRUPTED}
        ended, record = resumed, read_record(resumed.folder)
        assert case.goes_back or record.verdict is Verdict.SUCCEEDED, resumed.said
    if record.verdict is Verdict.RUNNING or _is_left(record):
        undone = proving.command("undo", ended.folder.name)
        assert undone.code == 0, undone.said
        return replace(ended, code=1)
    return ended


def _is_left(record: Record) -> bool:
    return any(not tried.done for tried in record.undo) or (
        record.error is not None and "not taken back" in record.error.message
    )


@pytest.fixture(scope="module")
def proving(changed: Rehearsed) -> Proving:
    """One environment for all that is done."""
    return Proving(changed)


def test_environment_is_what_the_records_say(proving: Proving) -> None:
    """Whatever happens to whichever runs, everything is as it was, or as the records of those that succeeded say."""
    failed: list[AssertionError] = []

    @settings(
        max_examples=int(os.environ.get(MORE, FEW)),
        derandomize=MORE not in os.environ,
        database=None,
        deadline=None,
        # A failure leaves the environment as it is, so that it can't be shrunk.
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(DEEDS, min_size=1, max_size=RUNS))
    def do(deeds: list[Deed]) -> None:
        if failed:
            # Hypothesis asks once more, in an environment that is another by now.
            raise failed[0]
        for deed in deeds:
            try:
                _do(proving, deed)
            except AssertionError as error:
                error.add_note(f"{deed}, run {proving.runs}")
                failed.append(error)
                raise

    do()
