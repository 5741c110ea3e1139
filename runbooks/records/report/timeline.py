"""The timeline of a run: its cells, what the journal says, and how the probe's requests fared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from markupsafe import Markup

from runbooks.probes.samples import Probe, Sample
from runbooks.records.record import CellRecord, CellStatus, Record
from runbooks.records.report.figure import BAD, GOOD, INK, LINE, MUTED, READ, WARN, WRITE, inline, style

_MOST_DOTS: Final = 1500
"""Of a kind; with more, the slowest of each stretch of time stands for all of it. The tables count every one."""
_LONGEST_LABEL: Final = 34


@dataclass(frozen=True, kw_only=True)
class Event:
    """A line of the journal: its number in the report's table, when, what (`begin`, `done`, …), which step."""

    number: int
    at: datetime
    event: str
    step: str


def timeline(record: Record, probe: Probe | None, events: Sequence[Event]) -> Markup:
    """Return the picture, or nothing where there is neither probe nor journal: cells alone are better a table.

    Args:
        record: of the run.
        probe: what was asked meanwhile, if anything was.
        events: of the journal, in order.
    """
    if not events and not (probe and probe.samples):
        return Markup("")
    from matplotlib.figure import Figure  # noqa: PLC0415  half a second that a run without a picture need not wait

    cells = [cell for cell in record.cells if cell.started]
    answering = _answering(probe)
    rows = [(0.4 + 0.24 * max(1, len(cells)), _draw_cells)]
    if probe and probe.samples:
        rows.append((2.6, _draw_latency))
    if len(answering) > 1:
        rows.append((0.4 + 0.24 * len(answering), _draw_answering))
    with style():
        figure = Figure(figsize=(10.5, sum(height for height, _ in rows) + 0.9), layout="constrained")
        panels = figure.subplots(
            len(rows), 1, sharex=True, squeeze=False, gridspec_kw={"height_ratios": [height for height, _ in rows]}
        )[:, 0]
        picture = _Picture(record=record, cells=cells, probe=probe, answering=answering, events=events)
        for panel, (_, draw) in zip(panels, rows, strict=True):
            draw(panel, picture)
            panel.grid(visible=True, axis="x")
            panel.set_axisbelow(True)
            for event in events:
                colour = BAD if event.event == "undo-failed" else MUTED
                panel.axvline(picture.second(event.at), color=colour, linewidth=0.8, linestyle=(0, (2, 2)))
        _number(panels[0], picture)
        panels[-1].set_xlabel(f"seconds since {record.started:%Y-%m-%d %H:%M:%S} UTC")
        return inline(figure, "timeline", "Timeline of the run", picture.words())


@dataclass(frozen=True, kw_only=True)
class _Picture:
    record: Record
    cells: Sequence[CellRecord]
    probe: Probe | None
    answering: Sequence[str]
    events: Sequence[Event]

    def second(self, moment: datetime) -> float:
        return (moment - self.record.started).total_seconds()

    @property
    def samples(self) -> Sequence[Sample]:
        return self.probe.samples if self.probe else ()

    def words(self) -> str:
        """Say in words what there is to see."""
        failed = sum(not found.succeeded for found in self.samples)
        said = [f"{len(self.cells)} cells ran", f"the journal has {len(self.events)} events"]
        if self.samples:
            said.append(f"the probe sent {len(self.samples)} requests, of which {failed} failed")
        windows = self.record.measured.windows if self.record.measured else []
        said += [
            f"from second {self.second(found.start):.1f} on, {found.seconds:.1f} s passed without a success"
            for found in windows
        ]
        return "; ".join(said) + ". The tables on this page have the numbers."


def _answering(probe: Probe | None) -> list[str]:
    """Return who answered, by revision and zone, where the answers say so."""
    samples = probe.samples if probe else ()
    return sorted({_who(found) for found in samples if found.succeeded and found.revision})


def _who(found: Sample) -> str:
    return f"{found.revision} in {found.az}" if found.az else found.revision


