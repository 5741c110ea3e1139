"""The ways back of a blue/green deployment: stop it, or deploy what ran before.

Facts: https://docs.aws.amazon.com/codedeploy/latest/userguide/deployments-rollback-and-redeploy.html.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from botocore.exceptions import ClientError

from prod_infra.errors import RunbookError, WaitTimeoutError
from runbooks.actions.blue_green import ALL_AT_ONCE, BlueGreen, Service, Status, short
from runbooks.core.aws import Aws
from runbooks.core.waiting import wait

UNDO_SECONDS: Final = 1800.0
"""For which each wait of a way back may take: a task that starts, a shift all at once, their health checks."""
ROLLBACK_SECONDS: Final = 60.0
"""Within which a stopped deployment names the one that rolls it back."""

Found = TypeVar("Found")


def stop(blue_green: BlueGreen, deployment: str) -> None:
    """Stop a deployment, its traffic brought back; return when that is so.

    Raises:
        RunbookError: the traffic could not be brought back.
        WaitTimeoutError: it did not come back in time.
    """
    try:
        blue_green.aws("codedeploy").stop_deployment(deploymentId=deployment, autoRollbackEnabled=True)
    except ClientError as error:
        if error.response["Error"]["Code"] != "DeploymentAlreadyCompletedException":
            raise
    _follow_rollback(blue_green, deployment)


def _follow_rollback(blue_green: BlueGreen, deployment: str) -> None:
    """Wait until a deployment has ended, and with it the one that rolls it back."""

    def over() -> Status | None:
        found = blue_green.status(deployment)
        return found if found.is_over else None

    ended = _wait(blue_green, f"the end of {deployment}", over)
    if ended.name == "Succeeded" or "startTime" not in ended.info:
        return

    def named() -> str:
        return str((blue_green.status(deployment).info.get("rollbackInfo") or {}).get("rollbackDeploymentId", ""))

    try:
        rollback = _wait(blue_green, f"the rollback of {deployment}", named, ROLLBACK_SECONDS)
    except WaitTimeoutError:
        # One that had moved nothing, or was not asked to, has none.
        return
    _through(blue_green, rollback)


def restore(aws: Aws, *, service: dict[str, str], previous: str, image: str) -> str:
    """Give all traffic back to a task definition, by the shortest way; what is so already stays.

    Args:
        aws: the target.
        service: a `Service`, as JSON.
        previous: ARN of the task definition.
        image: image of what was released instead; anything else that is live is not ours to take back.

    Returns:
        What was done.

    Raises:
        RunbookError: it could not be done.
        WaitTimeoutError: it was not done in time.
    """
    blue_green = BlueGreen(aws, Service(**service))
    done = ""
    if (active := blue_green.active()) is not None:
        deployment = active.info["deploymentId"]
        ours = blue_green.task_definition_of(active.info) == previous
        if ours or active.info.get("creator") == "codeDeployRollback":
            _through(blue_green, deployment)
        else:
            stop(blue_green, deployment)
            done = f"{deployment} stopped and rolled back: "
    live = blue_green.live()
    if live == previous:
        return f"{done}{short(previous)} has all traffic" + ("" if done else " already")
    if blue_green.image(live) != image:
        return f"{short(live)} was released since, which is left alone"
    creation = blue_green.creation(previous, live, config=ALL_AT_ONCE, heed_alarms=False)
    deployment = blue_green.create(creation)
    _through(blue_green, deployment)
    return f"{short(previous)} has all traffic again, by {deployment}"


def _through(blue_green: BlueGreen, deployment: str) -> None:
    """Wait until a deployment has moved all traffic; it is not held up at a gate.

    Raises:
        RunbookError: it failed.
    """

    def through() -> Status | None:
        found = blue_green.status(deployment)
        if found.name == "Ready":
            blue_green.go_on(deployment, "READY_WAIT")
        return found if found.shifted or found.is_over else None

    found = _wait(blue_green, f"{deployment} to move all traffic", through)
    if found.failure:
        raise RunbookError(f"The way back failed: {found.failure}.", hint="CodeDeploy's console shows each event")


def _wait(blue_green: BlueGreen, what: str, until: Callable[[], Found | None], timeout: float = UNDO_SECONDS) -> Found:
    return wait(what, until, timeout=timeout, poll=blue_green.aws.poll_seconds)
