"""`report.html` of one run: what, who, when, the approved plan, steady states, measurements, undo, verdict."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from prod_infra.errors import InvalidInputError
from runbooks.catalog import find_runbook
from runbooks.core.journal import FILE, Entry, read_journal
from runbooks.probes.samples import Probe, read_probe
from runbooks.records.manifest import MANIFEST, Manifest, SealedFile, read_chain, sealed_files
from runbooks.records.record import Record, Verdict, write_atomically
from runbooks.records.record_parts import CheckRecord, Measured, Objectives
from runbooks.records.report.page import render, seconds
from runbooks.records.report.timeline import Event, timeline

REPORT: Final = "report.html"
_LONGEST_VALUE: Final = 600
_JOURNAL_COLUMNS: Final = {"at", "event", "step", "calls", "undo"}

_SAID: Final = {
    Verdict.SUCCEEDED: "Every cell completed.",
    Verdict.FAILED: "A cell failed; what came after it was never run.",
    Verdict.INTERRUPTED: "The run was stopped from outside; what came after was never run.",
    Verdict.ABANDONED: "The runner itself was killed; what had been done was undone later, from the journal.",
    Verdict.ABANDONED: "The runner was killed, and what it had done was undone afterwards.",
    Verdict.RUNNING: "The runner itself was killed, or is still at work: the record ends where it was.",
}


@dataclass(frozen=True, kw_only=True)
class Objective:
    """A row of the table of objectives: what, the objective, what was measured and how exactly, whether it is met."""

    name: str
    objective: str
    measured: str
    exactness: str
    met: str


@dataclass(frozen=True, kw_only=True)
class JournalLine:
    """A row of the journal: its number, when, what, which step, what would take it back, what else it says."""

    number: int
    at: datetime
    event: str
    step: str
    undo: str
    more: str


def journal_lines(entries: Sequence[Entry]) -> list[JournalLine]:
    """Return the journal's rows.

    Raises:
        ValueError: an entry is not the journal's.
        LookupError: likewise, a member is missing.
    """
    found = []
    for number, entry in enumerate(entries, 1):
        undo = entry.get("undo")
        rest = {name: value for name, value in entry.items() if value and name not in _JOURNAL_COLUMNS}
        line = JournalLine(
            number=number,
            at=datetime.fromisoformat(entry["at"]),
            event=entry["event"],
            step=entry.get("step", ""),
            undo=f"{undo['action']}({_text(undo['arguments'])})" if undo else "",
            more="; ".join(f"{name}: {_text(value)}" for name, value in rest.items()),
        )
        found.append(line)
    return found


def objectives(record: Record) -> list[Objective]:
    """Return what was promised beside what was measured; nothing where neither is."""
    promised = record.objectives
    if record.measured is None and promised == Objectives():
        return []
    nothing = "nothing was probed"
    found = record.measured or Measured(rto_why=nothing, rpo_why=nothing)
    rto = _row(
        "RTO: longest time without a success",
        (promised.rto_seconds, found.rto_seconds),
        seconds,
        found.rto_why or f"± {seconds(found.resolution_seconds)}, seen by {found.rto_by}s",
    )
    rpo = _row(
        "RPO: acknowledged writes lost", (promised.rpo, found.rpo), _number, found.rpo_why or "counted one by one"
    )
    span = _row(
        "RPO: time lost",
        (promised.rpo_seconds, found.rpo_seconds),
        seconds,
        found.rpo_why or "from the last write kept to the last one lost",
    )
    timed = found.rpo_seconds is not None or promised.rpo_seconds is not None
    return [_not_recovered(found, promised.rto_seconds) or rto, rpo, *([span] if timed else [])]


def _number(value: float | None) -> str:
    return "—" if value is None else f"{value:.0f}"


def _not_recovered(found: Measured, promised: float | None) -> Objective | None:
    """Return the row of an outage that probing did not see the end of: no number, and not met either."""
    if found.recovered:
        return None
    return Objective(
        name="RTO: longest time without a success",
        objective=seconds(promised),
        measured=f"over {seconds(found.windows[-1].seconds)}",
        exactness=found.rto_why,
        met="not recovered",
    )


def _row(
    name: str, values: tuple[float | None, float | None], say: Callable[[float | None], str], how: str
) -> Objective:
    """Return the row of a pair, objective and measured; `how` says how exact that is, or why there is nothing."""
    promised, found = values
    met = "no objective" if promised is None else "not measured"
    if promised is not None and found is not None:
        met = "met" if found <= promised else "missed"
    measured = "not measured" if found is None else say(found)
    return Objective(name=name, objective=say(promised), measured=measured, exactness=how, met=met)


def _steady(record: Record) -> list[tuple[CheckRecord, CheckRecord | None, CheckRecord | None]]:
    """Return each check by name: one that names it, before, after."""
    before = {check.name: check for check in record.steady_state.before or ()}
    after = {check.name: check for check in record.steady_state.after or ()}
    return [((before | after)[name], before.get(name), after.get(name)) for name in dict.fromkeys([*before, *after])]


def _sections(record: Record) -> dict[str, list[tuple[str, str]]]:
    """Return what the cells published, short enough to read; the whole of it is in record.json."""
    return {
        section: [(name, _short(value)) for name, value in found.items() if name != "checks"]
        if isinstance(found, Mapping)
        else [("", _short(found))]
        for section, found in record.results.items()
    }


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _short(value: Any) -> str:
    text = _text(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}… ({len(text)} characters in record.json)"


def _checks(record: Record) -> list[dict[str, Any]]:
    """Return the checks of `deploy_prod`'s verification, and of any other section that has some."""
    return [
        check for found in record.results.values() if isinstance(found, Mapping) for check in found.get("checks", ())
    ]


