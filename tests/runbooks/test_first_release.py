"""The first release: `deploy_prod` brings a new image as long as `release` never did, and then leaves it alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from runbooks.records.record import Verdict
from tests.runbooks.releasing import Stage, deployed_stage, image


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """One environment for this module."""
    with deployed_stage(tmp_path_factory.mktemp("first")) as stage:
        yield stage


def _deploy(stage: Stage, letter: str) -> None:
    record, shown = stage.run("deploy_prod", app_image=image(letter))
    assert record.verdict is Verdict.SUCCEEDED, shown


def test_image_given_later_is_released_once(stage: Stage) -> None:
    """The service has its tasks after the first `up`; the image of the next is deployed, that of the third is not."""
    [primary] = stage.task_sets
    assert primary["runningCount"] == primary["computedDesiredCount"] > 0
    assert stage.deployments() == []
    _deploy(stage, "a")
    assert stage.definition(stage.live)["containerDefinitions"][0]["image"] == image("a")
    assert stage.weights == {stage.live: 100}
    released = stage.live
    _deploy(stage, "b")
    assert stage.live == released
    assert len(stage.deployments()) == 1
