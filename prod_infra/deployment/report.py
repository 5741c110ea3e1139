"""What an engine did and is doing, for people at a terminal."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from rich.console import Console
from rich.text import Text

from prod_infra.deployment.engine import Change, ChangeKind, OnProgress, Progress, Result

STYLES = {
    ChangeKind.SAME: ("=", "dim"),
    ChangeKind.CREATE: ("+", "green"),
    ChangeKind.UPDATE: ("~", "yellow"),
    ChangeKind.REPLACE: ("±", "magenta"),
    ChangeKind.DELETE: ("-", "red"),
}
"""Sign and style by kind of change; the signs are those of `pulumi preview`."""


def change_line(change: Change) -> Text:
    """Return one line: sign, kind, type token and logical name."""
    sign, style = STYLES[change.kind]
    return Text.assemble((f"{sign} {change.kind.value:<8}", style), f"{change.type}  ", (change.name, "bold"))


def _value(value: Any) -> str:
    return "(absent)" if value is None else json.dumps(value)


def show_progress(console: Console) -> OnProgress:
    """Return a listener that prints a line as each step ends, and the provider's words where one failed."""

    def show(progress: Progress) -> None:
        if progress.status == "started":
            return
        line = change_line(progress.change)
        if progress.status == "failed":
            line.append(f"  failed: {progress.message}", style="bold red")
        else:
            line.append(f"  {progress.seconds:.1f} s", style="dim")
        console.print(line, soft_wrap=True)

    return show


def summary(result: Result) -> str:
    """Return one sentence: `preview: 83 create, 2 same in 1.2 s`, or `no changes`."""
    counts = ", ".join(f"{count} {kind}" for kind, count in result.counts.items())
    what = counts if result.has_changes else f"no changes ({counts})" if counts else "no changes"
    return f"{result.operation}: {what} in {result.seconds:.1f} s"


def show_result(result: Result, console: Console, *, without: Collection[ChangeKind] = ()) -> None:
    """Print what changed, property by property with secrets masked, then the counts.

    Args:
        result: of an operation.
        console: where to print.
        without: kinds that are only counted.
    """
    for change in result.changes:
        if change.kind is ChangeKind.SAME or change.kind in without:
            continue
        if result.operation in {"preview", "refresh"}:
            console.print(change_line(change), soft_wrap=True)
        for found in change.properties:
            note = "  [replaces]" if found.replaces else ""
            console.print(
                Text(f"    {found.path}: {_value(found.old)} → {_value(found.new)}{note}", style="dim"), soft_wrap=True
            )
    console.print(Text(summary(result), style="bold"))
