"""Runbook `rollback`: all traffic back to the previous revision or a named one, also in the middle of a deployment."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, Final

from prod_infra.errors import RunbookError
from runbooks.actions import blue_green_return
from runbooks.actions.blue_green import ALL_AT_ONCE, BlueGreen, short
from runbooks.actions.blue_green_step import Deploy
from runbooks.actions.release_checks import publish_release, service_runs, steady_checks
from runbooks.core import steady_state
from runbooks.core.run import Run
from runbooks.core.show_checks import show_checks
from runbooks.core.step import Call, Step, UndoAction
from runbooks.parameters import RollbackParameters
from runbooks.verify import Check


@dataclass(frozen=True, kw_only=True)
class StopDeployment(Step):
    """Stop a deployment whose old task set still runs: the traffic goes back to it at once."""

    no_undo: ClassVar[str] = "a stopped deployment can't go on: `release` with its task definition deploys it again"

    blue_green: BlueGreen = field(repr=False)
    deployment: str

    @property
    def name(self) -> str:
        """Which."""
        return f"stop {self.deployment} and roll it back"

    def already_done(self) -> bool:
        """Whether no deployment is under way."""
        active = self.blue_green.active()
        return active is None or active.info["deploymentId"] != self.deployment

    def calls(self) -> Sequence[Call]:
        """One call."""
        parameters = {"deploymentId": self.deployment, "autoRollbackEnabled": True}
        return [Call(service="codedeploy", operation="stop_deployment", parameters=parameters)]

    def act(self) -> Mapping[str, Any]:
        """Stop it, and wait for the deployment that rolls it back."""
        began = time.monotonic()
        blue_green_return.stop(self.blue_green, self.deployment)
        seconds = round(time.monotonic() - began, 3)
        return {
            "deployment": self.deployment,
            "revision": short(self.blue_green.live()),
            "seconds_to_all_traffic": seconds,
        }


class Rollback(Run[RollbackParameters]):
    """One run of the runbook. Firing alarms, failing requests and unhealthy targets don't hinder it."""

    name, model = "rollback", RollbackParameters

    @cached_property
    def blue_green(self) -> BlueGreen:
        """The service and its deployments."""
        return BlueGreen.of(self.aws, self.deployed())

    def preflight(self) -> None:
        """Decide where to, and by which way."""
        self.decide("way", self._way)

    def _way(self) -> dict[str, str]:
        """Return the ARN to go `to`, the one that goes, `from`, and the deployment to `stop`, if that is the way."""
        live, active = self.blue_green.live(), self.blue_green.active()
        named = self._active_arn(self.parameters.task_definition) if self.parameters.task_definition else ""
        if active is not None and active.info.get("creator") == "codeDeployRollback" and active.in_progress:
            raise RunbookError(f"{active.info['deploymentId']} is rolling back already.", hint="wait for its end")
        if active is not None and active.in_progress:
            # The old task set still is the primary one.
            back, coming = live, self.blue_green.task_definition_of(active.info)
        else:
            back, coming = self.blue_green.previous(), live
        to = named or (self._active_arn(back) if back else "")
        if not to:
            raise RunbookError(
                "CodeDeploy's history names nothing that ran before.",
                hint="name it: -p task_definition=family:revision",
            )
        if to == coming:
            raise RunbookError(
                f"{short(to)} is what the service runs or is about to run.", hint="name another revision"
            )
        stops = active is not None and (active.in_progress or to == back)
        stop = active.info["deploymentId"] if active is not None and stops else ""
        return {"to": to, "from": live if stop and to != back else coming, "stop": stop, "back": back}

    def _active_arn(self, task_definition: str) -> str:
        """Return a task definition's ARN.

        Raises:
            RunbookError: it is deregistered.
        """
        known = self.aws("ecs").describe_task_definition(taskDefinition=task_definition)["taskDefinition"]
        if known["status"] != "ACTIVE":
            raise RunbookError(
                f"{short(known['taskDefinitionArn'])} is {known['status']}: nothing can run it.",
                hint="name another revision: -p task_definition=family:revision",
            )
        return str(known["taskDefinitionArn"])

    @property
    def _decided_way(self) -> dict[str, str]:
        way: dict[str, str] = self.decide("way", self._way)
        return way

    def steps(self) -> Sequence[Step]:
        """Stop what is under way; deploy, where that does not lead to the wanted revision."""
        way = self._decided_way
        found: list[Step] = []
        if way["stop"]:
            found.append(StopDeployment(blue_green=self.blue_green, deployment=way["stop"]))
        if not way["stop"] or way["to"] != way["back"]:
            found.append(
                Deploy(
                    run=self,
                    blue_green=self.blue_green,
                    task_definition=lambda: way["to"],
                    image=self.blue_green.image(way["to"]),
                    previous=way["from"],
                    config=ALL_AT_ONCE,
                    heed_alarms=False,
                    timeout=60 * self.parameters.timeout_minutes,
                )
            )
        return found

    def locks_over(self) -> set[str]:
        """The release's, too, where that is named: it sees its deployment stopped, with nothing left to take back."""
        return super().locks_over() | ({self.parameters.over_run} if self.parameters.over_run else set())

    def stop_alarms(self) -> Sequence[str]:
        """None: an alarm is why one rolls back."""
        return ()

    def steady_checks(self) -> Iterable[Check]:
        """All but the alarms, which need minutes to get quiet after their cause is gone."""
        return steady_checks(self.aws, self.deployed(), steady_state.alarms_are_quiet)

    def steady_state(self, when: str) -> None:
        """Look whether the environment is well; before, that is only said.

        Raises:
            RunbookError: it is not well after.
        """
        if when == "before":
            show_checks(self.console, f"steady_state_{when}", self.steady_checks())
        else:
            super().steady_state(when)

    def checks(self) -> Iterator[Check]:
        """The wanted revision has all traffic."""
        publish_release(self.journal)
        yield service_runs(self.blue_green, self._decided_way["to"])


start = Rollback.start

UNDO: Final[Mapping[str, UndoAction]] = {"restore": blue_green_return.restore}
