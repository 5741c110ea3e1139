"""What samples say, as laws over made-up probes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbooks.probes.measure import LostWrites, Stored, lost_writes, measured, outage, revisions
from runbooks.probes.samples import Probe, Sample

START = datetime(2026, 3, 1, 12, tzinfo=UTC)

intervals = st.sampled_from([0.02, 0.1, 0.5, 1.0, 5.0])


def at(second: float) -> datetime:
    """Return the wall time of a second of the probe."""
    return START + timedelta(seconds=second)


def sample(second: float, sequence: int = 1, *, status: int | None = 200, latency: float = 0.0, **more: str) -> Sample:
    """Return one write; `more` is revision and az."""
    return Sample(
        at=at(second), monotonic=100 + second, kind="write", sequence=sequence, status=status, latency=latency, **more
    )


def probing(interval: float, count: int, down: tuple[float, float] = (0, 0), status: int | None = 503) -> list[Sample]:
    """Return what a probe sees of an app that is down from one second until before another."""
    seconds = [number * interval for number in range(count)]
    return [
        sample(second, number, status=status if down[0] <= second < down[1] else 200)
        for number, second in enumerate(seconds, 1)
    ]


@given(intervals, st.floats(0.0, 50.0), st.floats(0.0, 100.0), st.sampled_from([500, 503, None]))
def test_rto_is_the_outage_within_the_interval(
    interval: float, begin: float, lasted: float, status: int | None
) -> None:
    """Whenever an outage begins and however long it is, the RTO is that long, give or take one interval."""
    begin *= interval
    lasted *= interval
    samples = probing(interval, 155, (begin, begin + lasted), status)
    found = outage(samples, interval)
    assert found.rto_seconds == pytest.approx(lasted, abs=interval * 1.001)
    assert found.resolution_seconds == pytest.approx(interval)


@given(intervals, st.integers(5, 60), st.floats(2.0, 50.0))
def test_held_requests_are_an_outage(interval: float, count: int, lasted: float) -> None:
    """Requests that wait for the writer and then succeed all at once are the same outage, though none failed."""
    lasted *= interval
    began = count * interval
    samples = [
        sample(second, number, latency=max(0.0, began + lasted - second) if second >= began else 0.0)
        for number in range(count + 60)
        for second in [number * interval]
    ]
    assert outage(samples, interval).rto_seconds == pytest.approx(lasted, abs=interval * 1.001)


@given(intervals, st.lists(st.floats(0.0, 0.4), min_size=3, max_size=60))
def test_no_outage_is_zero_within_the_interval(interval: float, late: list[float]) -> None:
    """Successes at every tick, each a little late, make an RTO under one interval and no window."""
    samples = [sample(number * interval, number, latency=share * interval) for number, share in enumerate(late)]
    found = outage(samples, interval)
    assert found.rto_seconds is not None
    assert found.rto_seconds <= interval
    assert found.why == ""


@given(intervals, st.integers(2, 40), st.integers(1, 40))
def test_an_outage_over_before_the_action_does_not_count(interval: float, begin: int, lasted: int) -> None:
    """Only what had not ended at the action is its effect."""
    samples = probing(interval, begin + lasted + 20, (begin * interval, (begin + lasted) * interval))
    found = outage(samples, interval, since=at((begin + lasted + 5) * interval))
    assert found.rto_seconds == pytest.approx(0.0, abs=interval)
    assert found.windows == []


@given(intervals, st.integers(2, 40), st.integers(1, 40))
def test_an_outage_that_never_ends_has_no_rto(interval: float, begin: int, lasted: int) -> None:
    """Where nothing succeeds any more, the RTO is not measured, and the window is open."""
    found = outage(probing(interval, begin + lasted, (begin * interval, float("inf"))), interval)
    assert found.rto_seconds is None
    assert "no success any more" in found.why
    assert found.windows[-1].end is None
    assert found.windows[-1].failed == lasted


@given(intervals, st.lists(st.booleans(), min_size=1, max_size=80))
def test_every_failure_is_in_one_window(interval: float, outcomes: list[bool]) -> None:
    """The windows' failures add up to all failures."""
    samples = [sample(n * interval, n, status=200 if fine else 503) for n, fine in enumerate(outcomes)]
    assert sum(window.failed for window in outage(samples, interval).windows) == outcomes.count(False)


