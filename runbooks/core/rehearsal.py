"""The environment that a drill works on: the one that is there, or on a bare machine one that is made for it."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.text import Text

from prod_infra.deployment.report import summary
from prod_infra.deployment.targets import LocalTarget, open_local
from prod_infra.errors import RunbookError
from runbooks.core import steady_state
from runbooks.core.aws import Aws
from runbooks.core.environment import Environment
from runbooks.core.waiting import wait
from runbooks.parameters import DrillParameters
from runbooks.verify import Check, Deployed

STEADY_SECONDS = 120.0
"""For which a fresh environment may take to get well: its tasks have to start."""


def open_environment(
    parameters: DrillParameters, env: Environment, console: Console, *, keep: bool = False
) -> LocalTarget:
    """Return a local AWS; where none runs, start one and deploy the environment to it.

    Args:
        parameters: of the drill.
        env: what to deploy.
        console: says aloud that it is done.
        keep: let a local AWS that is started outlive this process.

    Raises:
        TargetError: the target can't be used; nothing has happened.
        RunbookError: the fresh environment does not get well.
    """
    if parameters.endpoint:
        return open_local(parameters.endpoint)
    if (kept := LocalTarget.kept()) is not None:
        return kept
    console.print(Text("No local AWS is running: starting one, and deploying the environment to it first …", "yellow"))
    target = LocalTarget.start(Path(), keep=keep, hosted_zones=[env.hosted_zone])
    try:
        deployed = target.engine(env.program).up()
        console.print(Text(f"deployed: {summary(deployed)}", "dim"), soft_wrap=True)
        _wait_until_steady(Aws(target, env.settings.region), env)
    except BaseException:
        target.close()
        raise
    return target


def _wait_until_steady(aws: Aws, env: Environment) -> None:
    failed: list[Check] = []

    def steady() -> bool:
        found = steady_state.checks(aws, Deployed(aws.clients, env.settings))
        failed[:] = [check for check in found if not check.passed]
        return not failed

    try:
        wait("the fresh environment", steady, timeout=STEADY_SECONDS, poll=aws.poll_seconds)
    except RunbookError as error:
        details = "; ".join(f"{check.name}: {check.detail}" for check in failed)
        raise RunbookError(f"The fresh environment does not get well: {details}") from error
