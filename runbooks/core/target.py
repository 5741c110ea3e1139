"""Where a runbook works: the local AWS of this machine, or the account that the stack names."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from rich.console import Console

from prod_infra.deployment.targets import LocalTarget, open_local
from runbooks.core.environment import Environment
from runbooks.core.rehearsal import open_environment
from runbooks.parameters import DrillParameters

if TYPE_CHECKING:
    from prod_infra.deployment.account.aws_target import AwsTarget

# A real account loads Pulumi's Automation API, which no rehearsal need wait for.
# ruff: noqa: PLC0415

Target: TypeAlias = "LocalTarget | AwsTarget"


def open_target(
    parameters: DrillParameters, env: Environment, console: Console, *, deploys: bool = False, keep: bool = False
) -> Target:
    """Return the target of a run; on `aws`, where nothing is ever started or deployed by this, the stack's account.

    Args:
        parameters: of the run.
        env: what the stack is.
        console: says aloud what is made for a rehearsal.
        deploys: whether the run makes the environment itself; for any other one a bare local AWS gets it deployed.
        keep: let a local AWS that is started outlive this process.

    Raises:
        TargetError: it is the wrong account or region, no valid credentials, off loopback. Nothing has happened.
        RunbookError: the environment that was made for a rehearsal does not get well.
    """
    if parameters.target == "aws":
        from prod_infra.deployment.account.aws_target import AwsTarget

        return AwsTarget.open(env.program)
    if deploys:
        return open_local(parameters.endpoint, start=True, keep=keep, hosted_zones=[env.hosted_zone])
    return open_environment(parameters, env, console, keep=keep)


def reopen(name: str, *, account: str, region: str, endpoint: str = "") -> Target:
    """Return the target that a journal names, for an undo.

    Args:
        name: `local` or `aws`.
        account: 12 digits.
        region: the environment's.
        endpoint: of the local AWS.

    Raises:
        TargetError: it can't be used.
    """
    if name == "aws":
        from prod_infra.deployment.account.aws_target import AwsTarget

        return AwsTarget.connect((account,), region)
    return open_local(endpoint)