def test_a_stalled_probe_states_a_coarser_resolution() -> None:
    """Where the probe itself did not send for a while, the resolution says so."""
    samples = [sample(second, number) for number, second in enumerate([0, 1, 2, 9, 10])]
    assert outage(samples, 1.0).resolution_seconds == 7.0


def test_nothing_is_measured_from_nothing() -> None:
    """No samples, or none after the action: None with the reason."""
    assert outage([], 1.0).why == "nothing was probed"
    assert outage(probing(1.0, 5), 1.0, since=at(60)).why == "nothing was probed after the action"


@given(st.sets(st.integers(1, 60)), st.sets(st.integers(1, 60)))
def test_rpo_is_exactly_the_acknowledged_writes_missing(failed: set[int], gone: set[int]) -> None:
    """Of 60 writes, those acknowledged and not stored are lost; one without an answer never counts."""
    samples = [sample(n, n, status=503 if n in failed else 200) for n in range(1, 61)]
    acknowledged = set(range(1, 61)) - failed
    found = lost_writes(samples, Stored(count=60 - len(gone), sequences=frozenset(range(1, 61)) - gone))
    if not acknowledged:
        assert found.writes is None
        return
    assert found.writes == len(acknowledged & gone)
    assert (found.seconds == 0) == (not acknowledged & gone or acknowledged & gone == {min(acknowledged)})


@given(st.sets(st.integers(1, 40), max_size=39), st.sets(st.integers(1, 40)), st.data())
def test_a_bare_count_never_claims_what_it_does_not_know(failed: set[int], gone: set[int], data: st.DataObject) -> None:
    """With a number only, RPO is the true one, or not measured where unanswered writes leave it open."""
    landed = {n for n in failed if data.draw(st.booleans())}
    acknowledged = set(range(1, 41)) - failed
    stored = (acknowledged | landed) - gone
    samples = [sample(n, n, status=None if n in failed else 200) for n in range(1, 41)]
    found = lost_writes(samples, Stored(count=len(stored)))
    assert found.writes in {None, len(acknowledged & gone)}
    if not failed:
        assert found.writes == len(gone)


def test_rpo_seconds_reach_back_to_the_last_write_kept() -> None:
    """Losing writes 4 to 6 of one a second loses 3 seconds: from write 3 to write 6."""
    samples = [sample(n, n) for n in range(1, 11)]
    kept = frozenset(range(1, 11)) - {4, 5, 6}
    assert lost_writes(samples, Stored(count=7, sequences=kept)) == LostWrites(writes=3, seconds=3.0)


def test_no_answer_is_no_rpo() -> None:
    """A reason in the place of what is stored is the reason why RPO is not measured."""
    assert lost_writes([sample(1)], "GET answers 503") == LostWrites(writes=None, seconds=None, why="GET answers 503")


@pytest.mark.parametrize("answer", [None, [], {"count": "7"}, {"last": 3}])
def test_an_answer_without_a_count_is_refused(answer: object) -> None:
    """What is not the app's answer is told as such."""
    with pytest.raises(ValueError, match="no count"):
        Stored.of_answer(answer)


def test_revisions_may_mix_only_while_traffic_shifts() -> None:
    """Old before, both while shifting, new after: no mix outside; an old answer afterwards is one."""
    clean = [
        sample(1, revision="6"),
        sample(10, revision="6"),
        sample(11, revision="7"),
        # Sent while traffic shifts, answered after it.
        sample(19.9, latency=0.5, revision="6"),
        sample(21, revision="7"),
    ]
    found = revisions(clean, (at(10), at(20)))
    assert found is not None
    assert (found.before, found.during, found.after, found.mixed_outside) == (["6"], ["6", "7"], ["7"], False)
    late = revisions([*clean, sample(30, revision="6")], (at(10), at(20)))
    assert late is not None
    assert late.mixed_outside
    assert revisions([sample(1)], (at(0), at(1))) is None


def test_requests_are_counted_by_kind_and_lost_ones_too() -> None:
    """The record has how many were sent and how many failed."""
    probe = Probe(run="r", interval=1.0, samples=probing(1.0, 20, (5, 8)))
    found = measured(probe, Stored(count=17, sequences=frozenset(range(1, 21)) - {6, 7, 8}))
    assert (found.requests, found.failed, found.rpo) == ({"write": 20}, {"write": 3}, 0)
    assert found.rto_seconds == pytest.approx(3.0)
