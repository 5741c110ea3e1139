"""Runs, resumes and takes back: target opened, notebook executed by papermill, record shown and sealed."""

from __future__ import annotations

import contextlib
import importlib
import json
import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import Any, Final

from pydantic import ValidationError
from rich.console import Console

from prod_infra.errors import InvalidInputError, RunbookError
from runbooks.catalog import RUNBOOKS, Runbook, find_runbook
from runbooks.core.journal import Journal, newest
from runbooks.core.redact import Redactor
from runbooks.core.run_folder import find_folder, make_folder, require_end
from runbooks.parameters import DrillParameters
from runbooks.records.record import CellStatus, Record, RunError, Verdict
from runbooks.records.record_parts import UndoRecord

__all__ = ["RUNBOOKS", "read_record", "resume", "run", "run_command", "undo"]

RECORD: Final = "record.json"

# What only a run needs is imported in it: bad parameters are refused without waiting for papermill and pulumi_aws.
# ruff: noqa: PLC0415


@contextlib.contextmanager
def _terminable() -> Iterator[None]:
    """Let SIGTERM unwind the stack, so that what was started is stopped; while cells run the engine handles it."""

    def leave(number: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    former = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, former)


def _load_drawing() -> None:
    for module in ("matplotlib.figure", "matplotlib.backends.backend_svg"):
        importlib.import_module(module)


