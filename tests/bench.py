"""Speed of the product, whole processes as a user starts them: `nox -s bench`.

Every figure is a median of one run on one machine, shown also as a ratio to the time that Python needs to import the
program, which this project can't change: compare ratios, not seconds, between machines.
"""

from __future__ import annotations

import itertools
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console
from rich.table import Table

from prod_infra.deployment.evaluate import register
from prod_infra.deployment.policy_gate import check
from prod_infra.deployment.project import packaged
from prod_infra.deployment.registration import Registration
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


def _grown(count: int) -> list[Registration]:
    """Return the environment's registrations, repeated under new names until there are so many."""
    found = register(packaged())
    copies = itertools.count()
    grown: list[Registration] = []
    while len(grown) < count:
        mark = f"-{next(copies)}"
        renamed = {one.urn: one.urn + mark for one in found}
        grown += [
            replace(
                one,
                urn=renamed[one.urn],
                name=one.name + mark,
                parent=renamed.get(one.parent, ""),
                dependencies=tuple(renamed.get(urn, urn) for urn in one.dependencies),
                property_dependencies={
                    key: tuple(renamed.get(urn, urn) for urn in urns) for key, urns in one.property_dependencies.items()
                },
            )
            for one in found
        ]
    return grown[:count]


def _growth(console: Console) -> None:
    """Show how the gate grows with the number of resources."""
    table = Table(
        "resources", "seconds", "ms a resource", "peak memory of the pack", title="The gate, pack start included"
    )
    for count in (100, 1_000, 10_000):
        registrations = _grown(count)
        start = time.perf_counter()
        check(registrations, timeout=600)
        seconds = time.perf_counter() - start
        # The largest of all children so far: the sizes only grow.
        memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
        table.add_row(f"{count:,}", f"{seconds:.2f}", f"{1000 * seconds / count:.2f}", f"{memory} MB")
    console.print(table)


def main() -> None:
    """Measure, and print the tables."""
    console = Console()
    _growth(console)
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
    console.print(table)


if __name__ == "__main__":
    main()
