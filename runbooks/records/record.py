"""The record of a run: what was asked, what happened in each cell, what came of it."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import subprocess
import tempfile
from datetime import datetime
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import Field

from runbooks.records.record_parts import Measured, Objectives, Plan, RecordModel, SteadyState, UndoRecord

SCHEMA_VERSION: Final = 2
"""2 added who ran it, the approved plan, steady states, undo, objectives and what was measured."""

_RECORDED_PACKAGES: Final = (
    *("prod-infra", "pulumi", "pulumi-aws", "pulumi-policy", "papermill", "nbclient", "ipykernel", "boto3", "moto"),
)


class Verdict(StrEnum):
    """How a run ended; `running` in a file: the runner itself was killed; `abandoned`: and the run was undone then."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    ABANDONED = "abandoned"


class CellStatus(StrEnum):
    """How a cell ended; `running` only while it does."""

    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    NEVER_RUN = "never run"


class RunError(RecordModel):
    """Why a run did not succeed.

    Attributes:
        kind: class name of the error: `RunbookError`, `DeadKernelError`, `CellTimeoutError`, `KeyboardInterrupt`, …
        message: its words, secrets masked.
        cell: id of the cell; empty where no cell was running.
    """

    kind: str
    message: str
    cell: str = ""


class CellRecord(RecordModel):
    """One code cell, as it really went."""

    id: str
    title: str
    status: CellStatus = CellStatus.NEVER_RUN
    started: datetime | None = None
    finished: datetime | None = None
    seconds: float | None = None


class Source(RecordModel):
    """What was run.

    Attributes:
        git_sha: commit of the working directory; empty outside a repository.
        git_dirty: whether tracked files differed from it.
        notebook_sha256: of the notebook as it was before parameters were put in.
    """

    git_sha: str = ""
    git_dirty: bool = False
    notebook_sha256: str = ""


class Record(RecordModel):
    """The whole of `record.json`.

    Attributes:
        schema_version: 1 is still read; it lacks what 2 added.
        caller: ARN that AWS knows the operator by; empty where AWS was not asked.
        account: 12 digits; empty likewise.
        plan: None where the run never came to one.
        undo: in the order in which it was tried.
        measured: None where nothing was probed.
        parameters: all of them, defaults too, secrets masked.
        results: what the cells published, by section: `target`, `policy`, `preview`, `up`, `verification`.
        seconds: wall time of the notebook.
    """

    schema_version: Literal[1, 2] = SCHEMA_VERSION
    id: str
    runbook: str
    parameters: dict[str, Any] = Field(default_factory=dict)
    caller: str = ""
    account: str = ""
    started: datetime
    finished: datetime | None = None
    seconds: float | None = None
    verdict: Verdict = Verdict.RUNNING
    error: RunError | None = None
    cells: list[CellRecord] = Field(default_factory=list)
    results: dict[str, Any] = Field(default_factory=dict)
    plan: Plan | None = None
    steady_state: SteadyState = Field(default_factory=SteadyState)
    undo: list[UndoRecord] = Field(default_factory=list)
    objectives: Objectives = Field(default_factory=Objectives)
    measured: Measured | None = None
    source: Source = Field(default_factory=Source)
    versions: dict[str, str] = Field(default_factory=dict)

    def write(self, path: Path) -> None:
        """Write it in one go: a reader sees the former record or this one, never half of it."""
        write_atomically(path, self.model_dump_json(indent=2) + "\n")


def schema_text() -> str:
    """Return the JSON schema of `record.json`, as `runbooks/records/record.schema.json` holds it."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **Record.model_json_schema()}
    return json.dumps(schema, indent=2) + "\n"


def write_atomically(path: Path, text: str) -> None:
    """Write a file in one go, through a temporary one beside it.

    Raises:
        OSError: there is no room, or no right to write; the former file is as it was.
    """
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise


def versions() -> dict[str, str]:
    """Return the versions that a run depends on, by package; what is not installed is left out."""
    found = {"python": platform.python_version()}
    for package in _RECORDED_PACKAGES:
        with contextlib.suppress(PackageNotFoundError):
            found[package] = version(package)
    return found


def _git(directory: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", *arguments],  # noqa: S607  the user's own git
            cwd=directory,
            capture_output=True,
            text=True,
            check=False,
            timeout=10,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def source(directory: Path, notebook: str) -> Source:
    """Return what is run: the commit around `directory`, and the digest of the notebook's text."""
    sha = _git(directory, "rev-parse", "HEAD")
    return Source(
        git_sha=sha or "",
        git_dirty=bool(sha and _git(directory, "status", "--porcelain", "--untracked-files=no")),
        notebook_sha256=hashlib.sha256(notebook.encode()).hexdigest(),
    )
