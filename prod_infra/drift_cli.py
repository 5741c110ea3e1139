"""`prod-infra drift`: what differs between AWS and the declared state."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from prod_infra.cli_options import (
    HERE,
    EndpointOption,
    EngineKind,
    EngineOption,
    ProjectOption,
    SetOption,
    StackOption,
    Target,
    TargetOption,
    program_of,
)

if TYPE_CHECKING:
    from prod_infra.deployment.drift import DriftReport
    from prod_infra.deployment.engine import Program

# What only the command needs is imported in it: `--help` need not wait for Pulumi.


class DriftFormat(StrEnum):
    """How to tell it."""

    TABLE = "table"
    JSON = "json"


def _find(program: Program, target: Target, endpoint: str, kind: EngineKind) -> DriftReport:
    from prod_infra.deployment.drift import find
    from prod_infra.deployment.targets import DEFAULT_REGION, open_target

    if target is Target.AWS:
        from prod_infra.deployment.aws_target import AwsTarget

        account = AwsTarget.open(program)
        return find(account.engine(program), account.clients())
    with open_target(target.value, endpoint=endpoint) as opened:
        engine = opened.pulumi_engine(program) if kind is EngineKind.PULUMI else opened.engine(program)
        return find(engine, opened.clients(program.config.get("aws:region", DEFAULT_REGION)))


def drift(
    project: ProjectOption = HERE,
    stack: StackOption = "prod",
    setting: SetOption = None,
    target: TargetOption = Target.LOCAL,
    endpoint: EndpointOption = "",
    engine: EngineOption = EngineKind.EMBEDDED,
    style: Annotated[DriftFormat, typer.Option("--format", help="For people, or for programs.")] = DriftFormat.TABLE,
) -> None:
    """Tell what differs between AWS and the declared state; change neither. Exit 1 where something does."""
    report = _find(program_of(project, stack, setting), target, endpoint, engine)
    if style is DriftFormat.JSON:
        typer.echo(json.dumps(report.as_json(), indent=2))
    else:
        from prod_infra.deployment.drift import show

        show(report, Console())
    if report.drifted:
        raise typer.Exit(1)
