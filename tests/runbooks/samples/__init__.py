"""Record folders made by code: drills that went well, badly and nowhere, as the runner leaves them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from runbooks.probes.measure import Stored, measured
from runbooks.probes.samples import Kind, Probe, Sample
from runbooks.records.record import CellRecord, CellStatus, Record, RunError, Source, Verdict
from runbooks.records.record_parts import (
    CheckRecord,
    Objectives,
    Plan,
    PlannedCall,
    PlannedStep,
    PlannedUndo,
    SteadyState,
    UndoRecord,
)

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
TITLES = ("Parameters", "Start", "Steady state before", "Plan", "Act", "Verify", "Steady state after", "Result")


def at(second: float, start: datetime = START) -> datetime:
    """Return a moment of a run."""
    return start + timedelta(seconds=second)


def run_id(start: datetime = START, runbook: str = "docdb_failover") -> str:
    """Return the id of a run."""
    return f"{start:%Y%m%dT%H%M%SZ}-{runbook}-0a1b2c"


def probe_of(start: datetime, down: tuple[float, float], *, seconds: int = 40, interval: float = 0.5) -> Probe:
    """Return a probe of an app that is down from one second until before another, and is revision 7 from second 20."""
    samples = []
    kinds: tuple[Kind, Kind] = ("write", "read")
    for number in range(int(seconds / interval)):
        second = 2 + number * interval
        fine = not down[0] <= second < down[1]
        samples += [
            Sample(
                at=at(second, start),
                monotonic=1000 + second,
                kind=kind,
                sequence=number + 1,
                status=200 if fine else 503 if number % 2 else None,
                latency=(0.012 if kind == "write" else 0.005) * (1 + (number * 7919 % 13) / 10),
                revision="app:7" if second > 20 else "app:6",
                az="eu-central-1b" if second > 20 or number % 2 else "eu-central-1a",
                error="" if fine or number % 2 else "ConnectError: refused",
            )
            for kind in kinds
        ]
    return Probe(run=run_id(start), interval=interval, samples=samples)


def failover(start: datetime = START, down: tuple[float, float] = (14, 17.5), **changes: Any) -> tuple[Record, Probe]:
    """Return the record of a drill that went well, and its probe; `changes` are members of the record."""
    probe = probe_of(start, down)
    writes = frozenset(found.sequence for found in probe.samples if found.kind == "write")
    checks = [
        CheckRecord(group="data", name="The cluster is available", passed=True, detail="available, 2 instances"),
        CheckRecord(group="compute", name="Every target is healthy", passed=True, detail="2 of 2"),
        CheckRecord(group="operations", name="No alarm is on", passed=True, detail="9 alarms, all OK"),
    ]
    undo = PlannedUndo(action="docdb_failover.fail_back", arguments={"cluster": "prod", "writer": "prod-0"})
    call = PlannedCall(
        service="docdb",
        operation="failover_db_cluster",
        parameters={"DBClusterIdentifier": "prod", "TargetDBInstanceIdentifier": "prod-1"},
    )
    times = (0.0, 0.1, 2.0, 6.0, 10.0, 24.0, 30.0, 40.0, 41.0)
    cells = [
        CellRecord(
            id=title.lower().replace(" ", "-"),
            title=title,
            status=CellStatus.COMPLETED,
            started=at(begun, start),
            finished=at(ended, start),
            seconds=ended - begun,
        )
        for title, begun, ended in zip(TITLES, times, times[1:], strict=False)
    ]
    record = Record(
        id=run_id(start),
        runbook="docdb_failover",
        parameters={"target": "local", "stack": "prod", "instance": "", "dry_run": False, "settings": {}},
        caller="arn:aws:sts::123456789012:assumed-role/operator/alex",
        account="123456789012",
        started=start,
        finished=at(41.5, start),
        seconds=41.5,
        verdict=Verdict.SUCCEEDED,
        cells=cells,
        results={"target": {"region": "eu-central-1", "stack": "prod"}},
        plan=Plan(
            digest="5f0c8a2f6d3b94e1a7c05d8e9b1f4a3c2e6d7b8a9c0d1e2f3a4b5c6d7e8f9a0b",
            steps=[PlannedStep(name="Fail over to prod-1", calls=[call], undo=undo)],
            approved_by="automatic on local",
            approved_at=at(9, start),
        ),
        steady_state=SteadyState(before=checks, after=checks),
        objectives=Objectives(rto_seconds=60.0, rpo=0),
        measured=measured(probe, Stored(count=len(writes), sequences=writes), since=at(10, start)),
        source=Source(git_sha="53e8643f0c1d2e3a4b5c6d7e8f90a1b2c3d4e5f6", notebook_sha256="ab" * 32),
        versions={"python": "3.11.9", "prod-infra": "0.1.0", "papermill": "2.7.0", "boto3": "1.43.0"},
    )
    return record.model_copy(update=changes), probe


def failed_failover(start: datetime = START) -> tuple[Record, Probe]:
    """Return the record of a drill whose writer never came back, and which was undone."""
    record, probe = failover(start, down=(14, 99))
    lost = frozenset(found.sequence for found in probe.samples if found.succeeded and found.sequence < 20)
    cells = [
        cell.model_copy(
            update={"status": CellStatus.FAILED}
            if cell.id == "act"
            else {"status": CellStatus.NEVER_RUN, "started": None, "finished": None, "seconds": None}
            if cell.id in {"verify", "steady-state-after", "result"}
            else {}
        )
        for cell in record.cells
    ]
    undone = UndoRecord(
        step="Fail over to prod-1",
        action="docdb_failover.fail_back",
        at=at(26, start),
        done=True,
        detail="prod-0 is the writer again",
    )
    changes = {
        "verdict": Verdict.FAILED,
        "error": RunError(kind="WaitTimeoutError", message="prod-1 was not the writer after 120 s", cell="act"),
        "cells": cells,
        "steady_state": SteadyState(before=record.steady_state.before),
        "undo": [undone],
        "measured": measured(probe, Stored(count=len(lost), sequences=lost), since=at(10, start)),
    }
    return record.model_copy(update=changes), probe


def write_folder(records: Path, record: Record, probe: Probe | None = None, **files: str) -> Path:
    """Write a run's folder as it is before it is finished, and return it; `files` are more of them, by name."""
    folder = records / record.id
    folder.mkdir(parents=True)
    record.write(folder / "record.json")
    (folder / f"{record.runbook}.ipynb").write_text('{"cells": []}\n')
    for name, text in files.items():
        (folder / name).write_text(text)
    if record.plan:
        (folder / "journal.jsonl").write_text("".join(json.dumps(line) + "\n" for line in _journal(record)))
    if probe:
        began = {"kind": "begin", "at": record.started.isoformat(), "run": probe.run, "interval": probe.interval}
        ended = {"kind": "end", "at": record.started.isoformat(), "error": probe.error}
        lines = [json.dumps(began) + "\n", *(found.line() for found in probe.samples), json.dumps(ended) + "\n"]
        (folder / "probe.jsonl").write_text("".join(lines))
    return folder


def _journal(record: Record) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = [
        {"at": at(0.5, record.started).isoformat(), "event": "started", "target": "local"},
    ]
    for step in record.plan.steps if record.plan else ():
        undo = step.undo.model_dump() if step.undo else None
        calls = [call.model_dump() for call in step.calls]
        found += [
            {
                "at": at(13.6, record.started).isoformat(),
                "event": "begin",
                "step": step.name,
                "calls": calls,
                "undo": undo,
            },
            {"at": at(18.9, record.started).isoformat(), "event": "done", "step": step.name},
        ]
    for undone in record.undo:
        found += [
            {"at": at(24.5, record.started).isoformat(), "event": "undoing", "step": undone.step},
            {"at": undone.at.isoformat(), "event": "undone" if undone.done else "undo-failed", "step": undone.step},
        ]
    return found
