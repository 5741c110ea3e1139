"""Every wait ends."""

from __future__ import annotations

import pytest

from prod_infra.errors import RunbookError, StopAlarmError, WaitTimeoutError
from runbooks.core import waiting
from runbooks.core.run_folder import FOLDER
from runbooks.core.waiting import wait


def test_answer_is_returned() -> None:
    """What was waited for is returned as soon as it is there."""
    answers = iter([None, "", "there"])
    assert wait("it", lambda: next(answers), timeout=60, poll=0.001) == "there"


def test_wait_in_vain_names_what_and_how_long() -> None:
    """At the end of its time the wait fails, and says what did not come."""
    with pytest.raises(WaitTimeoutError, match=r"Waited 0.01 s for the writer"):
        wait("the writer", lambda: None, timeout=0.01, poll=0.001)


def test_what_is_looked_at_between_ends_the_wait() -> None:
    """An alarm between two looks ends the wait at once."""

    def alarm() -> None:
        raise StopAlarmError("Alarms fire: a.")

    with pytest.raises(StopAlarmError):
        wait("it", lambda: None, timeout=60, poll=0.001, between=alarm)


def test_wait_ends_without_a_runner(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel whose runner is gone stops waiting: nobody would record what it does."""
    monkeypatch.setattr(waiting, "_PARENT", -1)
    monkeypatch.setenv(FOLDER, "records/some-run")
    with pytest.raises(RunbookError, match="runner is gone"):
        wait("it", lambda: None, timeout=60, poll=0.001)


def test_undo_outlives_the_shell_that_it_was_started_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """A runner and an undo by hand wait on when their terminal is closed: they are who records."""
    monkeypatch.setattr(waiting, "_PARENT", -1)
    answers = iter([None, None, "there"])
    assert wait("it", lambda: next(answers), timeout=60, poll=0.001) == "there"
