"""Options that several commands of `prod-infra` share, and the program that they name."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from prod_infra.errors import InvalidInputError

if TYPE_CHECKING:
    from prod_infra.deployment.engine import Program


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
    # Imported when asked for, as commands do: `--help` need not wait for Pulumi.
    from prod_infra.deployment.project import find  # noqa: PLC0415

    return find(project, stack, pairs(settings))
