"""Takes a run back from its journal alone, newest step first; in the kernel, or in any other process after it."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from prod_infra.errors import InvalidInputError, RunbookError, TargetError
from runbooks.catalog import RUNBOOKS
from runbooks.core.aws import Aws
from runbooks.core.journal import Entry, Journal, newest, pending
from runbooks.core.lock import acquire, release
from runbooks.core.step import UndoAction
from runbooks.core.target import reopen
from runbooks.records.record_parts import UndoRecord


def find_action(name: str) -> UndoAction:
    """Return an undo action by `<runbook>.<name>`.

    Raises:
        RunbookError: there is none.
    """
    runbook, _, action = name.partition(".")
    actions = importlib.import_module(RUNBOOKS[runbook].module).UNDO if runbook in RUNBOOKS else {}
    if action not in actions:
        raise RunbookError(f"There is no undo action {name!r}.", hint="take it back by hand: the journal says what was")
    found: UndoAction = actions[action]
    return found


def take_back(aws: Aws, journal: Journal, say: Callable[[str], None]) -> list[UndoRecord]:
    """Take back every step that has begun, newest first; one that fails keeps no other from being tried.

    Args:
        aws: the target that the journal names.
        journal: of the run; the caller holds it (`Journal.acting`).
        say: shows a line to a person.

    Returns:
        What was tried, in that order.
    """
    found: list[UndoRecord] = []
    for entry in reversed(pending(journal.entries())):
        if entry["undo"] is None:
            say(f"· {entry['step']}: not taken back: {entry['why']}")
            continue
        found.append(_take_back(aws, journal, entry))
        say(f"{'✓' if found[-1].done else '✗'} {entry['step']}: {found[-1].detail}")
    return found


def _take_back(aws: Aws, journal: Journal, entry: Entry) -> UndoRecord:
    step, action, at = entry["step"], entry["undo"]["action"], datetime.now(UTC)
    _note(journal, "undoing", step=step, undo=entry["undo"])
    try:
        detail = journal.redactor.text(find_action(action)(aws, **entry["undo"]["arguments"]))
    except Exception as error:  # noqa: BLE001  whatever it is, the older steps have to be taken back, too
        detail = journal.redactor.text(f"{type(error).__name__}: {error}")
        _note(journal, "undo-failed", step=step, error=detail)
        return UndoRecord(step=step, action=action, at=at, done=False, detail=detail)
    _note(journal, "undone", step=step, detail=detail)
    return UndoRecord(step=step, action=action, at=at, done=True, detail=detail)


def _note(journal: Journal, event: str, **members: object) -> None:
    try:
        journal.write(event, **members)
    except OSError:
        # A full disk must not keep the environment as the failed run left it; undo is idempotent.
        return


def undo_run(folder: Path, journal: Journal, say: Callable[[str], None], *, by_hand: bool = False) -> list[UndoRecord]:
    """Take a run back from outside its kernel, and give its lock back.

    Args:
        folder: of the run.
        journal: in it.
        say: shows a line to a person.
        by_hand: whether a person wants it, as some runs ask for (`Run.taken_back_by_hand`).

    Returns:
        What was tried; empty where nothing was left to take back, or it stays until a person wants it.

    Raises:
        LockError: the run is still at work, or another one is.
        TargetError: the target can't be used.
        RunbookError: another run has taken this one up.
    """
    started = newest(journal.entries(), "started")
    if started is None:
        return []
    with journal.acting():
        entries = journal.entries()
        if (resumed := newest(entries, "resumed")) is not None:
            raise RunbookError(
                f"Run {folder.name} was taken up by {resumed['by']}.", hint=f"`prod-infra runbook undo {resumed['by']}`"
            )
        left = [entry for entry in pending(entries) if entry["undo"] is not None]
        held = newest(entries, "locked")
        try:
            aws = _target(started)
        except TargetError as gone:
            if started["target"]["name"] != "local":
                raise
            now = datetime.now(UTC)
            say(f"nothing is left to take back: {gone.message}")
            return [
                UndoRecord(step=entry["step"], action=entry["undo"]["action"], at=now, done=True, detail=gone.message)
                for entry in reversed(left)
            ]
        stays = started["by_hand"] and not by_hand
        if stays and left:
            say(f"{len(left)} step(s) stay until `prod-infra runbook undo {folder.name}`")
        if held is None:
            return [] if stays else take_back(aws, journal, say)
        # Later, another run may be at work on the environment: then this one has to wait for it.
        again = acquire(aws, held["bucket"], held["stack"], folder.name, over={folder.name})
        found = [] if stays else take_back(aws, journal, say)
        # What is not as it was is nobody's to work on, until somebody looked or the lock has expired.
        if all(undone.done for undone in found):
            release(aws, again)
    return found


def _target(started: Entry) -> Aws:
    """Return the AWS that a run worked on.

    Raises:
        TargetError: it can't be used; a local one that is gone took with it all that was done to it.
    """
    known, region = started["target"], started["region"]
    endpoint = known.get("endpoint", "")
    target = reopen(known["name"], account=known["account_id"], region=region, endpoint=endpoint)
    # An account is still the same one when somebody else undoes the run.
    if known["name"] == "local" and target.describe() != {key: known[key] for key in target.describe()}:
        raise TargetError(f"the local AWS of run {started['run']} is gone; another one answers at {known['endpoint']}.")
    return Aws(target, region)


def require_undoable(journal: Journal) -> None:
    """Refuse a folder without a journal.

    Raises:
        InvalidInputError: the run never came to its start.
    """
    if newest(journal.entries(), "started") is None:
        raise InvalidInputError("There is nothing to take back", [f"{journal.path} says of no run that it started."])
