"""Speed of the product, whole processes as a user starts them: `nox -s bench`.

Every figure is a median of one run on one machine, shown also as a ratio to the time that Python needs to import the
program, which this project can't change: compare ratios, not seconds, between machines.
"""

from __future__ import annotations

import itertools
import json
import math
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from prod_infra.deployment.policy.gate import PACK, ask
from prod_infra.deployment.policy.process import PolicyProcess
from prod_infra.deployment.policy.verdict import Verdict
from prod_infra.deployment.program.evaluate import register
from prod_infra.deployment.program.registration import Registration
from prod_infra.deployment.project import packaged
from prod_infra.local_aws.server import LocalAws
from prod_infra.properties import masked
from tests.bench_engines import show_engines
from tests.bench_runbooks import show_runbooks
from tests.bench_timing import timed

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


def _repeat(measure: Callable[[], float], runs: int = RUNS) -> list[float]:
    return [measure() for _ in range(runs)]


def _deployments(folder: Path) -> tuple[list[float], list[float]]:
    """Return the seconds of each `up` to a fresh local AWS, and of the `up` without changes after it."""
    first, second = [], []
    for _ in range(RUNS):
        with LocalAws.start() as aws:
            up = [COMMAND, "up", "--target", "local", "--endpoint", aws.endpoint]
            first.append(timed(up, folder))
            second.append(timed(up, folder))
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


@dataclass(frozen=True)
class Judged:
    """The gate on one set of resources: seconds until the pack answers and of judging, pairs, the pack's MB at most."""

    start: float
    judging: float
    pairs: int
    memory: int


def _memory() -> int:
    """Return the MB of memory that the one child of this process has had at most; Linux says so."""
    child = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()[-1]
    status = dict(line.split(":", 1) for line in Path(f"/proc/{child}/status").read_text().splitlines())
    return int(status["VmHWM"].split()[0]) // 1024


def _judged(registrations: list[Registration]) -> Judged:
    start = time.perf_counter()
    with PolicyProcess(PACK) as process:
        process.info()
        up = time.perf_counter()
        verdict = ask(process, registrations, {})
        return Judged(up - start, time.perf_counter() - up, _asked(registrations, verdict), _memory())


def _snake(name: str) -> str:
    return re.sub(r"([A-Z])", lambda found: f"_{found[1].lower()}", name)


def _terraform(value: Any) -> Any:
    """Return a property value with names as Terraform spells them."""
    if isinstance(value, dict):
        return {_snake(key): _terraform(item) for key, item in value.items()}
    return [_terraform(item) for item in value] if isinstance(value, list) else value


def _terraform_type(token: str) -> str:
    """Return Terraform's name of a type, by rule of thumb: here the time counts, not the verdict."""
    _, module, kind = token.split(":")
    service = module.partition("/")[0]
    kind = _snake(kind).removeprefix("_").removeprefix("load_balancer")
    prefix = "" if service in {"ec2", "vpc"} else f"{service}_"
    return f"aws_{prefix}{kind}".rstrip("_")


def _checkov(registrations: list[Registration], folder: Path) -> tuple[float, int]:
    """Return the seconds that Checkov needs for the same resources as Terraform's JSON, and its number of verdicts."""
    resources: dict[str, dict[str, Any]] = {}
    for found in registrations:
        if found.type.startswith("aws:"):
            resources.setdefault(_terraform_type(found.type), {})[found.name] = _terraform(masked(found.inputs))
    (folder / "main.tf.json").write_text(json.dumps({"resource": resources}), encoding="utf-8")
    start = time.perf_counter()
    # It exits 1 where a check fails; that it ran at all is told by its summary.
    command = ["checkov", "--directory", str(folder), "--framework", "terraform_json", "--output", "json"]
    command += ["--skip-download"]
    told = subprocess.run(command, capture_output=True, check=False, text=True)
    seconds = time.perf_counter() - start
    if '"summary"' not in told.stdout:
        raise RuntimeError(f"checkov did not run: {told.stderr[-500:]}")
    summary = json.loads(told.stdout)["summary"]
    return seconds, summary["passed"] + summary["failed"]


def _growth(console: Console, sizes: Mapping[str, list[Registration]]) -> dict[str, float]:
    """Show how the gate grows with the number of resources; return each size's seconds, the pack's start included."""
    title = f"The gate, median of {RUNS}; promised: at most 0.5 ms a pair of rule and resource"
    table = Table("resources", "pairs", "pack start", "judging", "growth", "ms a pair", "peak", title=title)
    last, total = (math.inf, 0.0), {}
    for name, registrations in sizes.items():
        runs = [_judged(registrations) for _ in range(RUNS)]
        start, judging = (statistics.median(getattr(run, key) for run in runs) for key in ("start", "judging"))
        growth = f"{judging / last[1]:.1f}x" if len(registrations) > last[0] else ""
        row = [name, f"{runs[0].pairs:,}", f"{start:.2f} s", f"{judging:.2f} s", growth]
        table.add_row(*row, f"{1000 * judging / runs[0].pairs:.2f}", f"{max(run.memory for run in runs)} MB")
        last, total[name] = (len(registrations), judging), start + judging
    console.print(table)
    return total


def _beside_checkov(console: Console, sizes: Mapping[str, list[Registration]], seconds: Mapping[str, float]) -> None:
    """Show Checkov on the same resources, where it is installed."""
    if shutil.which("checkov") is None:
        console.print("Checkov is not on PATH, so there is nothing to compare with.")
        return
    title = "Whole processes on the same registrations"
    table = Table("resources", "the gate", "Checkov", "gate to Checkov", "Checkov's verdicts", title=title)
    for name, registrations in sizes.items():
        if len(registrations) <= CHECKOV_MOST:
            with tempfile.TemporaryDirectory() as folder:
                theirs, verdicts = _checkov(registrations, Path(folder))
            ours = seconds[name]
            table.add_row(name, f"{ours:.2f} s", f"{theirs:.2f} s", f"{ours / theirs:.2f}", f"{verdicts:,}")
    console.print(table)


def main() -> None:
    """Measure, and print the tables."""
    console = Console()
    sizes = {f"{count:,}": _grown(count) for count in (100, 1_000, 10_000)}
    sizes = {"environment": list(register(packaged())), **sizes}
    _beside_checkov(console, sizes, _growth(console, sizes))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        imports = _repeat(lambda: timed([sys.executable, "-c", "import prod_infra.program"], folder))
        first, second = _deployments(folder)
        cases = [
            Case("import the program (the unit)", imports),
            Case("prod-infra policy", _repeat(lambda: timed([COMMAND, "policy"], folder)), 3),
            Case("prod-infra up, fresh local AWS", first, 13),
            Case("prod-infra up, no changes", second, 6),
            Case("deploy_prod runbook", _repeat(lambda: timed([COMMAND, "runbook", "run", "deploy_prod"], folder)), 40),
        ]
    unit = statistics.median(imports)
    table = Table(
        "case", "median", "ratio to import", "promised", title=f"{RUNS} runs each, whole processes, the gate included"
    )
    for case in cases:
        median = statistics.median(case.seconds)
        promised = "" if case.budget is None else f"{case.budget:.0f} s"
        table.add_row(case.name, f"{median:.2f} s", f"{median / unit:.1f}", promised)
    console.print(table)
    show_engines(console)
    show_runbooks(console)


if __name__ == "__main__":
    main()
