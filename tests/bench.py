"""Speed of the product, whole processes as a user starts them: `nox -s bench`.

Every figure is a median of one run on one machine, shown also as a ratio to the time that Python needs to import the
program, which this project can't change: compare ratios, not seconds, between machines.
"""

from __future__ import annotations

import itertools
import json
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from prod_infra.deployment.evaluate import register
from prod_infra.deployment.policy_gate import Verdict, check
from prod_infra.deployment.project import packaged
from prod_infra.deployment.registration import Registration
from prod_infra.local_aws.server import LocalAws
from prod_infra.properties import masked

COMMAND = str(Path(sys.executable).with_name("prod-infra"))
RUNS = 3
CHECKOV_MOST = 1_000
"""Resources up to which Checkov is timed: ten times as many of ours, all linked, take it many minutes."""


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


def _asked(registrations: list[Registration], verdict: Verdict) -> int:
    """Return how many pairs there are of a rule and a resource whose type it judges."""
    types = Counter(found.type for found in registrations)
    tokens = [tag.removeprefix("on:") for rule in verdict.rule_infos for tag in rule.tags if tag.startswith("on:")]
    return sum(types[token] for token in tokens)


def _snake(name: str) -> str:
    return re.sub(r"([A-Z])", lambda found: f"_{found[1].lower()}", name)


def _terraform(value: Any) -> Any:
    """Return a property value with names as Terraform spells them."""
    if isinstance(value, dict):
        return {_snake(key): _terraform(item) for key, item in value.items()}
    return [_terraform(item) for item in value] if isinstance(value, list) else value


def _checkov(registrations: list[Registration], folder: Path) -> float:
    """Return the seconds that Checkov needs for the same resources as Terraform's JSON.

    Types are named by rule of thumb: it is the time that counts here, not the verdict.
    """
    resources: dict[str, dict[str, Any]] = {}
    for found in registrations:
        if found.type.startswith("aws:"):
            _, module, kind = found.type.split(":")
            service = module.partition("/")[0]
            prefix = "" if service in {"ec2", "vpc"} else f"{service}_"
            of_kind = resources.setdefault(f"aws_{prefix}{_snake(kind).removeprefix('_')}", {})
            of_kind[found.name] = _terraform(masked(found.inputs))
    (folder / "main.tf.json").write_text(json.dumps({"resource": resources}), encoding="utf-8")
    start = time.perf_counter()
    # It exits 1 where a check fails; that it ran at all is told by its summary.
    command = ["checkov", "--directory", str(folder), "--framework", "terraform_json", "--output", "json"]
    command += ["--skip-download"]
    told = subprocess.run(command, capture_output=True, check=False, text=True)
    if '"summary"' not in told.stdout:
        raise RuntimeError(f"checkov did not run: {told.stderr[-500:]}")
    return time.perf_counter() - start


def _growth(console: Console) -> None:
    """Show how the gate grows with the number of resources, beside Checkov where it is installed."""
    table = Table(
        "resources",
        "seconds",
        "growth",
        "ms a resource",
        "pairs of rule and resource",
        "ms a pair",
        "peak memory of the pack",
        "Checkov",
        "ratio to Checkov",
        title="The gate, pack start included",
    )
    sizes = [("the environment", list(register(packaged())))]
    sizes += [(f"{count:,}", _grown(count)) for count in (100, 1_000, 10_000)]
    rows: list[tuple[float, list[str]]] = []
    for name, registrations in sizes:
        start = time.perf_counter()
        verdict = check(registrations, timeout=600)
        seconds = time.perf_counter() - start
        # The largest of all children so far: the sizes only grow, and Checkov has yet to run.
        memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
        pairs = _asked(registrations, verdict)
        row = [name, f"{seconds:.2f}", f"{seconds / rows[-1][0]:.1f}x" if rows else ""]
        row += [f"{1000 * seconds / len(registrations):.2f}", f"{pairs:,}", f"{1000 * seconds / pairs:.2f}"]
        rows.append((seconds, [*row, f"{memory} MB"]))
    installed = shutil.which("checkov") is not None
    for (seconds, row), (_, registrations) in zip(rows, sizes, strict=True):
        cells = ["-", "-"]
        if installed and len(registrations) <= CHECKOV_MOST:
            with tempfile.TemporaryDirectory() as folder:
                theirs = _checkov(registrations, Path(folder))
            cells = [f"{theirs:.2f}", f"{seconds / theirs:.2f}"]
        table.add_row(*row, *cells)
    console.print(table)
    if not installed:
        console.print("Checkov is not on PATH, so there is nothing to compare with.")


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
