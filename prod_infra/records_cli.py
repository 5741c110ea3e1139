"""`prod-infra records`: verify, list and show what the runbooks left."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from prod_infra.errors import InvalidInputError

# Commands import what they use: `records --help` need not wait for boto3.

records_app = typer.Typer(help="Verify, list and show the records of runs.", no_args_is_help=True)

DirectoryOption = Annotated[Path, typer.Option("--records", help="Directory of the records.")]
JsonOption = Annotated[bool, typer.Option("--json", help="For programs.")]
HERE = Path("records")


@records_app.command("verify")
def verify(records: DirectoryOption = HERE, as_json: JsonOption = False) -> None:
    """Find any change, gap or reorder since the runs were sealed; exit 1 where there is one."""
    from runbooks.records.verification import verify as check

    found = check(records)
    if as_json:
        typer.echo(json.dumps({"sealed": found.sealed, "problems": found.problems, "notes": found.notes}, indent=2))
    else:
        out = Console()
        for problem in found.problems:
            out.print(Text.assemble(("✗ ", "bold red"), problem), soft_wrap=True)
        for note in found.notes:
            out.print(Text.assemble(("! ", "yellow"), note), soft_wrap=True)
        verdict = f"{len(found.problems)} problems" if found.problems else "every record is as it was sealed"
        out.print(f"{found.sealed} sealed runs: {verdict}.", highlight=False)
    if found.problems:
        raise typer.Exit(1)


@records_app.command("list")
def list_(records: DirectoryOption = HERE, as_json: JsonOption = False) -> None:
    """List the runs, the newest first: verdict, duration, RTO, RPO, whether sealed."""
    from runbooks.records.record_folder import load_all

    rows = []
    for folder in load_all(records):
        record, measured = folder.record, folder.record.measured if folder.record else None
        row = {
            "run": folder.path.name,
            "verdict": record.verdict.value if record else folder.fault,
            "seconds": record.seconds if record else None,
            "rto_seconds": measured.rto_seconds if measured else None,
            "rpo": measured.rpo if measured else None,
            "sealed": folder.sealed,
        }
        rows.append(row)
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    table = Table(Column("run", overflow="fold"), "verdict", "s", "RTO, s", "RPO", "sealed", title=f"{len(rows)} runs")
    for row in rows:
        numbers = [f"{row[name]:.1f}" if row[name] is not None else "" for name in ("seconds", "rto_seconds")]
        rpo = "" if row["rpo"] is None else str(row["rpo"])
        table.add_row(Text(str(row["run"])), Text(str(row["verdict"])), *numbers, rpo, "yes" if row["sealed"] else "no")
    Console().print(table)


@records_app.command()
def index(records: DirectoryOption = HERE) -> None:
    """Write index.html of all runs again."""
    from runbooks.records.report import write_index

    if not records.is_dir():
        raise InvalidInputError("There are no records", [f"{records} is no directory."])
    write_index(records)
    typer.echo(records / "index.html")


@records_app.command()
def report(
    run: Annotated[str, typer.Argument(help="The run's id, as `records list` shows it.")],
    records: DirectoryOption = HERE,
    output: Annotated[
        Path | None, typer.Option("--output", help="File to write; report-<run>.html if left out.")
    ] = None,
) -> None:
    """Draw the report of a run again, into a file outside its sealed folder."""
    from runbooks.records.report.run_page import draw

    folder = records / run
    if Path(run).name != run or not (folder / "record.json").is_file():
        raise InvalidInputError("There is no such run", [f"{folder} has no record.json."], hint="see `records list`")
    path = output or Path(f"report-{run}.html")
    path.write_text(draw(folder), encoding="utf-8")
    typer.echo(path)


@records_app.command()
def archive(run: Annotated[str, typer.Argument(help="The run's id, as `records list` shows it.")]) -> None:
    """Put the record of a run on a real account into its evidence bucket, where the run itself could not; once."""
    from prod_infra.deployment.account.aws_target import AwsTarget
    from runbooks.core.environment import environment
    from runbooks.core.run_folder import find_folder
    from runbooks.running.evidence import keep_evidence
    from runbooks.running.runner import read_record

    folder = find_folder(run, Path())
    parameters = read_record(folder).parameters
    if parameters["target"] != "aws":
        raise InvalidInputError("There is no evidence bucket", [f"{run} was a rehearsal, on target local."])
    env = environment(Path(), parameters["stack"], parameters["settings"])
    with AwsTarget.open(env.program) as account:
        if not keep_evidence(folder, account.clients(), env.settings, Console()):
            raise typer.Exit(1)


@records_app.command()
def schema() -> None:
    """Print the JSON schema of record.json; the project keeps it as runbooks/records/record.schema.json."""
    from runbooks.records.record import schema_text

    typer.echo(schema_text(), nl=False)
