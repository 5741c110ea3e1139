"""Runbook `az_evacuation`: customers' traffic and the database's writer leave an availability zone, and come back.

As a drill it wants everything to be well. With `zone_is_ill` it is for the night in which the zone fails: only what is
outside of the zone has to be well, traffic moves first, nothing comes back, and no alarm or objective turns it around.

CodeDeploy's services refuse other subnets (`update_service`: "Unable to update network configuration …"), so tasks stay
in the zone, without traffic; the other zones get as many as the service had in all, before traffic moves to them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from prod_infra.errors import RunbookError, WaitTimeoutError
from runbooks.actions.evacuation import (
    DIMENSION,
    Evacuation,
    checks_outside,
    ecs_service,
    find_evacuation,
    others_carry,
    scalable_target,
    take_tasks_away,
    weight_is,
)
from runbooks.core.aws import Aws
from runbooks.core.run import Run
from runbooks.core.show_checks import show_checks
from runbooks.core.steady_state import healthy_targets
from runbooks.core.step import Call, Step, Undo, UndoAction
from runbooks.docdb_failover import Cluster, FailOver, writer_is
from runbooks.parameters import AzEvacuationParameters
from runbooks.probes.probing import POLL_SECONDS, ProbedRun
from runbooks.verify import Check
from runbooks.verify.check import run_check

ANSWERS: Final = 20
"""Newest answers none of which may come from the zone: by chance that happens once in 2^20 with two zones."""

COMMENT: Final = "prod-infra runbook az_evacuation"
"""Of our zonal shifts: an undo ends no other."""


def _shifts(aws: Aws, balancer: str, zone_id: str) -> list[str]:
    """Return the IDs of our zonal shifts in force."""
    pages = (
        aws("arc-zonal-shift").get_paginator("list_zonal_shifts").paginate(status="ACTIVE", resourceIdentifier=balancer)
    )
    found = [each for page in pages for each in page["items"]]
    return [each["zonalShiftId"] for each in found if (each["awayFrom"], each["comment"]) == (zone_id, COMMENT)]


@dataclass(frozen=True, kw_only=True)
class AddTasks(Step):
    """Give the other zones as many tasks as all had, and keep scaling from taking them away."""

    run: Run[Any]
    what: Evacuation
    timeout: float

    @property
    def name(self) -> str:
        """How many tasks."""
        return f"raise {self.what.service} from {self.what.tasks} to {self.what.raised} tasks"

    def already_done(self) -> bool:
        """Whether as many are wanted, and scaling keeps them."""
        kept = scalable_target(self.run.aws, self.what.cluster, self.what.service)
        wanted = ecs_service(self.run.aws, self.what.cluster, self.what.service)["desiredCount"]
        return bool(wanted >= self.what.raised and (kept is None or kept[0] >= self.what.raised) and self._carry())

    def calls(self) -> Sequence[Call]:
        """The least that scaling keeps, where the service scales, and the number of tasks."""
        given, raised = self.what, self.what.raised
        calls = []
        if given.capacity is not None:
            bounds = {"MinCapacity": max(given.capacity[0], raised), "MaxCapacity": max(given.capacity[1], raised)}
            target = {"ServiceNamespace": "ecs", "ResourceId": f"service/{given.cluster}/{given.service}"}
            parameters = {**target, "ScalableDimension": DIMENSION, **bounds}
            calls = [
                Call(service="application-autoscaling", operation="register_scalable_target", parameters=parameters)
            ]
        wanted = {"cluster": given.cluster, "service": given.service, "desiredCount": raised}
        return [*calls, Call(service="ecs", operation="update_service", parameters=wanted)]

    def undo(self) -> Undo:
        """The former numbers."""
        given = self.what
        return Undo(
            action="az_evacuation.take_tasks_away",
            arguments={
                "cluster": given.cluster,
                "service": given.service,
                "tasks": given.tasks,
                "raised": given.raised,
                "capacity": list(given.capacity) if given.capacity else None,
            },
        )

    def _carry(self) -> bool:
        healthy = healthy_targets(self.run.deployed())
        return sum(count for zone, count in healthy.items() if zone != self.what.zone) >= self.what.tasks

    def act(self) -> Mapping[str, Any]:
        """Raise the numbers, and wait until the other zones have enough healthy tasks.

        Raises:
            WaitTimeoutError: they don't get enough.
        """
        for call in self.calls():
            getattr(self.run.aws(call.service), call.operation)(**call.parameters)
        self.run.wait(f"{self.what.tasks} healthy tasks outside {self.what.zone}", self._carry, timeout=self.timeout)
        return {"tasks": self.what.raised}


@dataclass(frozen=True, kw_only=True)
class ShiftTraffic(Step):
    """Let the load balancer send nothing to the zone, for a time that ends by itself."""

    run: Run[Any]
    what: Evacuation
    expires_in: str

    @property
    def name(self) -> str:
        """From which zone."""
        return f"shift traffic away from {self.what.zone}"

    def already_done(self) -> bool:
        """Whether such a shift of ours is in force."""
        return bool(_shifts(self.run.aws, self.what.balancer, self.what.zone_id))

    def calls(self) -> Sequence[Call]:
        """One call."""
        parameters = {"resourceIdentifier": self.what.balancer, "awayFrom": self.what.zone_id}
        parameters |= {"expiresIn": self.expires_in, "comment": COMMENT}
        return [Call(service="arc-zonal-shift", operation="start_zonal_shift", parameters=parameters)]

    def undo(self) -> Undo:
        """End the shift."""
        arguments = {"balancer": self.what.balancer, "zone_id": self.what.zone_id}
        return Undo(action="az_evacuation.shift_back", arguments=arguments)

    def act(self) -> Mapping[str, Any]:
        """Start it; AWS shows when it ends."""
        for call in self.calls():
            found = self.run.aws("arc-zonal-shift").start_zonal_shift(**call.parameters)
        return {"zonalShiftId": found["zonalShiftId"], "expiryTime": found["expiryTime"].isoformat()}


def shift_back(aws: Aws, *, balancer: str, zone_id: str) -> str:
    """End our zonal shifts away from a zone; those that have expired are over already."""
    found = _shifts(aws, balancer, zone_id)
    for shift in found:
        aws("arc-zonal-shift").cancel_zonal_shift(zonalShiftId=shift)
    return f"traffic goes to {zone_id} again" if found else f"no traffic was shifted away from {zone_id}"


class AzEvacuation(ProbedRun[AzEvacuationParameters]):
    """One run of the runbook."""

    name, model = "az_evacuation", AzEvacuationParameters

    def preflight(self) -> None:
        """Look what is in the zone; a resumed run keeps to what was there.

        Raises:
            RunbookError: the zone can't be evacuated.
        """
        wish, ill = self.parameters.zone, self.parameters.zone_is_ill
        self.decide("evacuation", lambda: find_evacuation(self.aws, self.deployed(), wish, ill=ill))
        what = self._what
        where = "in it" if what.failover else "not in it"
        self.say(f"zone {what.zone} ({what.zone_id}); {what.tasks} tasks in all; the database's writer is {where}")

    @property
    def _what(self) -> Evacuation:
        return Evacuation(**self.decide("evacuation", dict))

    def steps(self) -> Sequence[Step]:
        """More tasks, then the shift, then the writer; away from an ill zone as fast as can be, so the tasks last."""
        what, timeout = self._what, self.parameters.settle_timeout
        writer = [FailOver(run=self, timeout=timeout, ill=what.ill, **what.failover)] if what.failover else []
        shift = ShiftTraffic(run=self, what=what, expires_in=self.parameters.expires_in)
        tasks = AddTasks(run=self, what=what, timeout=timeout)
        return [shift, *writer, tasks] if self.in_outage else [tasks, shift, *writer]

    @property
    def in_outage(self) -> bool:
        """Whether the zone fails already."""
        return self.parameters.zone_is_ill

    @property
    def taken_back_by_hand(self) -> bool:
        """Out of an outage: what has left the ill zone stays out of it, however the rest went."""
        return self.in_outage

    def stop_alarms(self) -> Sequence[str]:
        """All; none where the zone is ill: they are why one evacuates it."""
        return () if self.in_outage else super().stop_alarms()

    def steady_checks(self) -> Iterable[Check]:
        """What holds for every environment; where the zone is ill, what holds outside of it."""
        if self.in_outage:
            return checks_outside(self.aws, self.deployed(), self._what.zone)
        return super().steady_checks()

    def checks(self) -> Iterator[Check]:
        """The zone serves nobody, and the others carry all."""
        what, env = self._what, self.deployed()
        yield run_check("edge", weight_is(self.aws, what, 0.0), env)
        yield self._answers("No answer comes from the zone", lambda zones: zones[what.zone] == 0)
        yield run_check("compute", others_carry(what), env)
        if self.in_outage:
            yield self._writer_left()
        yield from self._checks(what.failover["target"] if what.failover else "")

    def _writer_left(self) -> Check:
        """Wait until the database writes outside of the ill zone: AWS replaces a lost writer by itself."""
        name, ill = self.deployed().database["DBClusterIdentifier"], self._what.ill

        def outside() -> str | None:
            found = Cluster.of(self.aws, name)
            return found.writer if found.settled(ill) and found.writer not in ill else None

        title = "The database's writer is outside of the zone"
        try:
            found = self.wait(title, outside, timeout=self.parameters.settle_timeout)
        except WaitTimeoutError as error:
            return Check(group="data", name=title, passed=False, detail=error.message)
        return Check(group="data", name=title, passed=True, detail=found)

    def finish(self) -> None:
        """Come back, while the probe still asks, unless the zone is ill or to stay evacuated.

        Raises:
            RunbookError: not everything is as it was.
        """
        if self.parameters.come_back and not self.in_outage and not self.parameters.dry_run:
            self.take_back()
            if failed := show_checks(self.console, "verification_back", self._checks_back()):
                raise RunbookError(f"Not as it was: {'; '.join(check.detail for check in failed)}.")

    def _checks_back(self) -> Iterator[Check]:
        what = self._what
        yield run_check("edge", weight_is(self.aws, what, 1.0), self.deployed())
        yield self._answers("Answers come from the zone again", lambda zones: zones[what.zone] > 0)
        yield from self._checks(what.failover["writer"] if what.failover else "")

    def _checks(self, writer: str) -> Iterator[Check]:
        if writer:
            yield run_check("data", writer_is(writer, self._what.ill), self.deployed())
        if self.probing is not None:
            yield self.probing.check("edge")

    def _answers(self, name: str, holds: Any) -> Check:
        """Wait until the newest answers' zones are as they should be: names and connections live on for a while."""
        known = len(self._zones())

        def newest() -> Counter[str] | None:
            zones = self._zones()
            found = Counter(zones[-ANSWERS:])
            return found if len(zones) >= known + ANSWERS and holds(found) else None

        if not known:
            return Check(group="edge", name=name, passed=True, detail="not measured: the answers name no zone")
        try:
            found = self.wait(name, newest, timeout=self.parameters.settle_timeout, poll=POLL_SECONDS)
        except WaitTimeoutError as error:
            return Check(group="edge", name=name, passed=False, detail=error.message)
        return Check(group="edge", name=name, passed=True, detail=f"of {ANSWERS} answers {dict(found)}")

    def _zones(self) -> list[str]:
        return [found.az for found in self.probing.samples() if found.az] if self.probing else []


start = AzEvacuation.start

UNDO: Final[Mapping[str, UndoAction]] = {"take_tasks_away": take_tasks_away, "shift_back": shift_back}
