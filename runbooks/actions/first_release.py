"""The first release: the service runs what the program says; from then on that is for `release` to change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

from runbooks.actions.blue_green import ALL_AT_ONCE, BlueGreen, revisions, short
from runbooks.actions.blue_green_step import UNKNOWN, Deploy
from runbooks.core.run import Run
from runbooks.core.steady_state import service_is_complete
from runbooks.core.step import Call, Step
from runbooks.verify.check import run_check
from runbooks.verify.deployed import NotFoundError

DEPLOY_SECONDS: Final = 2700.0
COMPLETE_SECONDS: Final = 600.0
"""For which the tasks may take to start: an image of some size, a health check or two."""


@dataclass(frozen=True, kw_only=True)
class FirstRelease(Step):
    """Bring the program's newest task definition to the service, as long as no deployment has ever brought one.

    `up` registers a new revision for a new `app_image`, which the service, being CodeDeploy's, does not take by itself.

    Attributes:
        run: of the environment.
        registers: whether `up` is about to register a revision.
    """

    no_undo: ClassVar[str] = "nothing was released before that could come back"

    run: Run[Any] = field(repr=False)
    registers: bool

    @property
    def name(self) -> str:
        """Always the same."""
        return "first release"

    def _blue_green(self) -> BlueGreen | None:
        """Return the service, if it is there and nothing was ever deployed to it by CodeDeploy."""
        if not self.run.environment.settings.enable_blue_green_deployment:
            return None
        try:
            found = BlueGreen.of(self.run.aws, self.run.deployed())
        except NotFoundError:
            return None
        return None if found.history(["Succeeded", "InProgress"]) else found

    def _newest(self, blue_green: BlueGreen) -> str:
        return revisions(self.run.aws, short(blue_green.live()).partition(":")[0])[0]

    def _is_complete(self) -> bool:
        return run_check("compute", service_is_complete, self.run.deployed()).passed

    def already_done(self) -> bool:
        """Whether the service has all its tasks, and they are the newest or CodeDeploy's."""
        blue_green = self._blue_green()
        return (blue_green is None or self._newest(blue_green) == blue_green.live()) and self._is_complete()

    def calls(self) -> Sequence[Call]:
        """A deployment, if there is something to replace."""
        blue_green = self._blue_green()
        if blue_green is None or not (self.registers or self._newest(blue_green) != blue_green.live()):
            return []
        arguments = blue_green.creation(UNKNOWN, blue_green.live(), config=ALL_AT_ONCE, heed_alarms=False)
        return [Call(service="codedeploy", operation="create_deployment", parameters=arguments)]

    def act(self) -> Mapping[str, Any]:
        """Deploy, where that is needed, and wait until the service has all its tasks.

        Raises:
            RunbookError: the deployment failed; the traffic is where it was.
            WaitTimeoutError: the tasks don't start.
        """
        found: Mapping[str, Any] = {}
        blue_green = self._blue_green()
        if blue_green is not None and (newest := self._newest(blue_green)) != (live := blue_green.live()):
            found = Deploy(
                run=self.run,
                blue_green=blue_green,
                task_definition=lambda: newest,
                image=blue_green.image(newest),
                previous=live,
                config=ALL_AT_ONCE,
                heed_alarms=False,
                timeout=DEPLOY_SECONDS,
            ).act()
        self.run.wait(
            "the service's tasks: is there an image, and did you give it as `app_image`?",
            self._is_complete,
            timeout=COMPLETE_SECONDS,
        )
        return found
