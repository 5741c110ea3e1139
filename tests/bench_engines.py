"""Speed of the two engines on the same program and the same local AWS, and what our provider adds to an AWS call."""

from __future__ import annotations

import asyncio
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from pulumi.provider.experimental.provider import ReadRequest
from rich.console import Console
from rich.table import Table

from prod_infra.cli_options import EngineKind, engine_of
from prod_infra.deployment.embedded.state import StateFile
from prod_infra.deployment.project import packaged
from prod_infra.deployment.targets import LocalTarget
from prod_infra.local_aws.clients import Clients
from prod_infra.local_aws.provider.provider import LocalAwsProvider
from prod_infra.local_aws.server import LocalAws
from tests.bench_timing import timed

RUNS: Final = 3
COMMAND: Final = str(Path(sys.executable).with_name("prod-infra"))
CASES: Final = (
    ("preview, the program in memory", "4"),
    ("`prod-infra preview`; Pulumi's with the pack", "-"),
    ("`prod-infra up`, both with the pack", "1"),
)
ADDED_BUDGET: Final = 5.0
"""Milliseconds that the provider may add to a call."""


def _loaded(kind: EngineKind, folder: Path) -> float:
    """Return the seconds of a preview of the whole environment in a process that has its modules in memory."""
    program = packaged()
    with LocalTarget.start(folder) as target:
        engine_of(target, program, EngineKind.EMBEDDED).preview()
        engine = engine_of(target, program, kind, policed=False)
        start = time.perf_counter()
        engine.preview()
        return time.perf_counter() - start


def _commands(kind: EngineKind, folder: Path) -> tuple[float, float]:
    """Return the seconds of `prod-infra preview`, and of the `up` that makes the environment."""
    with LocalAws.start() as aws:
        where = ["--endpoint", aws.endpoint, "--engine", kind.value]
        preview = timed([COMMAND, "preview", *where], folder)
        return preview, timed([COMMAND, "up", *where], folder)


class _Calls:
    """Counts the calls of clients, and the seconds from each one's start to its parsed answer."""

    def __init__(self, clients: Clients) -> None:
        self.count, self.seconds, self._start = 0, 0.0, 0.0
        self._clients = clients
        self._known: set[int] = set()

    def __call__(self, service: str, region: str | None = None) -> Any:
        client = self._clients(service, region)
        if id(client) not in self._known:
            self._known.add(id(client))
            client.meta.events.register("provide-client-params", self._begin)
            client.meta.events.register("after-call", self._end)
        return client

    def _begin(self, **_: Any) -> None:
        self._start = time.perf_counter()

    def _end(self, **_: Any) -> None:
        self.count += 1
        self.seconds += time.perf_counter() - self._start

    def __getattr__(self, name: str) -> Any:
        return getattr(self._clients, name)


def _added() -> tuple[int, float, float]:
    """Return how many calls reading the whole environment makes, and the milliseconds of each: AWS's, and added."""
    with tempfile.TemporaryDirectory() as name, LocalAws.start() as aws:
        target = LocalTarget(aws, Path(name))
        program = packaged()
        target.engine(program).up()
        calls = _Calls(target.clients())
        provider = LocalAwsProvider(calls)  # type: ignore[arg-type]  # it does what Clients does, and counts
        state = StateFile(target.state_path(program.stack), program.project, program.stack)
        resources = [each for each in state.load()[0] if each.type.startswith("aws:") and each.id]
        start = time.perf_counter()
        for each in resources:
            request = ReadRequest(each.urn, each.id, dict(each.outputs), dict(each.inputs))
            asyncio.run(provider.read(request))
        whole = time.perf_counter() - start
        return calls.count, calls.seconds / calls.count * 1000, (whole - calls.seconds) / calls.count * 1000


def show_engines(console: Console) -> None:
    """Measure, and print the tables; without a CLI only what the provider adds."""
    count, theirs, added = _added()
    console.print(
        f"The provider: {count} calls of AWS to read the environment, {theirs:.1f} ms each,"
        f" and {added:.1f} ms added (promised: {ADDED_BUDGET:.0f})."
    )
    if shutil.which("pulumi") is None:
        console.print("The Pulumi CLI is not on PATH, so there is no engine to compare with.")
        return
    with tempfile.TemporaryDirectory() as name:
        # In turn, so that both meet the same load.
        runs = [[(_loaded(kind, Path(name)), *_commands(kind, Path(name))) for kind in EngineKind] for _ in range(RUNS)]
    table = Table("", "embedded", "Pulumi's", "times faster", "promised", title=f"{RUNS} runs each")
    for at, (case, promised) in enumerate(CASES):
        own, real = (statistics.median(run[engine][at] for run in runs) for engine in range(len(EngineKind)))
        table.add_row(case, f"{own:.2f} s", f"{real:.2f} s", f"{real / own:.1f}", promised)
    console.print(table)


if __name__ == "__main__":
    show_engines(Console())
