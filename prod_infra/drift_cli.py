"""`prod-infra drift`: what differs between AWS and the declared state."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated

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
    engine_of,
    open_target,
    program_of,
)

# What only the command needs is imported in it: `--help` need not wait for Pulumi.


class DriftFormat(StrEnum):
    """How to tell it."""

    TABLE = "table"
    JSON = "json"


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
    from prod_infra.deployment.drift.drift import find, show
    from prod_infra.deployment.targets import DEFAULT_REGION

    program = program_of(project, stack, setting)
    region = program.config.get("aws:region", DEFAULT_REGION)
    with open_target(program, target, endpoint) as opened:
        report = find(engine_of(opened, program, engine), opened.clients(region))
    if style is DriftFormat.JSON:
        typer.echo(json.dumps(report.as_json(), indent=2))
    else:
        show(report, Console())
    if report.drifted:
        raise typer.Exit(1)
