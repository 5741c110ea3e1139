"""The record of a run: what was asked, what happened in each cell, what came of it."""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import subprocess
import tempfile
from datetime import datetime
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

SCHEMA_VERSION: Final = 1

_RECORDED_PACKAGES: Final = (
    *("prod-infra", "pulumi", "pulumi-aws", "pulumi-policy", "papermill", "nbclient", "ipykernel", "boto3", "moto"),
)


class Verdict(StrEnum):
    """How a run ended; `running` in a file means that the runner itself was killed."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


class CellStatus(StrEnum):
    """How a cell ended; `running` only while it does."""

    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    NEVER_RUN = "never run"


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid")


class RunError(_Model):
    """Why a run did not succeed.

    Attributes:
        kind: class name of the error: `RunbookError`, `DeadKernelError`, `CellTimeoutError`, `KeyboardInterrupt`, …
        message: its words, secrets masked.
        cell: id of the cell; empty where no cell was running.
    """

    kind: str
    message: str
    cell: str = ""


class CellRecord(_Model):
    """One code cell, as it really went."""

    id: str
    title: str
    status: CellStatus = CellStatus.NEVER_RUN
    started: datetime | None = None
    finished: datetime | None = None
    seconds: float | None = None


class Source(_Model):
    """What was run.

    Attributes:
        git_sha: commit of the working directory; empty outside a repository.
        git_dirty: whether tracked files differed from it.
        notebook_sha256: of the notebook as it was before parameters were put in.
    """

    git_sha: str = ""
    git_dirty: bool = False
    notebook_sha256: str = ""


class Record(_Model):
    """The whole of `record.json`.

    Attributes:
        parameters: all of them, defaults too, secrets masked.
        results: what the cells published, by section: `target`, `policy`, `preview`, `up`, `verification`.
        seconds: wall time of the notebook.
    """

    schema_version: Literal[1] = SCHEMA_VERSION
    id: str
    runbook: str
    parameters: dict[str, Any] = Field(default_factory=dict)
    started: datetime
    finished: datetime | None = None
    seconds: float | None = None
    verdict: Verdict = Verdict.RUNNING
    error: RunError | None = None
    cells: list[CellRecord] = Field(default_factory=list)
    results: dict[str, Any] = Field(default_factory=dict)
    source: Source = Field(default_factory=Source)
    versions: dict[str, str] = Field(default_factory=dict)

    def write(self, path: Path) -> None:
        """Write it in one go: a reader sees the former record or this one, never half of it."""
        write_atomically(path, self.model_dump_json(indent=2) + "\n")


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
