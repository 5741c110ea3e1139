"""How RTO and RPO of a runbook went from run to run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from markupsafe import Markup

from runbooks.records.record import Record
from runbooks.records.report.figure import BAD, INK, MUTED, READ, WARN, WRITE, inline, style

_ENOUGH: Final = 2
"""Runs that make a trend."""


def trend(runbook: str, records: Sequence[Record]) -> Markup:
    """Return the picture of one runbook's measured runs, or nothing where there are fewer than two.

    Args:
        runbook: its name.
        records: of its runs, in any order.
    """
    runs = sorted((found for found in records if found.measured), key=lambda found: found.started)
    rto = [
        (found.started, found.measured.rto_seconds)
        for found in runs
        if found.measured and found.measured.rto_seconds is not None
    ]
    rpo = [(found.started, found.measured.rpo) for found in runs if found.measured and found.measured.rpo is not None]
    if len(rto) < _ENOUGH:
        return Markup("")
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter  # noqa: PLC0415  half a second, as in figure
    from matplotlib.figure import Figure  # noqa: PLC0415  likewise

    with style():
        figure = Figure(figsize=(5.2, 2.6), layout="constrained")
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[2, 1])
        upper.plot(*zip(*rto, strict=True), "o-", color=WRITE, markersize=4, linewidth=1.2)
        objective = next((found.objectives.rto_seconds for found in reversed(runs)), None)
        if objective is not None:
            upper.axhline(objective, color=BAD, linewidth=1, linestyle="--")
            where = {"xycoords": ("axes fraction", "data"), "xytext": (0, -11), "textcoords": "offset points"}
            upper.annotate("objective", (1, objective), color=INK, ha="right", **where)
        top = 1.2 * max([*(seconds for _, seconds in rto), objective or 0.0, 1.0])
        upper.set_ylim(bottom=0, top=top)
        lost = [found.started for found in runs if found.measured and found.measured.rto_seconds is None]
        # At the top: no number, and the worst of all.
        upper.plot(lost, [0.95 * top] * len(lost), "x", color=BAD, markersize=7)
        upper.set_ylabel("RTO, s")
        if rpo:
            lower.plot(*zip(*rpo, strict=True), "^-", color=READ, markersize=4, linewidth=1.2)
            lower.set_ylim(bottom=-0.3, top=max(2.0, *(1.15 * writes for _, writes in rpo)))
        else:
            lower.annotate("not measured", (0.5, 0.5), xycoords="axes fraction", color=WARN, ha="center")
            lower.set_yticks([])
        lower.set_ylabel("RPO,\nwrites")
        locator = AutoDateLocator(minticks=2, maxticks=6)  # type: ignore[no-untyped-call]  # matplotlib is typed in part
        lower.xaxis.set_major_locator(locator)
        lower.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]  # likewise
        for panel in (upper, lower):
            panel.grid(visible=True, axis="y")
            panel.tick_params(colors=MUTED)
        (_, first), (_, last) = rto[0], rto[-1]
        words = f"{len(rto)} runs; the RTO was {first:.1f} s in the first and {last:.1f} s in the last."
        words += f" {len(lost)} more runs, marked with a cross, have no RTO." if lost else ""
        return inline(figure, f"trend-{runbook}", f"RTO and RPO of {runbook} by run", words)
