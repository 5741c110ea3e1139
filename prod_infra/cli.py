"""`prod-infra`: a thin shell over the library."""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from prod_infra.bootstrap_cli import bootstrap
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
    open_engine,
    program_of,
)
from prod_infra.drift_cli import drift
from prod_infra.errors import ProdInfraError, TargetError
from prod_infra.policy_cli import ConfigOption, policy_app, read_config, registrations
from prod_infra.records_cli import records_app
from prod_infra.runbook_cli import runbook_app

app = typer.Typer(
    name="prod-infra",
    help="A production AWS environment: its program, its policy gate and its runbooks.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(runbook_app, name="runbook")
app.add_typer(policy_app, name="policy")
app.add_typer(records_app, name="records")
app.command()(bootstrap)
app.command()(drift)

out = Console()
err = Console(stderr=True)

# Commands import what they use: `prod-infra settings` need not wait for pulumi_aws.


class GraphFormat(StrEnum):
    """How to draw."""

    SVG = "svg"
    MERMAID = "mermaid"


@app.command()
def settings(as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False) -> None:
    """List every setting: name, type, production default, meaning."""
    from prod_infra.settings import settings_reference

    reference = settings_reference()
    if as_json:
        typer.echo(json.dumps(reference, indent=2))
        return
    table = Table("setting", "type", "default", "meaning", title="Settings of the production environment")
    for setting in reference:
        table.add_row(*(str(setting[key]) for key in ("name", "type", "default", "meaning")))
    out.print(table)


@app.command()
def resources(
    project: ProjectOption = HERE,
    stack: StackOption = "prod",
    setting: SetOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs: every input, secrets masked.")] = False,
) -> None:
    """List what the program registers, without asking or changing anything."""
    from prod_infra.deployment.program.evaluate import register
    from prod_infra.properties import masked

    registrations = register(program_of(project, stack, setting))
    if as_json:
        inventory = [
            {
                "type": found.type,
                "name": found.name,
                "urn": found.urn,
                "custom": found.custom,
                "parent": found.parent,
                "inputs": masked(found.inputs),
                "dependencies": list(found.dependencies),
                "propertyDependencies": {key: list(urns) for key, urns in found.property_dependencies.items()},
                "protect": found.protect,
                "source": found.source,
            }
            for found in registrations
        ]
        typer.echo(json.dumps(inventory, indent=2))
        return
    table = Table("type", "name", "registered at", title=f"{len(registrations)} registrations")
    for found in registrations:
        table.add_row(found.type, found.name, found.source)
    out.print(table)


@app.command()
def graph(
    project: ProjectOption = HERE,
    stack: StackOption = "prod",
    setting: SetOption = None,
    style: Annotated[GraphFormat, typer.Option("--format", help="SVG by AZ and tier, or Mermaid.")] = GraphFormat.SVG,
    output: Annotated[Path | None, typer.Option("--output", help="File to write; standard output if left out.")] = None,
) -> None:
    """Draw the environment from what the program registers."""
    from prod_infra.deployment.program.evaluate import register
    from prod_infra.graph import mermaid, svg

    registrations = register(program_of(project, stack, setting))
    picture = svg(registrations) if style is GraphFormat.SVG else mermaid(registrations)
    if output is None:
        typer.echo(picture)
    else:
        output.write_text(picture, encoding="utf-8")


def _rehearsal_only(target: Target, command: str) -> None:
    """Refuse what a real account gets only with an approved plan.

    Raises:
        TargetError: the target is `aws`.
    """
    if target is Target.AWS:
        raise TargetError(
            f"`prod-infra {command}` is for rehearsals: a real account changes only by a plan that was approved.",
            hint="`prod-infra runbook run deploy_prod -p target=aws` plans, asks and deploys; to take a stack down, "
            "`pulumi destroy` in the project's folder",
        )


@app.command()
def preview(
    project: ProjectOption = HERE,
    stack: StackOption = "prod",
    setting: SetOption = None,
    target: TargetOption = Target.LOCAL,
    endpoint: EndpointOption = "",
    engine: EngineOption = EngineKind.EMBEDDED,
) -> None:
    """Say what `up` would do; change nothing."""
    from prod_infra.deployment.report import show_result

    with open_engine(program_of(project, stack, setting), target, endpoint, engine) as opened:
        show_result(opened.preview(), out)


@app.command()
def up(
    project: ProjectOption = HERE,
    stack: StackOption = "prod",
    setting: SetOption = None,
    target: TargetOption = Target.LOCAL,
    endpoint: EndpointOption = "",
    engine: EngineOption = EngineKind.EMBEDDED,
    despite_policy: Annotated[
        bool, typer.Option("--despite-policy", help="Go on after violations, said aloud; target local only.")
    ] = False,
    config: ConfigOption = None,
) -> None:
    """Make what the program registers true, once the policy gate lets it pass."""
    from prod_infra.deployment.policy.gate import check_program
    from prod_infra.deployment.policy.guard import PolicyGuard
    from prod_infra.deployment.policy.report import render
    from prod_infra.deployment.report import show_progress, show_result

    _rehearsal_only(target, "up")
    program = program_of(project, stack, setting)
    given = read_config(config)
    if engine is EngineKind.PULUMI and not given:
        # The CLI asks the pack itself, also about programs that only Pulumi's engine can run.
        if despite_policy:
            err.print("going on without the policy pack: a rehearsal, never production", style="yellow")
        with open_engine(program, target, endpoint, engine, policed=not despite_policy) as opened:
            show_result(opened.up(show_progress(out)), out)
        return
    verdict = check_program(lambda: registrations(program, given), config=given)
    render(verdict, out)
    if despite_policy:
        err.print(
            f"going on despite {len(verdict.violations)} violations: a rehearsal, never production", style="yellow"
        )
        with open_engine(program, target, endpoint, engine, policed=False) as opened:
            show_result(opened.up(show_progress(out)), out)
        return
    if not verdict.passed:
        raise typer.Exit(1)
    with PolicyGuard(config=given) as guard:
        review = guard.objections
        with open_engine(program, target, endpoint, engine, review=review) as opened:
            show_result(opened.up(show_progress(out)), out)


@app.command()
def refresh(
    project: ProjectOption = HERE,
    stack: StackOption = "prod",
    setting: SetOption = None,
    target: TargetOption = Target.LOCAL,
    endpoint: EndpointOption = "",
    engine: EngineOption = EngineKind.EMBEDDED,
) -> None:
    """Read every resource again and show what differs from the state."""
    from prod_infra.deployment.report import show_result

    with open_engine(program_of(project, stack, setting), target, endpoint, engine) as opened:
        show_result(opened.refresh(), out)


@app.command()
def destroy(
    project: ProjectOption = HERE,
    stack: StackOption = "prod",
    setting: SetOption = None,
    target: TargetOption = Target.LOCAL,
    endpoint: EndpointOption = "",
    engine: EngineOption = EngineKind.EMBEDDED,
) -> None:
    """Delete every resource of the stack; what is protected is refused."""
    from prod_infra.deployment.report import show_progress, show_result

    _rehearsal_only(target, "destroy")
    with open_engine(program_of(project, stack, setting), target, endpoint, engine) as opened:
        show_result(opened.destroy(show_progress(out)), out)


@app.command()
def outputs(
    project: ProjectOption = HERE,
    stack: StackOption = "prod",
    target: TargetOption = Target.LOCAL,
    endpoint: EndpointOption = "",
    engine: EngineOption = EngineKind.EMBEDDED,
) -> None:
    """Print the stack's exports as JSON, secrets masked."""
    with open_engine(program_of(project, stack, None), target, endpoint, engine) as opened:
        exports = opened.outputs()
    typer.echo(json.dumps(dict(exports), indent=2))


@app.command(name="install-cli")
def install_cli() -> None:
    """Download the Pulumi CLI that fits, where none is on PATH: what `--target aws` and `--engine pulumi` need."""
    from prod_infra.deployment.automation.pulumi_cli import install_cli as install

    found = install()
    out.print(f"Pulumi {found.version}: {found.command}", soft_wrap=True)


@app.command(name="local-aws")
def local_aws(
    port: Annotated[int, typer.Option("--port", help="0 takes any free one.", min=0, max=65535)] = 0,
    hosted_zone: Annotated[
        list[str] | None, typer.Option("--hosted-zone", help="Public zone that exists from the start.")
    ] = None,
    verbose: Annotated[bool, typer.Option("--verbose", help="Log each call.")] = False,
) -> None:
    """Serve an AWS on 127.0.0.1 until Ctrl-C; any AWS client may use it, with any credentials."""
    from prod_infra.deployment.targets import remember
    from prod_infra.local_aws.server import LocalAws

    zones = tuple(hosted_zone or ("example.com",))
    with LocalAws.start(port, hosted_zones=zones, verbose=verbose) as server:
        remember(server)
        out.print(f"Local AWS at [bold]{server.endpoint}[/bold], with hosted zone {', '.join(zones)}; Ctrl-C stops it.")
        out.print(f"  AWS_ENDPOINT_URL={server.endpoint} AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local aws …")
        out.print("  prod-infra up --target local   [dim]in this directory finds it by itself[/dim]")
        server.wait()


def main(arguments: list[str] | None = None) -> Any:
    """Run the command line; errors of ours end with exit code 1 and their own words, never a traceback."""
    try:
        return app(arguments)
    except ProdInfraError as error:
        err.print(f"[bold red]error:[/bold red] {type(error).__name__}", highlight=False)
        err.print(str(error), highlight=False, markup=False, soft_wrap=True)
        sys.exit(1)
    except KeyboardInterrupt:
        err.print("interrupted", style="bold red")
        sys.exit(130)
