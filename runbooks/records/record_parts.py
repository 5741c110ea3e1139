"""Parts of a record that drills add: the approved plan, steady states, undo, objectives, what was measured."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class RecordModel(BaseModel):
    """What every part of a record is made of; a name that the schema does not know is refused."""

    model_config = ConfigDict(extra="forbid")


class PlannedCall(RecordModel):
    """One API call of a plan.

    Attributes:
        service: boto3's name, such as `docdb`.
        operation: boto3's method, such as `failover_db_cluster`.
        parameters: its arguments; what only an earlier step knows is text such as `<arn of the task definition>`.
        region: where; empty for the target's own.
    """

    service: str
    operation: str
    parameters: dict[str, Any] = Field(default_factory=dict)
    region: str = ""


class PlannedUndo(RecordModel):
    """What takes a step back: an action of the runbook's, and its JSON arguments."""

    action: str
    arguments: dict[str, Any] = Field(default_factory=dict)


class PlannedStep(RecordModel):
    """One step of a plan, and what would take it back; None where nothing can or need."""

    name: str
    calls: list[PlannedCall] = Field(default_factory=list)
    undo: PlannedUndo | None = None


class Plan(RecordModel):
    """What was to be done, and who agreed to exactly that.

    Attributes:
        digest: SHA-256 of the plan's canonical JSON.
        approved_by: who, or `automatic on local`; empty where nobody did.
    """

    digest: str
    steps: list[PlannedStep] = Field(default_factory=list)
    approved_by: str = ""
    approved_at: datetime | None = None


class CheckRecord(RecordModel):
    """One check of a steady state: where, what as a sentence, whether it held, and what was seen."""

    group: str = ""
    name: str
    passed: bool
    detail: str = ""


class SteadyState(RecordModel):
    """The checks before and after; None where the run never came to them."""

    before: list[CheckRecord] | None = None
    after: list[CheckRecord] | None = None


class UndoRecord(RecordModel):
    """One undo that was tried.

    Attributes:
        step: whose.
        action: such as `docdb_failover.fail_back`.
        done: whether it did what it should.
        detail: what it did, found done already, or failed with.
    """

    step: str
    action: str
    at: datetime
    done: bool
    detail: str = ""


class Objectives(RecordModel):
    """What the drill is held against; None where nothing is promised.

    Attributes:
        rto_seconds: longest time without a successful write or request.
        rpo: acknowledged writes that may be lost.
        rpo_seconds: span of time whose acknowledged writes may be lost.
    """

    rto_seconds: float | None = None
    rpo: int | None = None
    rpo_seconds: float | None = None


class Window(RecordModel):
    """A time in which the probe did not get through.

    Attributes:
        start: the last success before it.
        end: the first success after it; None where there was none.
        seconds: between the two, or until probing ended.
        failed: requests that failed in it.
    """

    start: datetime
    end: datetime | None
    seconds: float
    failed: int


class Revisions(RecordModel):
    """Revisions that answered before, while and after traffic shifted, each in order of appearance."""

    before: list[str]
    during: list[str]
    after: list[str]
    mixed_outside: bool


class Measured(RecordModel):
    """What the probe says. A number that is None was not measured, and its `why` says why not.

    Attributes:
        rto_seconds: longest time without a success, one interval taken off; true within `resolution_seconds`.
        rto_by: kind of request that it was seen by.
        resolution_seconds: longest time between two requests that were sent.
        rpo: acknowledged writes that are not there any more.
        rpo_seconds: from the last write kept before the oldest lost one to the newest lost one.
        requests: that were sent, by kind.
        failed: of them, by kind.
        probe_error: why the probe ended by itself; empty where it was stopped.
    """

    rto_seconds: float | None = None
    rto_why: str = ""
    rto_by: Literal["write", "read", ""] = ""
    resolution_seconds: float | None = None
    rpo: int | None = None
    rpo_seconds: float | None = None
    rpo_why: str = ""
    requests: dict[str, int] = Field(default_factory=dict)
    failed: dict[str, int] = Field(default_factory=dict)
    windows: list[Window] = Field(default_factory=list)
    revisions: Revisions | None = None
    probe_error: str = ""

    @property
    def recovered(self) -> bool:
        """Whether probing saw the end of every outage; where it did not, there is no RTO, and none was met."""
        return not self.windows or self.windows[-1].end is not None
