"""The local AWS in time: work runs when it is due, in order, and one failure holds up nothing."""

from __future__ import annotations

import pytest

from prod_infra.errors import TargetError
from prod_infra.local_aws.server import LocalAws
from prod_infra.local_aws.timeline import Timeline
from tests.local_aws.test_server import wait_until


def drained(timeline: Timeline, done: list[str], count: int) -> bool:
    """Run what is due until so much is done, bounded."""

    def step() -> bool:
        timeline.run_due()
        return len(done) >= count

    return wait_until(step, 5)


def test_work_runs_in_the_order_of_its_time() -> None:
    """Whatever the order it was planned in; equal times keep theirs."""
    timeline, done = Timeline(), list[str]()
    for seconds, name in ((6.0, "late"), (0.0, "first"), (0.0, "second")):
        timeline.after(seconds, lambda name=name: done.append(name))  # type: ignore[misc]
    assert drained(timeline, done, 3)
    assert done == ["first", "second", "late"]


def test_seconds_of_aws_pass_faster_than_real_ones() -> None:
    """An hour of AWS is over at a high factor, while a real one is not."""
    timeline, done = Timeline(), list[str]()
    timeline.factor = 1e6
    timeline.after(3600, lambda: done.append("real"), real=True)
    timeline.after(3600, lambda: done.append("aws"))
    assert drained(timeline, done, 1)
    assert done == ["aws"]


def test_work_that_fails_is_told_and_holds_up_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """The next event still happens."""
    timeline, done = Timeline(), list[str]()

    def fail() -> None:
        raise ValueError("broken event")

    timeline.after(0, fail)
    timeline.after(0, lambda: done.append("next"))
    assert drained(timeline, done, 1)
    assert "broken event" in capsys.readouterr().err


def test_cleared_work_never_runs() -> None:
    """As after a reset."""
    timeline, done = Timeline(), list[str]()
    timeline.after(0, lambda: done.append("void"))
    timeline.clear()
    timeline.run_due()
    assert not done
    assert not timeline.is_due


def test_a_server_starts_with_the_factor_it_is_given_and_resets_to_it() -> None:
    """A factor set meanwhile ends with the reset."""
    with LocalAws.start(clock_factor=600) as server:
        assert server.admin("GET", "/clock") == {"factor": 600}
        server.admin("POST", "/clock", factor=5)
        server.reset()
        assert server.admin("GET", "/clock") == {"factor": 600}


@pytest.mark.parametrize("factor", [0.0, -1.0, float("inf"), float("nan")])
def test_a_factor_that_can_not_be_is_refused_before_the_start(factor: float) -> None:
    """Nothing is started."""
    with pytest.raises(TargetError, match="clock factor"):
        LocalAws.start(clock_factor=factor)