def _title(runbook: str) -> str:
    try:
        return find_runbook(runbook).title
    except InvalidInputError:
        # A record may be older than the catalog.
        return runbook


def report(
    record: Record, journal: Sequence[JournalLine], probe: Probe | None, files: Mapping[str, SealedFile], before: str
) -> str:
    """Return the page.

    Args:
        record: of the run.
        journal: its lines.
        probe: what was asked meanwhile, if anything was.
        files: every other file of the record.
        before: id of the run sealed before this one; empty for the first.
    """
    rows = objectives(record)
    events = [Event(number=line.number, at=line.at, event=line.event, step=line.step) for line in journal]
    return render(
        "report.html.j2",
        record=record,
        title=_title(record.runbook),
        said=_SAID[record.verdict],
        objectives=rows,
        met=any(row.met == "met" for row in rows) and all(row.met in {"met", "no objective"} for row in rows),
        missed=[row.name for row in rows if row.met in {"missed", "not recovered"}],
        picture=timeline(record, probe, events),
        steady=_steady(record),
        checks=_checks(record),
        sections=_sections(record),
        journal=journal,
        files=files,
        before=before,
    )


def draw(folder: Path) -> str:
    """Return the page of a run's folder; what was sealed before it is asked of its manifest, or else of the chain.

    Args:
        folder: with a `record.json`, and `journal.jsonl` and `probe.jsonl` where the run has them.

    Raises:
        ValueError: one of these files is not what it should be.
        LookupError: likewise, a member is missing.
        RunbookError: likewise, of the probe or the chain.
        OSError: one can't be read.
    """
    record = Record.model_validate_json((folder / "record.json").read_bytes())
    probe, manifest = folder / "probe.jsonl", folder / MANIFEST
    if manifest.exists():
        previous = Manifest.model_validate_json(manifest.read_bytes()).previous
    else:
        previous = next(reversed(read_chain(folder.parent)), None)
    return report(
        record,
        journal_lines(read_journal(folder / FILE)),
        read_probe(probe) if probe.exists() else None,
        {name: found for name, found in sealed_files(folder).items() if name != REPORT},
        previous.run if previous else "",
    )


def write_report(folder: Path) -> None:
    """Write `report.html` of a run's folder, after everything else in it and before its manifest.

    Raises:
        OSError: there is no room; and what `draw` raises.
    """
    write_atomically(folder / REPORT, draw(folder))
