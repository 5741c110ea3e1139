"""Two steps that put a tag each on a queue; the run waits where a test wants to kill it."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import Field

from prod_infra.cli import main
from runbooks.catalog import RUNBOOKS, Runbook
from runbooks.core.aws import Aws
from runbooks.core.run import Run
from runbooks.core.step import Call, Step, Undo, UndoAction
from runbooks.parameters import DrillParameters
from runbooks.verify import Check

PAUSE_SECONDS: Final = 120.0


class TagDrillParameters(DrillParameters):
    """The drill's own parameters."""

    queue: str = Field("", description="URL of the queue that is tagged.")
    stop_at: str = Field("", description="Where the run waits to be killed, such as `after first`.")
    db_password: str = Field("", description="A secret, to be searched for.")


def tags(aws: Aws, queue: str) -> dict[str, str]:
    """Return a queue's tags."""
    return dict(aws("sqs").list_queue_tags(QueueUrl=queue).get("Tags", {}))


@dataclass(frozen=True, kw_only=True)
class Tag(Step):
    """Put one tag on the queue."""

    run: TagDrill
    key: str

    @property
    def name(self) -> str:
        """Which tag."""
        return f"tag {self.key}"

    def already_done(self) -> bool:
        """Whether the tag is there."""
        return self.key in tags(self.run.aws, self.run.parameters.queue)

    def calls(self) -> Sequence[Call]:
        """One call."""
        value = self.run.decide("value", lambda: "made")
        parameters = {"QueueUrl": self.run.parameters.queue, "Tags": {self.key: value}}
        return [Call(service="sqs", operation="tag_queue", parameters=parameters)]

    def undo(self) -> Undo:
        """Take the tag away."""
        return Undo(action="tag_drill.untag", arguments={"queue": self.run.parameters.queue, "key": self.key})

    def act(self) -> Mapping[str, Any]:
        """Tag, and stop where the test wants it."""
        self.run.pause(f"before {self.key}")
        for call in self.calls():
            self.run.aws("sqs").tag_queue(**call.parameters)
        self.run.pause(f"in {self.key}")
        self.run.say(f"{self.key}, by {self.run.parameters.db_password}")
        return {"tagged": self.key, "db_password": self.run.parameters.db_password}


class TagDrill(Run[TagDrillParameters]):
    """One run of the drill."""

    name, model = "tag_drill", TagDrillParameters

    def pause(self, where: str) -> None:
        """Wait at the place that the test names, until it kills somebody or lets an alarm fire."""
        if where == self.parameters.stop_at:
            self.say(f"paused {where}")
            self.wait("whoever stops it", lambda: None, timeout=PAUSE_SECONDS)

    def steps(self) -> Sequence[Step]:
        """Two tags."""
        return [Tag(run=self, key="first"), Tag(run=self, key="second")]

    def checks(self) -> Sequence[Check]:
        """Both tags are there."""
        self.pause("in verify")
        found = sorted(tags(self.aws, self.parameters.queue))
        return [
            Check(group="data", name="Both tags are there", passed={"first", "second"} <= set(found), detail=str(found))
        ]

    def steady_checks(self) -> Sequence[Check]:
        """The queue can be asked."""
        found = tags(self.aws, self.parameters.queue)
        bad = "ill" in found
        return [Check(group="data", name="The queue is well", passed=not bad, detail=str(sorted(found)))]

    def stop_alarms(self) -> Sequence[str]:
        """One, that the test makes."""
        return ["drill-stop"]

    def lock_bucket(self) -> str:
        """The test's own bucket."""
        return "evidence"


def untag(aws: Aws, *, queue: str, key: str) -> str:
    """Take a tag away."""
    if key not in tags(aws, queue):
        return f"{key} was not there"
    aws("sqs").untag_queue(QueueUrl=queue, TagKeys=[key])
    return f"{key} taken away"


start = TagDrill.start

UNDO: Final[Mapping[str, UndoAction]] = {"untag": untag}


def register() -> None:
    """Put the drill into the catalog of this process."""
    RUNBOOKS["tag_drill"] = Runbook(
        name="tag_drill", title="Tag a queue", parameters=TagDrillParameters, package="tests.runbooks.drill"
    )


if __name__ == "__main__":
    register()
    main(["runbook", *sys.argv[1:]])
