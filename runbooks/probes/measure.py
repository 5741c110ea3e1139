"""What a probe's samples say: RTO, RPO, lost requests, revisions that mixed. Pure functions, nothing is asked.

Every number comes with how exact it is, and one that could not be measured is None with the reason, never zero.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Final, Self

from runbooks.probes.samples import Kind, Probe, Sample
from runbooks.records.record_parts import Measured, Revisions, Window

_SLOW: Final = 1.0
"""Seconds by which an answer may be late before it counts as a window, though no request failed."""


@dataclass(frozen=True, kw_only=True)
class Stored:
    """What the app says it has of a probe's writes.

    Attributes:
        count: how many.
        sequences: which; None where it tells their number only.
    """

    count: int
    sequences: frozenset[int] | None = None

    @classmethod
    def of_answer(cls, answer: Any) -> Self:
        """Return what `GET <write path>?run=` answered: `{"count", "sequences"?}`.

        Raises:
            ValueError: it is something else.
        """
        count = answer.get("count") if isinstance(answer, dict) else None
        if not isinstance(count, int):
            raise ValueError(f"the answer has no count: {str(answer)[:80]}")  # noqa: TRY004  the answer's fault
        sequences = answer.get("sequences")
        return cls(count=count, sequences=None if sequences is None else frozenset(map(int, sequences)))


@dataclass(frozen=True, kw_only=True)
class Outage:
    """The longest time without a success.

    Attributes:
        rto_seconds: it, one interval taken off, as that much passes between two successes anyway; None: not measured.
        why: why not.
        resolution_seconds: the longest time between two requests, within which the number is true.
        windows: every time in which requests failed, or an answer was late by more than a second.
    """

    rto_seconds: float | None
    why: str
    resolution_seconds: float | None
    windows: Sequence[Window]


@dataclass(frozen=True, kw_only=True)
class LostWrites:
    """Acknowledged writes that are gone.

    Attributes:
        writes: how many; None: not measured.
        seconds: from the last one kept before the oldest lost one, to the newest lost one; None where the app does
            not say which are there.
        why: why something was not measured.
    """

    writes: int | None
    seconds: float | None
    why: str = ""


def outage(samples: Sequence[Sample], interval: float, since: datetime | None = None) -> Outage:
    """Return the longest gap between successes.

    Args:
        samples: of one kind, in the order of sending.
        interval: seconds between two of them, as asked for.
        since: the moment of the action; what was over before it does not count.
    """
    if not samples:
        return Outage(rto_seconds=None, why="nothing was probed", resolution_seconds=None, windows=())
    origin = samples[0]
    resolution = max([interval, *(later.monotonic - former.monotonic for former, later in pairwise(samples))])
    moment = -math.inf if since is None else origin.monotonic + (since - origin.at).total_seconds()
    end = max(found.answered for found in samples)
    # The first gap opens with the probe: it may have begun in an outage.
    points = [origin.monotonic, *sorted(found.answered for found in samples if found.succeeded)]
    gaps = [(former, later, True) for former, later in pairwise(points) if later > moment]
    failed = [found.monotonic for found in samples if not found.succeeded]
    still_open = any(sent >= points[-1] for sent in failed) and end >= moment
    why = ""
    if still_open:
        why = f"no success any more in the last {end - points[-1]:.1f} s of probing"
        gaps.append((points[-1], end, False))
    elif not gaps:
        why = "nothing was probed after the action"

    def window(former: float, later: float, ended: bool) -> Window:  # noqa: FBT001  a gap's third part
        start, stop = (origin.at + timedelta(seconds=point - origin.monotonic) for point in (former, later))
        inside = sum(former <= sent and (sent < later or not ended) for sent in failed)
        return Window(start=start, end=stop if ended else None, seconds=later - former, failed=inside)

    found = [window(*gap) for gap in gaps]
    longest = max((gap.seconds for gap in found), default=0.0)
    return Outage(
        rto_seconds=None if why else max(0.0, longest - interval),
        why=why,
        resolution_seconds=resolution,
        windows=[gap for gap in found if gap.failed or gap.seconds - interval > _SLOW],
    )


def lost_writes(samples: Sequence[Sample], stored: Stored | str) -> LostWrites:
    """Compare the acknowledged writes with what the app has at the end.

    Args:
        samples: of kind `write`.
        stored: what it has, or the reason why it is not known.
    """
    if isinstance(stored, str):
        return LostWrites(writes=None, seconds=None, why=stored)
    acknowledged = [found for found in samples if found.succeeded]
    if not acknowledged:
        return LostWrites(writes=None, seconds=None, why="no write was acknowledged")
    if stored.sequences is None:
        # A write without an answer may be there or not, so a bare number leaves that much open.
        least = max(0, len(acknowledged) - stored.count)
        most = min(len(acknowledged), len(samples) - stored.count)
        if least != most:
            return LostWrites(writes=None, seconds=None, why=f"the app tells a number only: {least} to {most} lost")
        return LostWrites(
            writes=least, seconds=None if least else 0.0, why="the app does not say which" if least else ""
        )
    lost = sorted(found.answered for found in acknowledged if found.sequence not in stored.sequences)
    if not lost:
        return LostWrites(writes=0, seconds=0.0)
    kept = [found.answered for found in acknowledged if found.sequence in stored.sequences]
    before = max((answered for answered in kept if answered < lost[0]), default=lost[0])
    return LostWrites(writes=len(lost), seconds=lost[-1] - before)


def revisions(samples: Sequence[Sample], shifting: tuple[datetime, datetime]) -> Revisions | None:
    """Say which revisions answered before, while and after traffic shifted; None where no answer names one.

    Args:
        samples: of any kind.
        shifting: from when to when traffic was meant to shift.
    """
    begin, end = shifting
    phases: dict[str, dict[str, None]] = {"before": {}, "during": {}, "after": {}}
    for found in samples:
        if found.succeeded and found.revision:
            over = found.at + timedelta(seconds=found.latency) < begin
            # A request on its way while traffic shifts belongs to the shift.
            phases["before" if over else "after" if found.at > end else "during"][found.revision] = None
    before, during, after = (list(phase) for phase in phases.values())
    if not before + during + after:
        return None
    return Revisions(before=before, during=during, after=after, mixed_outside=max(len(before), len(after)) > 1)


def measured(
    probe: Probe,
    stored: Stored | str,
    *,
    since: datetime | None = None,
    shifting: tuple[datetime, datetime] | None = None,
) -> Measured:
    """Return everything that a probe says, for the record.

    Args:
        probe: stopped.
        stored: what `Prober.stored` returned after it.
        since: the moment of the action.
        shifting: from when to when traffic was meant to shift, in a release.
    """
    by_kind: dict[Kind, list[Sample]] = {"write": [], "read": []}
    for found in probe.samples:
        by_kind[found.kind].append(found)
    writes = by_kind["write"]
    seen_by: Kind = "write" if writes else "read"
    longest = outage(by_kind[seen_by], probe.interval, since)
    lost = lost_writes(writes, stored)
    # What a probe did not live to see is not measured.
    rto, why = (None, probe.error) if probe.error else (longest.rto_seconds, longest.why)
    return Measured(
        rto_seconds=rto,
        rto_why=why,
        rto_by=seen_by if probe.samples else "",
        resolution_seconds=longest.resolution_seconds,
        rpo=lost.writes,
        rpo_seconds=lost.seconds,
        rpo_why=lost.why,
        requests=Counter(found.kind for found in probe.samples),
        failed=Counter(found.kind for found in probe.samples if not found.succeeded),
        windows=list(longest.windows),
        revisions=revisions(probe.samples, shifting) if shifting else None,
        probe_error=probe.error,
    )
