"""Kill -9 of kernel and of runner between any two steps of each runbook: a true record, and all as it was."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from itertools import count
from pathlib import Path
from subprocess import Popen

import pytest

from runbooks.catalog import RUNBOOKS
from runbooks.core.run import Run
from runbooks.records.record import Verdict
from runbooks.running.runner import read_record
from tests.runbooks.proving import CASES, Proving, at, kill_kernel
from tests.runbooks.rehearsed import Rehearsed

pytestmark = pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds processes in /proc")

EVERY = "PROD_INFRA_EVERY_KILL"
"""Environment variable: kill at every point, not at one of each runbook; it takes half an hour."""

VICTIMS = ("kernel", "runner, undone", "runner, resumed")


@pytest.fixture(scope="module")
def proving(changed: Rehearsed) -> Proving:
    """One environment: each kill leaves it as the records say."""
    return Proving(changed)


def test_every_runbook_that_changes_something_is_killed() -> None:
    """A new runbook has a case, or no steps of its own."""
    starts = {name: importlib.import_module(runbook.module).start for name, runbook in RUNBOOKS.items()}
    changing = {name for name, start in starts.items() if start.__self__.steps is not Run.steps}
    assert changing == set(CASES)


def _kill(proving: Proving, name: str, victim: str, point: Callable[[int], int]) -> bool:
    """Kill a run at a point, see to its end, and look at what is left; return whether it came so far."""
    case = CASES[name]
    ended = proving.run(name, case.given(proving), at(point), kill_kernel if victim == "kernel" else Popen.kill)
    if not ended.reached:
        proving.holds(ended, case)
        return False
    if victim == "kernel" and case.goes_back:
        record = proving.holds(ended, case)
        assert record.error is not None
        assert record.error.kind == "DeadKernelError"
        return True
    if victim == "runner, undone" and case.goes_back:
        assert proving.command("undo", ended.folder.name).code == 0, proving.said()
        assert proving.holds(replace(ended, code=1), case).verdict is Verdict.ABANDONED
        return True
    resumed = proving.command("resume", ended.folder.name)
    record = proving.holds(resumed, case)
    assert case.goes_back or record.verdict is Verdict.SUCCEEDED, resumed.said
    former = read_record(ended.folder)
    assert former.verdict is (Verdict.FAILED if victim == "kernel" else Verdict.ABANDONED)
    assert former.error is not None
    return True


def _nth(number: int) -> Callable[[int], int]:
    return lambda _: number


def _drawn(place: int, less: int) -> Callable[[int], int]:
    return lambda steps: 1 + (place % (2 * steps) >> less)


@pytest.mark.parametrize("name", sorted(CASES))
def test_killed_run_is_brought_to_an_end(proving: Proving, name: str) -> None:
    """Whoever is killed between whatever steps, all is taken back or goes on, and the record says so."""
    if EVERY in os.environ:
        for victim in VICTIMS:
            all(_kill(proving, name, victim, _nth(number)) for number in count(1))
        return
    place, which = divmod(int(sha256(name.encode()).hexdigest(), 16), len(VICTIMS))
    # What is so already is skipped, so that a journal may have fewer points than its plan: then an earlier one.
    assert any(_kill(proving, name, VICTIMS[which], _drawn(place, less)) for less in range(5))
