"""`prod-infra policy`: the gate, its reports, and what can be asked of the pack itself."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from prod_infra.cli_options import HERE, ProjectOption, SetOption, StackOption, program_of
from prod_infra.errors import InvalidInputError, PolicyError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from prod_infra.deployment.engine import Program
    from prod_infra.deployment.policy.verdict import Verdict
    from prod_infra.deployment.program.registration import Registration

# Commands import what they use: `policy --help` need not wait for pulumi_aws.

policy_app = typer.Typer(help="Hold the environment against the policy pack; a mandatory violation exits 1.")


class Format(StrEnum):
    """How to report."""

    TABLE = "table"
    JSON = "json"
    SARIF = "sarif"
    JUNIT = "junit"
    MARKDOWN = "markdown"
    GITHUB = "github"


class Framework(StrEnum):
    """Standards whose controls the rules name."""

    FSBP = "fsbp"
    CIS = "cis"
    WA = "wa"
    CHECKOV = "checkov"


FormatOption = Annotated[Format, typer.Option("--format", help="How to report.")]
OutputOption = Annotated[
    Path | None, typer.Option("--output", help="File to write the report to; the table is printed as well.")
]
ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="JSON file in the shape of the CLI's --policy-pack-config.")
]
WaiversOption = Annotated[
    Path | None, typer.Option("--waivers", help="File of waivers in the place of the pack's policies/waivers.yaml.")
]


def read_config(path: Path | None) -> dict[str, object]:
    """Return the pack's configuration of a file; none without one.

    Raises:
        InvalidInputError: it can't be read, or is no JSON object.
    """
    from prod_infra.deployment.policy.config import unique_json

    if path is None:
        return {}
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"{path} can't be read", [f"{type(error).__name__}."]) from error
    return unique_json(text, str(path))


def registrations(program: Program, config: Mapping[str, object]) -> Sequence[Registration]:
    """Return what a program registers, if such a configuration of the pack may judge it.

    Raises:
        InvalidInputError: the configuration lowers a rule in what may be production.
    """
    from prod_infra.deployment.policy.config import refuse_in_production
    from prod_infra.deployment.program.evaluate import register

    found = register(program)
    refuse_in_production(config, found)
    return found


def _report(verdict: Verdict, style: Format, output: Path | None) -> None:
    """Write the verdict; end with 1 where something blocks.

    Raises:
        typer.Exit: something blocks.
    """
    from prod_infra.deployment.policy.report import FORMATS, render

    if style is Format.TABLE and output is not None:
        with output.open("w", encoding="utf-8") as file:
            render(verdict, Console(file=file, width=160))
    elif output is not None:
        output.write_text(FORMATS[style](verdict) + "\n", encoding="utf-8")
    if style is Format.TABLE or output is not None:
        render(verdict, Console())
    else:
        typer.echo(FORMATS[style](verdict))
    if not verdict.passed:
        raise typer.Exit(1)


@policy_app.callback(invoke_without_command=True)
def gate(
    context: typer.Context,
    *,
    project: ProjectOption = HERE,
    stack: StackOption = "prod",
    setting: SetOption = None,
    style: FormatOption = Format.TABLE,
    output: OutputOption = None,
    config: ConfigOption = None,
    waivers: WaiversOption = None,
) -> None:
    """Hold what the program registers against the policy pack; a mandatory violation exits 1."""
    if context.invoked_subcommand is not None:
        return
    from prod_infra.deployment.policy.gate import check_program

    given = read_config(config)
    program = program_of(project, stack, setting)
    verdict = check_program(lambda: registrations(program, given), config=given, waivers=waivers)
    _report(verdict, style, output)


@policy_app.command("check-config")
def check_config(
    file: Annotated[Path | None, typer.Argument(help="JSON file in the shape of --policy-pack-config.")] = None,
    waivers: WaiversOption = None,
) -> None:
    """Check the pack, its waivers and a configuration, without any program: nothing may lower the floor."""
    from policies.rules import ALL_RULES
    from policies.waivers import load
    from prod_infra.deployment.policy.config import policy_config
    from prod_infra.deployment.policy.gate import PACK
    from prod_infra.deployment.policy.process import PolicyProcess

    faults: list[str] = []
    try:
        given = read_config(file)
        with PolicyProcess(PACK, timeout=60) as process:
            policy_config(process.info(), given)
    except InvalidInputError as error:
        faults += error.faults
    faults += load(ALL_RULES, waivers).faults
    if faults:
        raise InvalidInputError("The policy configuration can't be right", faults)
    Console().print(f"{len(ALL_RULES)} rules, their configuration and waivers are in order.")


@policy_app.command()
def matrix(
    framework: Annotated[Framework, typer.Option("--framework", help="Whose controls.")] = Framework.FSBP,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """List a standard's controls with the rules that ask the same, and those that no rule asks, with the reason."""
    from policies import registry

    rows = registry.matrix(framework.value)
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    table = Table("standard", "control", "rules", "why not")
    for row in rows:
        table.add_row(row["standard"], row["control"], ", ".join(row["rules"]), row["why_not"])
    Console().print(table)


@policy_app.command()
def audit(
    state: Annotated[Path, typer.Argument(help="An embedded engine's state file, or output of `pulumi stack export`.")],
    style: FormatOption = Format.TABLE,
    output: OutputOption = None,
    config: ConfigOption = None,
    waivers: WaiversOption = None,
) -> None:
    """Hold a saved state against the policy pack; a mandatory violation exits 1."""
    from prod_infra.deployment.policy.audit import saved
    from prod_infra.deployment.policy.config import refuse_in_production
    from prod_infra.deployment.policy.gate import check

    given, found = read_config(config), saved(state)
    refuse_in_production(given, found)
    _report(check(found, config=given, waivers=waivers, final=True), style, output)


@policy_app.command()
def docs(
    check_only: Annotated[bool, typer.Option("--check", help="Write nothing; exit 1 where the file is old.")] = False,
) -> None:
    """Write policies/README.md again from the rules."""
    from policies import registry
    from prod_infra.deployment.policy.gate import PACK

    file, text = PACK / "README.md", registry.readme()
    if not check_only:
        file.write_text(text, encoding="utf-8")
    elif not file.exists() or file.read_text(encoding="utf-8") != text:
        raise PolicyError("policies/README.md is not what the rules say.", hint="run `prod-infra policy docs`")
