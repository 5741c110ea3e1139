"""Runs a runbook: parameters checked, target opened, notebook executed by papermill, record shown."""

from __future__ import annotations

import contextlib
import json
import logging
import signal
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import Any

from rich.console import Console

from prod_infra.errors import RunbookError
from runbooks.catalog import RUNBOOKS, Runbook, find_runbook
from runbooks.parameters import DeployProdParameters
from runbooks.record import Record, Verdict

__all__ = ["RUNBOOKS", "run", "run_command"]

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


def _execute(runbook: Runbook, parameters: Mapping[str, Any], folder: Path, console: Console) -> None:
    from papermill import execute_notebook

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
        record_path=folder / "record.json",
        run_id=folder.name,
        console=console,
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
        RunbookError: not even a record could be written.
        KeyboardInterrupt: Ctrl-C; the record is written, and a local AWS that was started is stopped.
        SystemExit: SIGTERM, likewise, with code 143.
    """
    runbook = find_runbook(name)
    checked = runbook.validate(runbook.parameters.of_assignments(parameters or {}))
    console = console or Console()
    with _terminable():
        return _run(runbook, checked, keep=keep, directory=directory or Path.cwd(), console=console)


def _run(runbook: Runbook, checked: Any, *, keep: bool, directory: Path, console: Console) -> Record:
    from prod_infra.deployment.targets import open_target
    from runbooks.deploy_prod import environment
    from runbooks.execution import new_run_id
    from runbooks.record import write_atomically
    from runbooks.summary import show_summary

    parameters: DeployProdParameters = checked
    zone = environment(Path(), parameters.stack, parameters.settings).hosted_zone
    opened = open_target(parameters.target, endpoint=parameters.endpoint, start=True, keep=keep, hosted_zones=[zone])
    folder = directory / "records" / new_run_id(runbook.name)
    record_path = folder / "record.json"
    with opened:
        folder.mkdir(parents=True)
        try:
            _execute(runbook, {**parameters.model_dump(mode="json"), "endpoint": opened.endpoint}, folder, console)
        except RunbookError:
            if not record_path.exists():
                raise
        finally:
            # Before Ctrl-C goes on its way, too: whoever stopped the run wants to know how it stands.
            if record_path.exists():
                record = Record.model_validate_json(record_path.read_text(encoding="utf-8"))
                if "policy" in record.results:
                    write_atomically(
                        folder / "policy.json", json.dumps(record.results["policy"]["report"], indent=2) + "\n"
                    )
                show_summary(record, folder, console, "" if opened.owned else opened.endpoint)
    return record


def run_command(
    name: str, assignments: Mapping[str, str], *, keep: bool = False, console: Console | None = None
) -> int:
    """Run a runbook for the command line and return the exit code: 0 succeeded, 1 failed, 130 Ctrl-C.

    Args:
        name: such as `deploy_prod`.
        assignments: `-p name=value`, by name.
        keep: leave a local AWS running that was started for this run.
        console: where to print; standard output if left out.

    Raises:
        InvalidInputError: there is no such runbook, or its parameters can't be right; nothing has happened.
        TargetError: the target can't be used; nothing has happened.
        RunbookError: not even a record could be written.
        SystemExit: SIGTERM, with code 143.
    """
    try:
        record = run(name, assignments, keep=keep, console=console)
    except KeyboardInterrupt:
        return 130
    return 0 if record.verdict is Verdict.SUCCEEDED else 1
