"""The last word of a run at the terminal: verdict, plan, checks, durations, where the record is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from runbooks.records.record import CellStatus, Record, Verdict

STYLES: Final = {
    Verdict.SUCCEEDED: "bold green",
    Verdict.FAILED: "bold red",
    Verdict.INTERRUPTED: "bold yellow",
    Verdict.ABANDONED: "bold yellow",
    Verdict.RUNNING: "bold yellow",
}


def _policy(found: Mapping[str, Any]) -> str:
    numbers = found["counts"]
    said = f"{numbers['violations']} violations; {numbers['rules']} rules, {numbers['resources']} resources"
    return f"{said}, {numbers['deferred']} judgements wait for values of AWS" if numbers["deferred"] else said


def _plan(found: Mapping[str, Any]) -> str:
    counts: dict[str, int] = found["counts"]
    said = ", ".join(f"{count} {kind}" for kind, count in counts.items()) or "nothing"
    if not found.get("complete", True):
        return f"stopped after {said}; {len(found['failures'])} failed"
    return said if found["changes"] else f"no changes ({said})"


def _checks(found: Mapping[str, Any]) -> str:
    groups: dict[str, list[bool]] = {}
    for check in found["checks"]:
        groups.setdefault(check["group"], []).append(check["passed"])
    return ", ".join(f"{group} {sum(passed)}/{len(passed)}" for group, passed in groups.items())


def _drill(record: Record) -> Iterator[tuple[str, str]]:
    """Yield the rows of what only some runs have: plan, steady states, measurements, undo."""
    if record.plan is not None:
        steps = ", ".join(step.name for step in record.plan.steps)
        yield "steps", steps
        yield "approved", f"{record.plan.digest[:12]}… {record.plan.approved_by or 'by nobody'}"
    for when, checks in (("before", record.steady_state.before), ("after", record.steady_state.after)):
        if checks is not None:
            yield f"steady {when}", f"{sum(check.passed for check in checks)}/{len(checks)}"
    if (found := record.measured) is not None:
        yield "RTO", found.rto_why if found.rto_seconds is None else f"{found.rto_seconds:.2f} s"
        yield "RPO", found.rpo_why if found.rpo is None else f"{found.rpo} writes lost"
    for tried in record.undo:
        yield "taken back" if tried.done else "NOT taken back", f"{tried.step}: {tried.detail}"


ROWS: Final = (("policy", "policy gate", _policy), ("preview", "plan", _plan), ("up", "up", _plan))


def show_summary(record: Record, folder: Path, console: Console, kept_endpoint: str = "") -> None:
    """Print the summary of a finished run.

    Args:
        record: what happened.
        folder: where it is kept.
        console: where to print.
        kept_endpoint: URL of the local AWS, if it is left running.
    """
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim")
    for section, label, say in ROWS:
        if section in record.results:
            grid.add_row(label, say(record.results[section]))
    for label, text in _drill(record):
        grid.add_row(label, Text(text))
    if "verification" in record.results:
        grid.add_row("verification", _checks(record.results["verification"]))
        for check in record.results["verification"]["checks"]:
            if not check["passed"]:
                grid.add_row("", Text(f"✗ {check['name']}: {check['detail']}", style="red"))
    never = [cell.title for cell in record.cells if cell.status is CellStatus.NEVER_RUN]
    if never:
        grid.add_row("never run", ", ".join(never))
    if record.error is not None:
        # The whole of it stands above, where the cell failed, and in the record.
        first, *more = record.error.message.splitlines()
        why = f"{record.error.kind}: {first}" + (f" (… {len(more)} more lines)" if more else "")
        grid.add_row("why", Text(why, style="red"))
    grid.add_row("record", str(folder))
    if kept_endpoint:
        grid.add_row("local AWS", f"{kept_endpoint} (left running)")
    title = Text(
        f"{record.runbook} {record.verdict.value} in {record.seconds or 0:.1f} s", style=STYLES[record.verdict]
    )
    console.print(Panel(grid, title=title, title_align="left", expand=False))
