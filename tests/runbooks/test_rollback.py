"""`rollback`: to what ran before, by CodeDeploy's history; in the middle of a deployment; never to where one is."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from runbooks.records.record import Verdict
from tests.runbooks.rehearsed import Rehearsed
from tests.runbooks.releasing import Stage, image


@pytest.fixture(scope="module")
def stage(rehearsed: Rehearsed) -> Iterator[Stage]:
    """The environment that modules share, as the test before left it."""
    stage = Stage(rehearsed.directory, rehearsed.target, rehearsed.clients)
    yield stage
    stage.settle()


@pytest.fixture(scope="module")
def revisions(stage: Stage) -> tuple[str, str]:
    """The revision that ran, and the one that was then released."""
    former = stage.live
    record, shown = stage.run("release", image=image("1"), bake_minutes=0)
    assert record.verdict is Verdict.SUCCEEDED, shown
    return former, stage.live


def test_rollback_right_after_a_release_stops_it(stage: Stage, revisions: tuple[str, str]) -> None:
    """While the old tasks still run, the deployment is stopped: the traffic goes back at once."""
    record, shown = stage.run("rollback")
    assert record.verdict is Verdict.SUCCEEDED, shown
    assert record.plan is not None
    assert [call.operation for step in record.plan.steps for call in step.calls] == ["stop_deployment"]
    former, _ = revisions
    assert (stage.live, stage.weights) == (former, {former: 100})
    assert record.results["release"]["seconds_to_all_traffic"] > 0


def test_rollback_deploys_what_ran_before(stage: Stage, revisions: tuple[str, str]) -> None:
    """Once the old tasks are gone, what ran before is deployed again, though an alarm fires; undo takes it back."""
    former, released = revisions
    stage.settle()
    record, shown = stage.run("release", task_definition=released, bake_minutes=0)
    assert record.verdict is Verdict.SUCCEEDED, shown
    stage.settle()
    with stage.firing():
        dry, shown = stage.run("rollback", dry_run=True)
        assert (dry.verdict, stage.live) == (Verdict.SUCCEEDED, released), shown
        record, shown = stage.run("rollback")
    assert record.verdict is Verdict.SUCCEEDED, shown
    assert stage.weights == {former: 100}
    done, said = stage.undo(record.id)
    assert done == [True], said
    assert stage.live == released
    stage.settle()


def test_rollback_in_the_middle_of_a_deployment(stage: Stage) -> None:
    """A deployment that shifts traffic is stopped, and its release ends in failure with nothing left to do."""
    stage.settle()
    was = stage.live
    process = stage.start("run", "release", "-p", f"image={image('2')}")
    stage.wait_for_the_shift(process)
    holder = stage.newest_run
    record, shown = stage.run("rollback", over_run=holder)
    said, _ = process.communicate(timeout=120)
    assert record.verdict is Verdict.SUCCEEDED, shown
    assert process.returncode == 1, said
    assert "Stopped" in said
    assert stage.live == was
    assert stage.weights == {was: 100}


def test_where_the_service_is_already_is_refused(stage: Stage) -> None:
    """The live revision, and one that does not exist, are refused."""
    stage.settle()
    record, _ = stage.run("rollback", task_definition=stage.live)
    assert record.error is not None
    assert "name another revision" in record.error.message
    record, _ = stage.run("rollback", task_definition="prod-app:99")
    assert record.verdict is Verdict.FAILED
