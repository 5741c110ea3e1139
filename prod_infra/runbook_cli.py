"""`prod-infra runbook`: list, describe, run, show, undo, resume; a thin shell over `runbooks.running.runner`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from prod_infra.cli_options import Target, pairs

runbook_app = typer.Typer(help="Run a runbook and keep its record; take one back.", no_args_is_help=True)

out = Console()

NameArgument = Annotated[str, typer.Argument(help="Such as deploy_prod.")]
RunArgument = Annotated[str, typer.Argument(metavar="RUN_ID", help="Name of the run's folder in records/.")]
KeepOption = Annotated[bool, typer.Option("--keep", help="Leave a local AWS running that is started for this run.")]


@runbook_app.command("list")
def runbook_list() -> None:
    """List the runbooks."""
    from runbooks.catalog import RUNBOOKS

    for name, runbook in RUNBOOKS.items():
        out.print(f"[bold]{name}[/bold]  {runbook.title}")


@runbook_app.command("describe")
def runbook_describe(name: NameArgument) -> None:
    """Say what a runbook takes, what it does, and what takes it back."""
    from runbooks.catalog import find_runbook
    from runbooks.running.description import describe

    describe(find_runbook(name), out)


@runbook_app.command("run")
def runbook_run(
    name: NameArgument,
    parameter: Annotated[list[str] | None, typer.Option("-p", "--parameter", help="`name=value`, typed.")] = None,
    approve: Annotated[
        str, typer.Option("--approve", help="Digest of the plan that is approved, or `ask`; as -p approve=…")
    ] = "",
    target: Annotated[Target | None, typer.Option("--target", help="As -p target=…")] = None,
    stack: Annotated[str, typer.Option("--stack", help="As -p stack=…")] = "",
    dry_run: Annotated[
        bool | None, typer.Option("--dry-run/--act", help="As -p dry_run=…; if left out, dry on aws alone.")
    ] = None,
    allow_replacement_of: Annotated[
        list[str] | None,
        typer.Option(help="URN of what holds data and may be replaced or deleted on aws; may be given more than once."),
    ] = None,
    keep: KeepOption = False,
) -> None:
    """Run a runbook's notebook and leave a record; what fails is taken back."""
    from runbooks.running.runner import run, run_command

    options = {
        "approve": approve,
        "target": target.value if target else None,
        "stack": stack,
        "dry_run": dry_run,
        "allow_replacement_of": allow_replacement_of,
    }
    given = pairs(parameter) | {name: value for name, value in options.items() if value not in (None, "", [])}
    raise typer.Exit(run_command(lambda: run(name, given, keep=keep, console=out)))


@runbook_app.command("show")
def runbook_show(run_id: RunArgument) -> None:
    """Show the record of a run."""
    from runbooks.core.run_folder import find_folder
    from runbooks.running.runner import read_record
    from runbooks.running.summary import show_summary

    folder = find_folder(run_id, Path())
    show_summary(read_record(folder), folder, out)


@runbook_app.command("undo")
def runbook_undo(run_id: RunArgument) -> None:
    """Take back what a run has done, newest first: after a crash, or later on purpose. Doing it twice is no error."""
    from runbooks.running.runner import undo

    if not all(tried.done for tried in undo(run_id, console=out)):
        raise typer.Exit(1)


@runbook_app.command("resume")
def runbook_resume(run_id: RunArgument, keep: KeepOption = False) -> None:
    """Run again what was killed or failed, with the same parameters; what AWS says is done already is skipped."""
    from runbooks.running.runner import resume, run_command

    raise typer.Exit(run_command(lambda: resume(run_id, keep=keep, console=out)))
