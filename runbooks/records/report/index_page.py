"""`records/index.html`: every run, how RTO and RPO went, and which drills are overdue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Final

from markupsafe import Markup

from runbooks.records.record import Record, Verdict, write_atomically
from runbooks.records.record_folder import RecordFolder, load_all
from runbooks.records.report.page import render
from runbooks.records.report.trend import trend

INDEX: Final = "index.html"

CADENCE: Final[Mapping[str, timedelta]] = MappingProxyType(
    {
        "certificate_expiry": timedelta(days=2),
        "drift_check": timedelta(days=2),
        "docdb_restore": timedelta(days=92),
        "docdb_failover": timedelta(days=92),
        "az_evacuation": timedelta(days=92),
        "nat_outage": timedelta(days=92),
        "rotate_docdb_password": timedelta(days=92),
        "rollback": timedelta(days=183),
    }
)
"""How old the last success of a drill may be. SOC 2 A1.3 asks for a test of recovery once a year at least; a quarter
is what teams that rely on it do, and the two read-only checks run daily, so one may be missed."""


@dataclass(frozen=True, kw_only=True)
class Drill:
    """A row of the table of drills.

    Attributes:
        runbook: its name.
        cadence: how old the last success may be.
        last: when it last succeeded, not as a dry run; None: never.
        state: `in time`, `overdue` or `never`.
    """

    runbook: str
    cadence: timedelta
    last: datetime | None
    state: str


def target_of(records: Sequence[Record]) -> str:
    """Return the target that these records are judged by: a rehearsal on `local` is no drill where `aws` is run."""
    return "aws" if any(found.parameters.get("target") == "aws" for found in records) else "local"


def drills(records: Sequence[Record], now: datetime) -> list[Drill]:
    """Return every drill with a cadence, those that need somebody first.

    Args:
        records: of all runs.
        now: the moment that they are judged at.
    """
    target = target_of(records)
    found = []
    for runbook, cadence in CADENCE.items():
        ended = [
            record.finished or record.started
            for record in records
            if record.runbook == runbook
            and record.verdict is Verdict.SUCCEEDED
            and record.parameters.get("target", "local") == target
            and not record.parameters.get("dry_run")
        ]
        last = max(ended, default=None)
        state = "never" if last is None else "overdue" if now - last > cadence else "in time"
        found.append(Drill(runbook=runbook, cadence=cadence, last=last, state=state))
    return sorted(found, key=lambda drill: drill.state == "in time")


def index(folders: Sequence[RecordFolder], now: datetime) -> str:
    """Return the page.

    Args:
        folders: of all runs, the newest first.
        now: when it is written.
    """
    records = [folder.record for folder in folders if folder.record]
    pictures: dict[str, Markup] = {}
    for runbook in sorted({record.runbook for record in records}):
        if picture := trend(runbook, [record for record in records if record.runbook == runbook]):
            pictures[runbook] = picture
    return render(
        "index.html.j2",
        folders=folders,
        drills=drills(records, now),
        target=target_of(records),
        pictures=pictures,
        now=now,
    )


def write_index(records: Path) -> None:
    """Write `index.html` of a records directory again.

    Raises:
        OSError: there is no room, or no right to write.
    """
    write_atomically(records / INDEX, index(load_all(records), datetime.now(UTC)))
