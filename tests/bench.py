"""Speed of the product, whole processes as a user starts them: `nox -s bench`.

Every figure is a median of one run on one machine, shown also as a ratio to the time that Python needs to import the
program, which this project can't change: compare ratios, not seconds, between machines.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from prod_infra.local_aws.server import LocalAws

COMMAND = str(Path(sys.executable).with_name("prod-infra"))
RUNS = 3


@dataclass(frozen=True)
class Case:
    """One thing to time; `budget` is what is promised, in seconds on 2 cores."""

    name: str
    seconds: list[float]
    budget: float | None = None


def _timed(command: list[str], folder: Path) -> float:
    start = time.perf_counter()
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return time.perf_counter() - start


def _repeat(measure: Callable[[], float], runs: int = RUNS) -> list[float]:
    return [measure() for _ in range(runs)]


def _deployments(folder: Path) -> tuple[list[float], list[float]]:
    """Return the seconds of each `up` to a fresh local AWS, and of the `up` without changes after it."""
    first, second = [], []
    for _ in range(RUNS):
        with LocalAws.start() as aws:
            up = [COMMAND, "up", "--target", "local", "--endpoint", aws.endpoint]
            first.append(_timed(up, folder))
            second.append(_timed(up, folder))
    return first, second


def main() -> None:
    """Measure, and print a table."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        imports = _repeat(lambda: _timed([sys.executable, "-c", "import prod_infra.program"], folder))
        first, second = _deployments(folder)
        cases = [
            Case("import the program (the unit)", imports),
            Case("prod-infra policy", _repeat(lambda: _timed([COMMAND, "policy"], folder)), 3),
            Case("prod-infra up, fresh local AWS, gate included", first, 13),
            Case("prod-infra up, no changes, gate included", second, 6),
            Case(
                "deploy_prod runbook", _repeat(lambda: _timed([COMMAND, "runbook", "run", "deploy_prod"], folder)), 40
            ),
        ]
    unit = statistics.median(imports)
    table = Table("case", "median", "ratio to import", "promised", title=f"{RUNS} runs each, whole processes")
    for case in cases:
        median = statistics.median(case.seconds)
        promised = "" if case.budget is None else f"{case.budget:.0f} s"
        table.add_row(case.name, f"{median:.2f} s", f"{median / unit:.1f}", promised)
    Console().print(table)


if __name__ == "__main__":
    main()
