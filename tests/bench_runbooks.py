"""Speed of runbooks on a deployed local AWS: our runner beside plain papermill, a failover drill, the data plane."""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from runbooks.catalog import RUNBOOKS
from tests.bench_data_plane import BUDGET, measure_data_plane
from tests.bench_timing import timed
from tests.runbooks.rehearsed import Rehearsed, rehearsal

RUNS: Final = 3
FAILOVER_SECONDS: Final = 3.0
OVERHEAD_BUDGET: Final = 1.0
DRILL_BUDGET: Final = 20.0
"""Seconds, promised on 2 cores."""

NAME: Final = "docdb_failover"


def _given(env: Rehearsed, *, dry: bool) -> list[str]:
    return ["-p", f"endpoint={env.target.endpoint}", *(["-p", "dry_run=true"] if dry else [])]


def _ours(env: Rehearsed, *, dry: bool) -> float:
    """Return the seconds of a whole run by our runner, pages and seals included."""
    command = [str(Path(sys.executable).with_name("prod-infra")), "runbook", "run", NAME]
    return timed([*command, *_given(env, dry=dry)], env.directory)


def _papermills(env: Rehearsed, number: int) -> float:
    """Return the seconds that papermill alone needs for the same notebook with the same parameters."""
    dry = ["-p", "endpoint", env.target.endpoint, "-p", "dry_run", "true"]
    command = [sys.executable, "-m", "papermill", str(RUNBOOKS[NAME].notebook), f"plain-{number}.ipynb", *dry]
    return timed(command, env.directory)


def show_runbooks(console: Console) -> None:
    """Measure, and print the table."""
    with tempfile.TemporaryDirectory() as name, rehearsal(Path(name)) as env:
        # In turn, so that both meet the same load.
        pairs = [(_papermills(env, number), _ours(env, dry=True)) for number in range(RUNS)]
        env.fault("failover", seconds=FAILOVER_SECONDS)
        drills = [_ours(env, dry=False) for _ in range(RUNS)]
        door = env.target.server.data_plane()
        rates = [measure_data_plane(door) for _ in range(RUNS)]
    plain, ours = (statistics.median(times) for times in zip(*pairs, strict=True))
    more = statistics.median(second - first for first, second in pairs)
    table = Table("case", "median", "promised", title=f"Runbooks on a deployed local AWS, {RUNS} runs each")
    table.add_row(f"papermill, {NAME} as a dry run", f"{plain:.2f} s", "")
    table.add_row("prod-infra runbook run, the same notebook", f"{ours:.2f} s", "")
    table.add_row("what our runner and engine add", f"{more:.2f} s", f"{OVERHEAD_BUDGET:.0f} s")
    drill = f"{NAME} and back, failovers of {FAILOVER_SECONDS:.0f} s"
    table.add_row(drill, f"{statistics.median(drills):.2f} s", f"{DRILL_BUDGET:.0f} s")
    table.add_row("data plane", f"{statistics.median(rates):.0f} requests/s", f"{BUDGET:.0f} requests/s")
    console.print(table)


if __name__ == "__main__":
    show_runbooks(Console())
