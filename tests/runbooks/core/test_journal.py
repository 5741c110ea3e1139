"""The journal is on disk before a change, survives a crash in the middle of a line, and holds no secret."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from prod_infra.errors import LockError, RunbookError
from runbooks.core.journal import Journal, decided, newest, pending
from runbooks.core.redact import Redactor
from runbooks.core.step import Call, Step, Undo


@dataclass(frozen=True, kw_only=True)
class Probe(Step):
    """Looks, when it acts, at what the journal says by then."""

    journal: Journal
    secret: str = ""

    @property
    def name(self) -> str:
        """Its name."""
        return "probe"

    def already_done(self) -> bool:
        """Never."""
        return False

    def calls(self) -> Sequence[Call]:
        """One call."""
        return [Call(service="sqs", operation="purge_queue", parameters={"QueueUrl": "q"})]

    def undo(self) -> Undo:
        """Its undo."""
        return Undo(action="tag_drill.untag", arguments={"key": self.secret or "a"})

    def act(self) -> Mapping[str, Any]:
        """Return what another reader sees."""
        return {"seen": Journal(self.journal.path.parent, Redactor()).entries()}


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    """A new journal."""
    return Journal(tmp_path, Redactor(["hidden-password"]))


def test_begin_is_on_disk_before_the_step_acts(journal: Journal) -> None:
    """What the step is about to call, and its undo, can be read by others when it acts."""
    step = Probe(journal=journal)
    journal.begin(step)
    (entry,) = step.act()["seen"]
    assert (entry["event"], entry["step"]) == ("begin", "probe")
    assert entry["calls"][0]["operation"] == "purge_queue"
    assert entry["undo"] == {"action": "tag_drill.untag", "arguments": {"key": "a"}}


def test_line_is_forced_to_disk(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    """File and folder are synchronised for a new journal, the file for each line after."""
    synced: list[bool] = []
    real = os.fsync

    def fsync(handle: int) -> None:
        synced.append(os.path.isdir(f"/proc/self/fd/{handle}"))  # noqa: PTH112  /proc shows handles as links
        real(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    journal.write("started")
    journal.write("decided", name="a", value=1)
    assert synced == [False, True, False]


def test_half_line_is_no_line(journal: Journal) -> None:
    """A line that a crash cut short is passed over, and the next one is whole."""
    journal.write("started")
    with journal.path.open("a") as file:
        file.write('{"event": "beg')
    assert [entry["event"] for entry in journal.entries()] == ["started"]
    journal.write("released")
    assert [entry["event"] for entry in journal.entries()] == ["started", "released"]


def test_no_secret_is_written(journal: Journal) -> None:
    """A secret in a line is masked; in an undo, which would not work any more, it is refused before the step acts."""
    journal.write("done", step="probe", result={"said": "hidden-password"}, password="another")
    text = journal.path.read_text()
    assert "hidden-password" not in text
    assert "another" not in text
    with pytest.raises(RunbookError, match="holds a secret"):
        journal.begin(Probe(journal=journal, secret="hidden-password"))
    assert pending(journal.entries()) == []


def test_pending_is_what_began_and_was_not_undone(journal: Journal) -> None:
    """A step that began and was not taken back is pending, as often as it began."""
    for event, step in [
        ("begin", "a"),
        ("done", "a"),
        ("begin", "b"),
        ("undone", "b"),
        ("begin", "b"),
        ("failed", "b"),
    ]:
        journal.write(event, step=step)
    assert [entry["step"] for entry in pending(journal.entries())] == ["a", "b"]


def test_decisions_and_the_newest_entry(journal: Journal) -> None:
    """The last decision under a name counts; the newest entry of an event is found, or none."""
    for value in ("x", "y"):
        journal.write("decided", name="writer", value=value)
    assert decided(journal.entries()) == {"writer": "y"}
    found = newest(journal.entries(), "decided")
    assert found is not None
    assert found["value"] == "y"
    assert newest(journal.entries(), "locked") is None


def test_one_process_acts_at_a_time(journal: Journal, tmp_path: Path) -> None:
    """Another process can't take the run while one holds it; a killed one lets go."""
    code = (
        "import sys, time; from pathlib import Path; from runbooks.core.journal import Journal; "
        "from runbooks.core.redact import Redactor\n"
        f"with Journal(Path({str(tmp_path)!r}), Redactor()).acting():\n    print('has it', flush=True); time.sleep(300)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "has it\n"
        with pytest.raises(LockError, match="still at work"), journal.acting(patience=0):
            pass
        other.kill()
    with journal.acting():
        journal.write("undoing", step="a")
    assert json.loads(journal.path.read_text())["event"] == "undoing"
