"""The step that moves customers to another task definition: deploy, test, shift, watch; back if it goes wrong."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import httpx

from prod_infra.errors import RunbookError, WaitTimeoutError
from runbooks.actions.blue_green import BlueGreen, Status, short
from runbooks.actions.blue_green_return import stop
from runbooks.core.aws import FrontDoor
from runbooks.core.run import Run
from runbooks.core.step import Call, Step, Undo

TEST_LISTENER_SECONDS: Final = 20.0
"""For which the test listener may take to show the new version, after AWS says that it does."""
UNKNOWN: Final = "<arn of the task definition>"


class FailedRequests:
    """Counts a running probe's failed requests; each look reads only what is new.

    Args:
        path: of `probe.jsonl`.
        allowed: more than these end the release.
    """

    def __init__(self, path: Path, allowed: int) -> None:
        self._path = path
        self._allowed = allowed
        self._offset = 0
        self._failed = 0

    def check(self) -> None:
        """Look once.

        Raises:
            RunbookError: too many failed.
        """
        with self._path.open("rb") as file:
            file.seek(self._offset)
            whole, end, _ = file.read().rpartition(b"\n")
        self._offset += len(whole + end)
        for line in whole.splitlines():
            found = json.loads(line)
            if "status" in found and not httpx.codes.is_success(found["status"] or 0):
                self._failed += 1
        if self._failed > self._allowed:
            raise RunbookError(f"The probe failed: {self._failed} requests were lost, {self._allowed} are allowed.")


@dataclass(frozen=True, kw_only=True)
class TestListener:
    """What is asked of the new version before customers see it.

    Attributes:
        door: the test listener.
        paths: each must answer 2xx.
        revision: what answers must name in `revision`, where they name one.
        required: whether it must be reachable; on AWS its port is open to testers alone.
    """

    __test__ = False  # for pytest, which takes the name for its own

    door: FrontDoor
    paths: Sequence[str]
    revision: str
    required: bool

    def faults(self) -> list[str]:
        """Ask each path once, and return what is wrong.

        Raises:
            httpx.TransportError: it can't be reached.
        """
        found = []
        with self.door.client(timeout=5) as client:
            for path in self.paths:
                answer = client.get(path)
                if not answer.is_success:
                    found.append(f"{path} answers {answer.status_code}")
                    continue
                said = _revision(answer)
                if said and said != self.revision:
                    found.append(f"{path} is answered by {said}, not {self.revision}")
        return found


def _revision(answer: httpx.Response) -> str:
    try:
        body = answer.json()
    except ValueError:
        return ""
    return str(body.get("revision", "")) if isinstance(body, dict) else ""


@dataclass(frozen=True, kw_only=True)
class Deploy(Step):
    """Deploy a task definition by CodeDeploy; whatever goes wrong, the traffic is brought back before the step fails.

    Attributes:
        run: whose waits heed the stop alarms.
        blue_green: the service.
        task_definition: says its ARN; empty while it is not registered.
        image: its image.
        previous: ARN of the one that has the traffic when the run begins.
        config: deployment configuration; the group's own if empty.
        heed_alarms: whether alarms end it.
        timeout: seconds for each of getting ready and shifting traffic.
        bake: seconds of watching after all traffic has moved.
        wait_for_termination: wait until the old task set is gone, too.
        test_listener: makes the checks of a revision such as `prod-app:7`; None for none.
        watch: called at each look, raises what ends the release, such as a failed probe.
    """

    run: Run[Any] = field(repr=False)
    blue_green: BlueGreen = field(repr=False)
    task_definition: Callable[[], str] = field(repr=False)
    image: str
    previous: str
    config: str = ""
    heed_alarms: bool = True
    timeout: float
    bake: float = 0.0
    wait_for_termination: bool = False
    test_listener: Callable[[str], TestListener] | None = None
    watch: Callable[[], None] = lambda: None

    @property
    def name(self) -> str:
        """From what; what to is not known before it is registered."""
        return f"deploy in place of {short(self.previous)}"

    def already_done(self) -> bool:
        """Whether it has all traffic, and no deployment is moving it."""
        active = self.blue_green.active()
        return self.blue_green.live() == self.task_definition() and not (active and active.in_progress)

    def calls(self) -> Sequence[Call]:
        """End the wait of the deployment before, if it waits; create; go on where the group has a gate."""
        named = {"service": "codedeploy", "operation": "continue_deployment"}
        found = []
        if (active := self.blue_green.active()) is not None and active.shifted:
            waits = {"deploymentId": active.info["deploymentId"], "deploymentWaitType": "TERMINATION_WAIT"}
            found.append(Call(**named, parameters=waits))
        found.append(Call(service="codedeploy", operation="create_deployment", parameters=self._creation()))
        if self.blue_green.is_gated():
            waits = {"deploymentId": "<id of the deployment>", "deploymentWaitType": "READY_WAIT"}
            found.append(Call(**named, parameters=waits))
        return found

    def _creation(self) -> dict[str, Any]:
        wanted = self.task_definition() or UNKNOWN
        return self.blue_green.creation(wanted, self.previous, config=self.config, heed_alarms=self.heed_alarms)

    def undo(self) -> Undo:
        """Bring the traffic back to what had it."""
        arguments = {"service": asdict(self.blue_green.service), "previous": self.previous, "image": self.image}
        return Undo(action=f"{self.run.name}.restore", arguments=arguments)

    def act(self) -> Mapping[str, Any]:
        """Deploy and watch.

        Raises:
            RunbookError: it failed, an alarm fires, the probe fails, it takes too long; the traffic is back by then.
        """
        deployment, began = self._begin(), datetime.now(UTC)
        try:
            return self._go(deployment, began)
        except RunbookError as error:
            self.run.say(f"{deployment}: {error.message} The traffic is brought back.", "red")
            try:
                stop(self.blue_green, deployment)
            except RunbookError as second:
                error.add_note(f"not brought back: {second.message}")
            raise

    def _begin(self) -> str:
        """Return the deployment: that of the run which this one resumes, or a new one."""
        active = self.blue_green.active()
        if active is not None and active.in_progress:
            return str(active.info["deploymentId"])
        if active is not None:
            former = active.info["deploymentId"]
            self.blue_green.go_on(former, "TERMINATION_WAIT")
            self.run.wait(f"the end of {former}", lambda: self.blue_green.status(former).is_over, timeout=self.timeout)
        deployment = self.blue_green.create(self._creation())
        self.run.say(f"{deployment}: {short(self.task_definition())} in place of {short(self.previous)}")
        return deployment

    def _look(self, deployment: str) -> Status:
        self.watch()
        found = self.blue_green.status(deployment)
        if found.failure:
            raise RunbookError(f"The deployment failed: {found.failure}.", hint="CodeDeploy's console has each event")
        return found

    def _go(self, deployment: str, began: datetime) -> dict[str, Any]:
        def ready() -> Status | None:
            found = self._look(deployment)
            return found if found.name == "Ready" or found.event("AllowTraffic") != "Pending" else None

        def shifted() -> Status | None:
            found = self._look(deployment)
            return found if found.shifted else None

        gate = self.run.wait(f"{deployment} to be ready for traffic", ready, timeout=self.timeout)
        tested = self._test(gate)
        self.blue_green.go_on(deployment, "READY_WAIT")
        status = self.run.wait(f"{deployment} to move all traffic", shifted, timeout=self.timeout)
        seen = datetime.now(UTC)
        self.run.say(f"{deployment}: all traffic is with {short(self.task_definition())}")
        first = status.events["AllowTraffic"]["startTime"]
        self._watch_for(self.bake, deployment)
        if self.wait_for_termination:
            self.run.wait(
                f"the end of {deployment}", lambda: self._look(deployment).is_over or None, timeout=self.timeout
            )
        return {
            "deployment": deployment,
            "revision": short(self.task_definition()),
            "previous": short(self.previous),
            "test_listener": tested,
            "shifting": [first.isoformat(), seen.isoformat()],
            "seconds_to_first_traffic": round((first - began).total_seconds(), 3),
            "seconds_to_all_traffic": round((seen - began).total_seconds(), 3),
        }

    def _test(self, gate: Status) -> str:
        """Ask the new version; what can't be reached is not checked, and that is said."""
        if self.test_listener is None:
            return "not checked: no test listener is asked"
        if gate.name != "Ready":
            return "not checked: the deployment group does not wait before traffic shifts"
        checks = self.test_listener(short(self.task_definition()))
        faults: list[str] = []

        def passes() -> bool:
            faults[:] = checks.faults()
            return not faults

        try:
            self.run.wait("the test listener", passes, timeout=TEST_LISTENER_SECONDS)
        except WaitTimeoutError as error:
            raise RunbookError(f"The new version fails at the test listener: {'; '.join(faults)}.") from error
        except httpx.TransportError as error:
            if checks.required:
                raise RunbookError(f"The test listener can't be reached: {error}") from error
            said = f"not checked: the test listener can't be reached from here ({error})"
            self.run.say(said, "yellow")
            return said
        said = f"passed: {', '.join(checks.paths)}"
        self.run.say(f"test listener {said}")
        return said

    def _watch_for(self, seconds: float, deployment: str) -> None:
        if not seconds:
            return
        self.run.say(f"watching for {seconds:g} s")
        end = datetime.now(UTC).timestamp() + seconds

        def over() -> bool:
            self._look(deployment)
            return datetime.now(UTC).timestamp() >= end

        self.run.wait("the end of watching", over, timeout=seconds + self.timeout)
