"""A run's folder as it is found: its record, or why there is none to read, and whether it is sealed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from runbooks.records.manifest import MANIFEST, folders
from runbooks.records.record import Record


@dataclass(frozen=True, kw_only=True)
class RecordFolder:
    """One run.

    Attributes:
        path: its folder; the name is the run's id.
        record: None where it can't be read.
        fault: why not.
        sealed: whether it has a manifest; a run without was killed, or is still at work.
        reported: whether it has a page to link to.
    """

    path: Path
    record: Record | None
    fault: str
    sealed: bool
    reported: bool


def load(path: Path) -> RecordFolder:
    """Return what is in a run's folder; a record of any schema version is read."""
    record, fault = None, ""
    try:
        record = Record.model_validate_json((path / "record.json").read_bytes())
    except FileNotFoundError:
        fault = "there is no record.json"
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        fault = f"record.json can't be read: {'.'.join(map(str, first['loc']))}: {first['msg']}"
    sealed = (path / MANIFEST).exists()
    return RecordFolder(path=path, record=record, fault=fault, sealed=sealed, reported=(path / "report.html").exists())


def load_all(records: Path) -> list[RecordFolder]:
    """Return every run of a records directory, the newest first."""
    return [load(path) for path in reversed(folders(records))]