def _execute(
    runbook: Runbook, parameters: Mapping[str, Any], folder: Path, console: Console, resumes: Path | None
) -> None:
    from papermill import execute_notebook

    # The report needs it at the end of nearly every run; while the kernel works this process does nothing.
    threading.Thread(target=_load_drawing, name="drawing").start()
    # The engine says it all, and better.
    for name in ("papermill", "papermill.translators", "traitlets"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    execute_notebook(
        runbook.notebook,
        folder / f"{runbook.name}.ipynb",
        parameters=dict(parameters),
        engine_name="runbook",
        progress_bar=False,
        execution_timeout=runbook.cell_timeout,
        record_path=folder / RECORD,
        run_id=folder.name,
        console=console,
        resumes=resumes,
    )


def run(
    name: str,
    parameters: Mapping[str, Any] | None = None,
    *,
    keep: bool = False,
    directory: Path | None = None,
    console: Console | None = None,
) -> Record:
    """Run a runbook in the working directory and leave `records/<utc>-<name>-<id>/`.

    Where no local AWS runs, one is started, and a drill has the environment deployed to it first. What a run that does
    not succeed has begun is taken back, newest first, before such a local AWS is stopped.

    Args:
        name: such as `deploy_prod`.
        parameters: by name; text is taken as on the command line. Names of settings count as settings.
        keep: leave a local AWS running that was started for this run.
        directory: where `records/` is made; the working directory if left out.
        console: where progress and summary are printed; standard output if left out.

    Returns:
        The record, of failed runs as well.

    Raises:
        InvalidInputError: there is no such runbook, or its parameters can't be right; nothing has happened.
        TargetError: the target can't be used; nothing has happened.
        RunbookError: not even a record could be written, or the environment for a drill could not be made.
        KeyboardInterrupt: Ctrl-C; the record is written, and a local AWS that was started is stopped.
        SystemExit: SIGTERM, likewise, with code 143.
    """
    runbook = find_runbook(name)
    checked = runbook.validate(runbook.parameters.of_assignments(parameters or {}))
    with _terminable():
        return _run(runbook, checked, keep=keep, directory=directory or Path.cwd(), console=console or Console())


def resume(run_id: str, *, keep: bool = False, directory: Path | None = None, console: Console | None = None) -> Record:
    """Run a runbook again as another run of it was asked for, skipping what AWS says is done already.

    Args:
        run_id: of a run that did not succeed.
        keep: leave a local AWS running that was started for this run.
        directory: where `records/` is; the working directory if left out.
        console: where progress and summary are printed; standard output if left out.

    Returns:
        The record of the new run.

    Raises:
        InvalidInputError: there is no such run, or it has nothing to resume.
        LockError: it is still at work.
        ProdInfraError: as `run` does.
    """
    directory = directory or Path.cwd()
    former = find_folder(run_id, directory)
    require_end(former)
    record = read_record(former)
    if record.verdict is Verdict.SUCCEEDED:
        raise InvalidInputError("There is nothing to resume", [f"{run_id} succeeded."], hint="run the runbook anew")
    runbook = find_runbook(record.runbook)
    entries = Journal(former, Redactor()).entries()
    if (taken_up := newest(entries, "resumed")) is not None:
        raise InvalidInputError("There is nothing to resume", [f"{run_id} was taken up by {taken_up['by']}."])
    started = newest(entries, "started")
    target = started["target"] if started else {}
    endpoint = target.get("endpoint", record.parameters["endpoint"])
    with _terminable():
        checked = runbook.validate({**record.parameters, "endpoint": endpoint})
        try:
            return _run(runbook, checked, keep=keep, directory=directory, console=console or Console(), resumes=former)
        finally:
            if (taken_up := newest(Journal(former, Redactor()).entries(), "resumed")) is not None:
                _end(former, record, f"taken up by {taken_up['by']}")


def undo(run_id: str, *, directory: Path | None = None, console: Console | None = None) -> list[UndoRecord]:
    """Take back what a run has done, newest first, from its journal alone; what is back already stays as it is.

    Args:
        run_id: of a run that is not at work any more.
        directory: where `records/` is; the working directory if left out.
        console: where to say what is done; standard output if left out.

    Returns:
        What was tried, in that order; the run's record has it, too.

    Raises:
        InvalidInputError: there is no such run.
        LockError: it is still at work, or another run holds the environment.
        TargetError: its target can't be used.
        RunbookError: another run has taken it up.
    """
    from runbooks.core.undo import undo_run

    folder = find_folder(run_id, directory or Path.cwd())
    console = console or Console()
    redactor = Redactor.of_environment(os.environ)
    require_end(folder)
    journal = Journal(folder, redactor)
    found = undo_run(folder, journal, lambda line: console.print(redactor.text(line), markup=False), by_hand=True)
    if not found:
        console.print("There was nothing to take back.")
    if (folder / RECORD).exists():
        record = read_record(folder)
        record.undo += found
        _end(folder, record, "undone later by hand")
    return found


def _end(folder: Path, record: Record, how: str) -> None:
    """Write and seal the record of a run that something was done to after it; tell the end that a kill kept from it."""
    from runbooks.records.keeping import finish

    if record.verdict is Verdict.RUNNING:
        cut = next((cell for cell in record.cells if cell.status is CellStatus.RUNNING), None)
        if cut is not None:
            cut.status = CellStatus.FAILED
        record.verdict = Verdict.ABANDONED
        message = f"the runner was killed, or could not write its end; {how}"
        record.error = RunError(kind="Abandoned", message=message, cell=cut.id if cut is not None else "")
    with _full_disk_is_told(folder):
        record.write(folder / RECORD)
        finish(folder)


@contextlib.contextmanager
def _full_disk_is_told(folder: Path) -> Iterator[None]:
    """Turn an OSError into words for who has to make room.

    Raises:
        RunbookError: nothing can be written.
    """
    try:
        yield
    except OSError as full:
        raise RunbookError(
            f"The record of {folder.name} could not be written: {full}",
            hint=f"make room; `prod-infra runbook undo {folder.name}` takes back what is left and ends it",
        ) from full


def _run(
    runbook: Runbook,
    parameters: DrillParameters,
    *,
    keep: bool,
    directory: Path,
    console: Console,
    resumes: Path | None = None,
) -> Record:
    from runbooks.core.environment import environment
    from runbooks.core.target import open_target
    from runbooks.records.keeping import finish
    from runbooks.records.record import write_atomically
    from runbooks.running.evidence import keep_evidence
    from runbooks.running.summary import show_summary

    env = environment(Path(), parameters.stack, parameters.settings)
    opened = open_target(parameters, env, console, deploys=runbook.deploys, keep=keep)
    with opened:
        folder = make_folder(directory, runbook.name)
        given = {**parameters.model_dump(mode="json"), "endpoint": opened.endpoint}
        try:
            _execute(runbook, given, folder, console, resumes)
        except RunbookError:
            if not (folder / RECORD).exists():
                raise
        finally:
            # Before Ctrl-C goes on its way, too: whoever stopped the run wants to know how it stands.
            if (folder / RECORD).exists():
                record = read_record(folder)
                show_summary(record, folder, console, "" if opened.owned else opened.endpoint)
                with _full_disk_is_told(folder):
                    if "policy" in record.results:
                        report = json.dumps(record.results["policy"]["report"], indent=2)
                        write_atomically(folder / "policy.json", report + "\n")
                    finish(folder)
                # A dry run changes nothing, the evidence neither.
                if opened.name == "aws" and not parameters.dry_run:
                    keep_evidence(folder, opened.clients(), env.settings, console)
    return record


def read_record(folder: Path) -> Record:
    """Return the record of a run.

    Raises:
        InvalidInputError: there is none, as of a run in JupyterLab, or it can't be read.
    """
    if not (folder / RECORD).exists():
        raise InvalidInputError(
            f"{folder.name} has no record",
            ["A run without our runner, as in JupyterLab, leaves its journal, its probe and the notebook."],
            hint=f"`prod-infra runbook undo {folder.name}` takes back what it has done",
        )
    try:
        return Record.model_validate_json((folder / RECORD).read_bytes())
    except (OSError, ValidationError) as error:
        raise InvalidInputError(f"The record of {folder.name} can't be read", [str(error)]) from error


def run_command(work: Callable[[], Record]) -> int:
    """Do `run` or `resume` for the command line and return the exit code: 0 succeeded, 1 failed, 130 Ctrl-C.

    Raises:
        ProdInfraError: nothing has happened, or not even a record could be written.
        SystemExit: SIGTERM, with code 143.
    """
    try:
        record = work()
    except KeyboardInterrupt:
        return 130
    return 0 if record.verdict is Verdict.SUCCEEDED else 1
