"""`prod-infra`: a thin shell over the library."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from prod_infra.errors import InvalidInputError, ProdInfraError
from prod_infra.policy_cli import policy_app

if TYPE_CHECKING:
    from prod_infra.deployment.engine import Engine, Program, Result, Review

app = typer.Typer(
    name="prod-infra",
    help="A production AWS environment: its program, its policy gate and its runbooks.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
runbook_app = typer.Typer(help="Run a runbook and keep its record.", no_args_is_help=True)
app.add_typer(runbook_app, name="runbook")
app.add_typer(policy_app, name="policy")

out = Console()
err = Console(stderr=True)

# Commands import what they use: `prod-infra settings` need not wait for pulumi_aws.


class Target(StrEnum):
    """Where to deploy."""

    LOCAL = "local"
    AWS = "aws"


class GraphFormat(StrEnum):
    """How to draw."""

    SVG = "svg"
    MERMAID = "mermaid"


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
HERE = Path()


def _pairs(options: list[str] | None) -> dict[str, str]:
    """Return `name=value` options as a dict.

    Raises:
        InvalidInputError: an option has no `=`.
    """
    faults = [f"{option!r} is not of the form name=value." for option in options or [] if "=" not in option]
    if faults:
        raise InvalidInputError("The command line can't be right", faults)
    return dict(option.split("=", 1) for option in options or [])


def program_of(project: Path, stack: str, settings: list[str] | None) -> Program:
    """Return the program that the options name."""
    from prod_infra.deployment.project import find

    return find(project, stack, _pairs(settings))


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
    from prod_infra.deployment.evaluate import register
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
    from prod_infra.deployment.evaluate import register
    from prod_infra.graph import mermaid, svg

    registrations = register(program_of(project, stack, setting))
    picture = svg(registrations) if style is GraphFormat.SVG else mermaid(registrations)
    if output is None:
        typer.echo(picture)
    else:
        output.write_text(picture, encoding="utf-8")


def _operate(
    operation: Callable[[Engine], Result],
    program: Program,
    target: Target,
    endpoint: str,
    review: Review | None = None,
) -> None:
    """Run one engine operation against the target and show its result."""
    from prod_infra.deployment.report import show_result
    from prod_infra.deployment.targets import open_target

    with open_target(target.value, endpoint=endpoint) as opened:
        result = operation(opened.engine(program, review))
    show_result(result, out)


@app.command()
def preview(
    project: ProjectOption = HERE,
    stack: StackOption = "prod",
    setting: SetOption = None,
    target: TargetOption = Target.LOCAL,
    endpoint: EndpointOption = "",
) -> None:
    """Say what `up` would do; change nothing."""
    _operate(lambda engine: engine.preview(), program_of(project, stack, setting), target, endpoint)


@app.command()
def up(
    project: ProjectOption = HERE,
    stack: StackOption = "prod",
    setting: SetOption = None,
    target: TargetOption = Target.LOCAL,
    endpoint: EndpointOption = "",
    despite_policy: Annotated[
        bool, typer.Option("--despite-policy", help="Go on after violations, said aloud; target local only.")
    ] = False,
) -> None:
    """Make what the program registers true, once the policy gate lets it pass."""
    from prod_infra.deployment.evaluate import register
    from prod_infra.deployment.policy_gate import check_program, render
    from prod_infra.deployment.policy_guard import PolicyGuard
    from prod_infra.deployment.report import show_progress

    program = program_of(project, stack, setting)
    verdict = check_program(lambda: register(program))
    render(verdict, out)
    if despite_policy and target is Target.LOCAL:
        err.print(
            f"going on despite {len(verdict.violations)} violations: a rehearsal, never production", style="yellow"
        )
        _operate(lambda engine: engine.up(show_progress(out)), program, target, endpoint)
        return
    if not verdict.passed:
        raise typer.Exit(1)
    with PolicyGuard() as guard:
        _operate(lambda engine: engine.up(show_progress(out)), program, target, endpoint, guard.objections)


@app.command()
def refresh(
    project: ProjectOption = HERE,
    stack: StackOption = "prod",
    setting: SetOption = None,
    target: TargetOption = Target.LOCAL,
    endpoint: EndpointOption = "",
) -> None:
    """Read every resource again and show what differs from the state."""
    _operate(lambda engine: engine.refresh(), program_of(project, stack, setting), target, endpoint)


@app.command()
def destroy(
    project: ProjectOption = HERE,
    stack: StackOption = "prod",
    setting: SetOption = None,
    target: TargetOption = Target.LOCAL,
    endpoint: EndpointOption = "",
) -> None:
    """Delete every resource of the stack; what is protected is refused."""
    from prod_infra.deployment.report import show_progress

    _operate(lambda engine: engine.destroy(show_progress(out)), program_of(project, stack, setting), target, endpoint)


@app.command()
def outputs(
    project: ProjectOption = HERE,
    stack: StackOption = "prod",
    target: TargetOption = Target.LOCAL,
    endpoint: EndpointOption = "",
) -> None:
    """Print the stack's exports as JSON, secrets masked."""
    from prod_infra.deployment.targets import open_target

    with open_target(target.value, endpoint=endpoint) as opened:
        exports = opened.engine(program_of(project, stack, None)).outputs()
    typer.echo(json.dumps(dict(exports), indent=2))


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


@runbook_app.command("list")
def runbook_list() -> None:
    """List the runbooks."""
    from runbooks.runner import RUNBOOKS

    for name, runbook in RUNBOOKS.items():
        out.print(f"[bold]{name}[/bold]  {runbook.title}")


@runbook_app.command("run")
def runbook_run(
    name: Annotated[str, typer.Argument(help="Such as deploy_prod.")],
    parameter: Annotated[list[str] | None, typer.Option("-p", "--parameter", help="`name=value`, typed.")] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the local AWS running.")] = False,
) -> None:
    """Run a runbook's notebook and leave a record."""
    from runbooks.runner import run_command

    raise typer.Exit(run_command(name, _pairs(parameter), keep=keep, console=out))


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
