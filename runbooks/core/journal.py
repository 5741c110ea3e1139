"""The journal of a run: each change is on disk, with what takes it back, before it is made."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from prod_infra.errors import LockError, RunbookError
from runbooks.core.redact import Redactor
from runbooks.core.step import Step

FILE: Final = "journal.jsonl"
ACTING_SECONDS: Final = 30.0
"""For which an undo waits until the kernel has let go: one whose runner is gone needs a second or two."""

Entry = Mapping[str, Any]


class Journal:
    """`journal.jsonl` of a run's folder: a JSON object a line, `at` and `event` in each.

    Events: `started` (which target), `decided` (a value of `Run.decide`), `locked`, `released`; of a step `begin` (its
    calls and undo; on disk before it acts), `done`, `failed`, `skipped`, `undoing`, `undone`, `undo-failed`; `resumed`
    (by which run).

    Args:
        folder: of the run.
        redactor: takes secrets out of each line.
    """

    def __init__(self, folder: Path, redactor: Redactor) -> None:
        self.path = folder / FILE
        self.redactor = redactor

    def write(self, event: str, **members: Any) -> None:
        """Append a line; it is on disk when this returns.

        Raises:
            OSError: it can't be written.
        """
        entry = self.redactor.json({"at": datetime.now(UTC).isoformat(), "event": event, **members})
        new = not self.path.exists()
        with self.path.open("ab+") as file:
            file.seek(0)
            # What a crash cut short is no line; this one begins where it did.
            file.truncate(file.read().rfind(b"\n") + 1)
            file.write(json.dumps(entry).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        if new:
            _sync_folder(self.path.parent)

    def begin(self, step: Step) -> None:
        """Write what a step is about to do and what takes it back.

        Raises:
            RunbookError: there is a secret in its undo, which would not work with it masked.
            OSError: it can't be written; the step must not act.
        """
        undo = step.undo()
        known = asdict(undo) if undo else None
        if self.redactor.json(known) != json.loads(json.dumps(known)):
            raise RunbookError(
                f"The undo of {step.name!r} holds a secret.", hint="let the action read it from AWS by its name"
            )
        self.write("begin", step=step.name, calls=[asdict(call) for call in step.calls()], undo=known, why=step.no_undo)

    def inherit(self, former: Journal, by: str) -> None:
        """Take over all lines of another run: from now on it is this one that is taken back, and no more the other.

        Args:
            former: that other run's.
            by: id of this run.

        Raises:
            LockError: the other run is still at work.
        """
        with former.acting():
            for entry in former.entries():
                members = {name: value for name, value in entry.items() if name != "event"}
                self.write(entry["event"], **{"of": former.path.parent.name, **members})
            former.write("resumed", by=by)

    def perform(self, step: Step, say: Callable[[str], None]) -> None:
        """Do a step, if it is not done already; its line is on disk before it acts.

        Args:
            step: to do.
            say: shows a line to a person.

        Raises:
            RunbookError: it failed, or it could not be taken back.
            OSError: the journal can't be written; the step was not done, or is not known as done.
        """
        if step.already_done():
            self.write("skipped", step=step.name)
            say(f"· {step.name}: so already")
            return
        self.begin(step)
        say(f"→ {step.name}")
        try:
            known = step.act()
        except Exception as error:
            self.write("failed", step=step.name, error=f"{type(error).__name__}: {error}")
            raise
        self.write("done", step=step.name, result=dict(known or {}))
        say(f"✓ {step.name}")

    def entries(self) -> list[Entry]:
        """Return every whole line, the oldest first; none where there is no file."""
        return read_journal(self.path)

    @contextlib.contextmanager
    def acting(self, patience: float = ACTING_SECONDS) -> Iterator[None]:
        """Hold the run: one process at a time makes its changes or takes them back; a killed one lets go.

        Args:
            patience: seconds to wait for another process.

        Raises:
            LockError: another process still has it.
        """
        with self.path.open("ab") as file:
            deadline = time.monotonic() + patience
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except OSError as held:
                    if time.monotonic() > deadline:
                        raise LockError(
                            f"Run {self.path.parent.name} is still at work.", hint="stop it, or wait for its end"
                        ) from held
                    time.sleep(0.1)
            yield


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read_journal(path: Path) -> list[Entry]:
    """Return a journal's whole lines; none where there is no file.

    A line that a crash cut short is left out: its step did not act.
    """
    whole = path.read_bytes().rpartition(b"\n")[0] if path.exists() else b""
    return [json.loads(line) for line in whole.splitlines()]


def pending(entries: Sequence[Entry]) -> list[Entry]:
    """Return the `begin` lines of the steps that are not taken back, the oldest first."""
    begun: list[Entry] = []
    for entry in entries:
        if entry["event"] == "begin":
            begun.append(entry)
        elif entry["event"] == "undone":
            index_of = max(index for index, former in enumerate(begun) if former["step"] == entry["step"])
            del begun[index_of]
    return begun


def newest(entries: Sequence[Entry], event: str) -> Entry | None:
    """Return the newest entry of an event; None if there is none."""
    return next((entry for entry in reversed(entries) if entry["event"] == event), None)


def decided(entries: Sequence[Entry]) -> dict[str, Any]:
    """Return what was decided, by name."""
    return {entry["name"]: entry["value"] for entry in entries if entry["event"] == "decided"}
