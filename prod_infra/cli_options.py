"""Options that several commands of `prod-infra` share, and the program that they name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from prod_infra.errors import InvalidInputError

if TYPE_CHECKING:
    from prod_infra.deployment.account.aws_target import AwsTarget
    from prod_infra.deployment.engine import Engine, Program, Review
    from prod_infra.deployment.targets import LocalTarget

# Imported when asked for, as commands do: `--help` need not wait for Pulumi.
# ruff: noqa: PLC0415


class Target(StrEnum):
    """Where to deploy."""

    LOCAL = "local"
    AWS = "aws"


class EngineKind(StrEnum):
    """What plans and applies on the local AWS; on a real account it is always Pulumi's own."""

    EMBEDDED = "embedded"
    PULUMI = "pulumi"


ProjectOption = Annotated[
    Path,
    typer.Option("--project", help="Folder with a Pulumi.yaml; where there is none, the packaged program is taken."),
]
StackOption = Annotated[str, typer.Option("--stack", help="Which Pulumi.<stack>.yaml.")]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", help="A setting, `name=value`; may be given more than once.")
]
TargetOption = Annotated[Target, typer.Option("--target", help="`local` is the embedded AWS of this machine.")]
EndpointOption = Annotated[
    str, typer.Option("--endpoint", help="Of a running `prod-infra local-aws`; the one last started, if left out.")
]
EngineOption = Annotated[
    EngineKind, typer.Option("--engine", help="On local: `embedded`, or Pulumi's own CLI, which must be on PATH.")
]
HERE = Path()


def pairs(options: list[str] | None) -> dict[str, str]:
    """Return `name=value` options as a dict.

    Raises:
        InvalidInputError: an option has no `=`.
    """
    faults = [f"{option!r} is not of the form name=value." for option in options or [] if "=" not in option]
    if faults:
        raise InvalidInputError("The command line can't be right", faults)
    return dict(option.split("=", 1) for option in options or [])


def program_of(project: Path, stack: str, settings: list[str] | None) -> Program:
    """Return the program that the options name.

    Raises:
        InvalidInputError: an option has no `=`, or the project's files can't be right.
    """
    from prod_infra.deployment.project import find

    return find(project, stack, pairs(settings))


@contextmanager
def open_target(program: Program, target: Target, endpoint: str) -> Iterator[LocalTarget | AwsTarget]:
    """Open the target that the options name: a local AWS that runs, or the account that the stack names.

    Raises:
        TargetError: it can't be used.
    """
    if target is Target.AWS:
        from prod_infra.deployment.account.aws_target import AwsTarget

        with AwsTarget.open(program) as account:
            yield account
    else:
        from prod_infra.deployment.targets import open_local

        with open_local(endpoint) as local:
            yield local


@contextmanager
def open_engine(
    program: Program,
    target: Target,
    endpoint: str,
    kind: EngineKind,
    *,
    review: Review | None = None,
    policed: bool = True,
) -> Iterator[Engine]:
    """Open the target and give its engine; a real account's is always Pulumi's own, with the policy pack.

    Args:
        program: what to deploy.
        target: where.
        endpoint: of the local AWS.
        kind: on local, which engine.
        review: may object to a step of `up`; the embedded engine asks it.
        policed: whether Pulumi's engine on local has the policy pack.

    Raises:
        TargetError: the target can't be used, or there is no CLI that fits.
    """
    with open_target(program, target, endpoint) as opened:
        yield engine_of(opened, program, kind, review=review, policed=policed)


def engine_of(
    target: LocalTarget | AwsTarget,
    program: Program,
    kind: EngineKind,
    *,
    review: Review | None = None,
    policed: bool = True,
) -> Engine:
    """Return a target's engine, as `open_engine`.

    Raises:
        TargetError: there is no CLI that fits.
    """
    from prod_infra.deployment.policy.gate import PACK
    from prod_infra.deployment.targets import LocalTarget

    if kind is EngineKind.PULUMI and isinstance(target, LocalTarget):
        return target.pulumi_engine(program, PACK if policed else None)
    return target.engine(program, review)
