"""A deployed environment on a local AWS, on which drills are run as users run them, and looked at from outside."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import chdir, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console

from prod_infra.deployment.targets import LocalTarget, remember
from prod_infra.local_aws.clients import Clients
from prod_infra.settings import Settings
from runbooks.core.aws import Aws
from runbooks.core.journal import read_journal
from runbooks.core.rehearsal import open_environment
from runbooks.core.steady_state import checks
from runbooks.parameters import DrillParameters
from runbooks.records.record import Record, Verdict
from runbooks.running.runner import read_record, run, undo
from runbooks.verify import Deployed

SETTINGS = Settings()
COMMAND = "import sys; from prod_infra.cli import main; main(['runbook', 'run', *sys.argv[1:]])"


@dataclass
class Rehearsed:
    """The environment.

    Attributes:
        target: its local AWS.
        directory: working directory of the runs.
        shown: what the newest run said.
    """

    target: LocalTarget
    directory: Path
    shown: str = field(default="", init=False)

    @property
    def clients(self) -> Clients:
        """Clients of the environment's region."""
        return self.target.clients(SETTINGS.region)

    @property
    def aws(self) -> Aws:
        """What an undo action gets."""
        return Aws(self.target, SETTINGS.region)

    @property
    def deployed(self) -> Deployed:
        """The environment, looked at anew."""
        return Deployed(self.clients, SETTINGS)

    @property
    def folders(self) -> list[Path]:
        """Folders of the runs, the oldest first."""
        return sorted(path for path in (self.directory / "records").glob("*") if path.is_dir())

    def fault(self, kind: str, **members: Any) -> None:
        """Inject a fault."""
        self.target.server.admin("POST", "/faults", kind=kind, **members)

    def end_faults_when_undoing(self) -> threading.Thread:
        """End every fault as soon as the next run takes its first step back; the thread is to be joined."""
        records = self.directory / "records"
        known = set(records.iterdir()) if records.exists() else set()

        def undoing() -> bool:
            new = set(records.iterdir()) - known
            return any(each["event"] == "undoing" for path in new for each in read_journal(path / "journal.jsonl"))

        def end() -> None:
            eventually(undoing)
            self.target.server.admin("DELETE", "/faults")

        thread = threading.Thread(target=end)
        thread.start()
        return thread

    def run(self, name: str, **parameters: Any) -> Record:
        """Run a runbook to its end through the real runner."""
        terminal = io.StringIO()
        console = Console(file=terminal, width=200)
        try:
            return run(
                name, {"endpoint": self.target.endpoint, **parameters}, directory=self.directory, console=console
            )
        finally:
            self.shown = terminal.getvalue()

    def undo(self, record: Record) -> list[str]:
        """Undo a run by hand and return what was done."""
        found = undo(record.id, directory=self.directory, console=Console(file=io.StringIO()))
        assert all(tried.done for tried in found)
        return [tried.detail for tried in found]

    def kill_kernel(self, name: str, when: Callable[[list[dict[str, Any]]], bool], **parameters: Any) -> Record:
        """Run a runbook in a process of its own, kill -9 its kernel once the journal is so, and return the record."""
        known = set(self.folders) if (self.directory / "records").exists() else set()
        given = {"endpoint": self.target.endpoint, **parameters}
        assignments = [text for pair in given.items() for text in ("-p", "=".join(map(str, pair)))]
        process = subprocess.Popen(
            [sys.executable, "-c", COMMAND, name, *assignments],
            cwd=self.directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        folder = eventually(lambda: next(iter(set(self.folders) - known), None) if process.poll() is None else None)
        eventually(lambda: when([dict(entry) for entry in read_journal(folder / "journal.jsonl")]))
        os.kill(kernel_of(process), 9)
        said, _ = process.communicate(timeout=120)
        assert process.returncode == 1, said
        return read_record(folder)

    @contextmanager
    def until_failure(self, kind: str, **members: Any) -> Iterator[None]:
        """Inject a fault that ends when a step of the next run has failed of it, so that its undo gets through."""
        known = set(self.folders)

        def watch() -> None:
            folder = eventually(lambda: next(iter(set(self.folders) - known), None), 120)
            eventually(lambda: any(entry["event"] == "failed" for entry in read_journal(folder / "journal.jsonl")), 120)
            self.target.server.admin("DELETE", "/faults")

        self.fault(kind, **members)
        with ThreadPoolExecutor(1) as pool:
            watching = pool.submit(watch)
            yield
            watching.result()

    def seen(self) -> dict[str, Any]:
        """Return what a drill may change, as AWS shows it."""
        env, clients = self.deployed, self.clients
        balancer = env.load_balancer["LoadBalancerArn"]
        managed = clients("arc-zonal-shift").get_managed_resource(resourceIdentifier=balancer)
        scaling = clients("application-autoscaling").describe_scalable_targets(ServiceNamespace="ecs")
        return {
            "members": {m["DBInstanceIdentifier"]: m["IsClusterWriter"] for m in env.database["DBClusterMembers"]},
            "database": (env.database["Status"], {each["DBInstanceStatus"] for each in env.database_instances}),
            "tasks": (env.service["desiredCount"], env.service["runningCount"]),
            "scaling": [(each["MinCapacity"], each["MaxCapacity"]) for each in scaling["ScalableTargets"]],
            "weights": managed["appliedWeights"],
        }

    def writer(self) -> str:
        """Return the identifier of the database's writer."""
        return str(next(name for name, writes in self.seen()["members"].items() if writes))

    def lock_is_free(self) -> bool:
        """Whether the newest lock was given back."""
        return max(self.locks()).endswith(".released.json")

    def locks(self) -> list[str]:
        """Return the keys of all locks there ever were, and of their ends."""
        pages = self.clients("s3").get_paginator("list_objects_v2")
        found = pages.paginate(Bucket=self.deployed.bucket("evidence"), Prefix="locks/")
        return [str(item["Key"]) for page in found for item in page.get("Contents", ())]


def failure(record: Record) -> str:
    """Return why a run failed; one that did not is no such record."""
    assert record.verdict is Verdict.FAILED
    assert record.error is not None
    return f"{record.error.kind}: {record.error.message}"


def eventually(found: Callable[[], Any], seconds: float = 60.0) -> Any:
    """Wait for a condition and return what it gave."""
    deadline = time.monotonic() + seconds
    while not (given := found()):
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.02)
    return given


