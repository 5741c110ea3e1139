"""The folder of a run, `records/<run id>/`, and what the engine tells the kernel of it."""

from __future__ import annotations

import fcntl
import os
import secrets as random
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from prod_infra.errors import InvalidInputError, LockError

FOLDER: Final = "PROD_INFRA_RUN_FOLDER"
"""Environment variable of the kernel: the run's folder, which exists."""

RESUMES: Final = "PROD_INFRA_RESUMES"
"""Environment variable of the kernel: folder of the run that this one takes up; unset for a fresh one."""


END_SECONDS: Final = 30.0
"""For which the end of a kernel is waited for: one whose runner was killed leaves within a second or two."""


def new_run_id(runbook: str) -> str:
    """Return `<utc>-<runbook>-<6 hex>`; names sort by time."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{runbook}-{random.token_hex(3)}"


def own_folder(runbook: str, environ: Mapping[str, str] = os.environ) -> Path:
    """Return this kernel's run folder; where no engine made one, as in JupyterLab, it is made here."""
    if given := environ.get(FOLDER):
        # Never closed: held by this process until it ends, however it does.
        fcntl.flock(os.open(given, os.O_RDONLY), fcntl.LOCK_SH)
        return Path(given)
    return make_folder(Path.cwd(), runbook)


def require_end(folder: Path, patience: float = END_SECONDS) -> None:
    """Wait until no kernel of an engine works on a run any more: an orphan's probe writes into the folder, too.

    Raises:
        LockError: one still does.
    """
    handle, deadline = os.open(folder, os.O_RDONLY), time.monotonic() + patience
    try:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as held:
                if time.monotonic() > deadline:
                    raise LockError(
                        f"Run {folder.name} is still at work.", hint="stop it, or wait for its end"
                    ) from held
                time.sleep(0.1)
            else:
                return
    finally:
        os.close(handle)


def make_folder(directory: Path, runbook: str) -> Path:
    """Make the folder of a new run below a working directory, and return it."""
    folder = directory.resolve() / "records" / new_run_id(runbook)
    folder.mkdir(parents=True)
    return folder


def find_folder(run_id: str, directory: Path) -> Path:
    """Return the folder of a run by its id.

    Raises:
        InvalidInputError: there is none.
    """
    records = directory / "records"
    if records.is_dir() and run_id in {found.name for found in records.iterdir() if found.is_dir()}:
        return records / run_id
    raise InvalidInputError(
        "There is no such run", [f"{run_id!r} is not in {records}."], hint="`prod-infra records list` shows them all"
    )