def _draw_cells(panel: Any, picture: _Picture) -> None:
    colours = {CellStatus.COMPLETED: GOOD, CellStatus.FAILED: BAD}
    labels = []
    for row, cell in enumerate(picture.cells):
        begun = picture.second(cell.started or picture.record.started)
        panel.barh(row, max(cell.seconds or 0.0, 0.02), left=begun, height=0.6, color=colours.get(cell.status, WARN))
        short = cell.title if len(cell.title) <= _LONGEST_LABEL else cell.title[: _LONGEST_LABEL - 1] + "…"
        labels.append(short if cell.status is CellStatus.COMPLETED else f"{short} ({cell.status.value})")
    panel.set_yticks(range(len(labels)), labels, color=INK)
    panel.tick_params(axis="y", length=0)
    panel.invert_yaxis()


def _draw_latency(panel: Any, picture: _Picture) -> None:
    measured = picture.record.measured
    for number, found in enumerate(measured.windows if measured else ()):
        begun = picture.second(found.start)
        label = "no success" if number == 0 else "_"
        panel.axvspan(begun, begun + found.seconds, color=BAD, alpha=0.14, linewidth=0, label=label)
    for kind, colour, marker in (("write", WRITE, "o"), ("read", READ, "^")):
        fine = _thinned([found for found in picture.samples if found.kind == kind and found.succeeded])
        if fine:
            seconds = [picture.second(found.at) for found in fine]
            panel.plot(
                seconds,
                [1000 * found.latency for found in fine],
                marker,
                color=colour,
                markersize=3,
                label=f"{kind} answered",
            )
    lowest, highest = _limits(picture.samples)
    failed = _thinned([found for found in picture.samples if not found.succeeded])
    if failed:
        # At the top, whatever they took: a refused connection is quick.
        seconds = [picture.second(found.at) for found in failed]
        panel.plot(seconds, [highest] * len(failed), "x", color=BAD, markersize=6, label="failed")
    panel.set_yscale("log")
    panel.set_ylim(lowest / 1.5, highest * 1.6)
    panel.yaxis.set_major_formatter(lambda value, _position: f"{value:g}")
    panel.yaxis.set_minor_formatter(lambda _value, _position: "")
    panel.set_ylabel("answer, ms")
    panel.legend(loc="upper left", bbox_to_anchor=(0, 1.16), ncols=4, handletextpad=0.3, borderaxespad=0)
    panel.grid(visible=True, axis="y", color=LINE)


def _limits(samples: Sequence[Sample]) -> tuple[float, float]:
    latencies = [max(0.1, 1000 * found.latency) for found in samples if found.succeeded] or [1.0]
    return min(latencies), 4 * max(latencies)


def _thinned(samples: Sequence[Sample]) -> Sequence[Sample]:
    if len(samples) <= _MOST_DOTS:
        return samples
    size = -(-len(samples) // _MOST_DOTS)
    return [
        max(samples[first : first + size], key=lambda found: found.latency) for first in range(0, len(samples), size)
    ]


def _draw_answering(panel: Any, picture: _Picture) -> None:
    rows = {who: row for row, who in enumerate(picture.answering)}
    fine = _thinned([found for found in picture.samples if found.succeeded and found.revision])
    seconds = [picture.second(found.at) for found in fine]
    panel.plot(seconds, [rows[_who(found)] for found in fine], "|", color=READ, markersize=8)
    panel.set_yticks(range(len(rows)), list(rows), color=INK)
    panel.set_ylim(-0.6, len(rows) - 0.4)
    panel.tick_params(axis="y", length=0)


def _number(panel: Any, picture: _Picture) -> None:
    """Write the events' numbers over the first panel; those that would stand on each other stand together."""
    left, right = panel.get_xlim()
    groups: list[list[Event]] = []
    for event in sorted(picture.events, key=lambda found: found.at):
        near = groups and picture.second(event.at) - picture.second(groups[-1][0].at) < (right - left) / 30
        if near:
            groups[-1].append(event)
        else:
            groups.append([event])
    for group in groups:
        numbers = str(group[0].number) if len(group) == 1 else f"{group[0].number}-{group[-1].number}"
        where = (picture.second(group[0].at), 1.0)
        panel.annotate(
            numbers, where, xycoords=("data", "axes fraction"), xytext=(0, 3), textcoords="offset points", color=INK
        )