def kernel_of(process: subprocess.Popen[str]) -> int:
    """Return the process id of a run's kernel."""
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                parent = int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1])
                if parent == process.pid and "ipykernel_launcher" in (folder / "cmdline").read_text():
                    return int(folder.name)
            except (OSError, ValueError):
                continue
    raise AssertionError("there is no kernel")


@contextmanager
def rehearsal(directory: Path) -> Iterator[Rehearsed]:
    """Deploy the environment to a local AWS of its own and wait until it is well; work in `directory`."""
    with deployed_from(directory) as env, chdir(directory):
        yield env


@contextmanager
def deployed_from(directory: Path) -> Iterator[Rehearsed]:
    """Deploy the environment to a local AWS of its own and wait until it is well; its state is in `directory`."""
    from runbooks.core.environment import environment  # noqa: PLC0415  it loads all of the program

    with chdir(directory):
        env = environment(Path(), "prod", {})
        target = open_environment(DrillParameters(), env, Console(file=io.StringIO()))
    with target:
        remember(target.server, directory)
        yield Rehearsed(target, directory)


@contextmanager
def working_on(deployed: Rehearsed, directory: Path) -> Iterator[Rehearsed]:
    """Give an environment that is deployed already, as the one kept in `directory`, where runs go to."""
    # Records of a directory of one's own: each run draws an index of them all.
    (directory / "records").mkdir()
    (directory / ".prod-infra").symlink_to(deployed.directory / ".prod-infra")
    deployed.target.server.admin("DELETE", "/faults")
    env = Rehearsed(deployed.target, directory)
    eventually(lambda: all(check.passed for check in checks(env.aws, env.deployed)))
    with chdir(directory):
        yield env
