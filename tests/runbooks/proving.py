"""Runs of any runbook with any trouble, on one deployed local AWS, and what has to hold after each."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from runbooks.core.journal import Entry, pending, read_journal
from runbooks.records.record import CellStatus, Record, Verdict
from runbooks.records.verification import verify
from runbooks.running.runner import read_record
from tests.runbooks.rehearsed import SETTINGS, Rehearsed, eventually, kernel_of
from tests.runbooks.releasing import Stage

COMMAND: Final = "import sys; from prod_infra.cli import main; main(['runbook', *sys.argv[1:]])"
POINTS: Final = frozenset({"begin", "done", "undoing", "undone"})
"""Events between and in steps, there and back."""
RUN_SECONDS: Final = 180.0
"""For which a run, and an undo, may take: many times what any needs."""

World = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Case:
    """How a runbook is run here.

    Attributes:
        given: makes its parameters; each run of a release needs a new image.
        stuck: kinds of its work that can hang, and the parameters with which its waits then end soon.
        kept: says what a run that succeeded left behind, by its record: the world after it, of the one before.
        goes_back: whether what was begun is taken back; else `resume` brings it to its end.
    """

    given: Callable[[Proving], dict[str, Any]] = lambda _: {}
    stuck: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    kept: Callable[[Proving, World, Record], World] = lambda _proving, before, _record: before
    goes_back: bool = True


@dataclass(frozen=True, kw_only=True)
class Ended:
    """A run that has ended, or was killed.

    Attributes:
        folder: of the run.
        code: exit code of its process.
        said: all that it said.
        reached: whether it came to the point where trouble waited.
    """

    folder: Path
    code: int
    said: str
    reached: bool


class Proving:
    """The environment, and what is known of it.

    Args:
        env: deployed and well.

    Attributes:
        before: the world as it has to be again.
        passwords: every one that the database ever had.
        runs: how many were driven.
    """

    def __init__(self, env: Rehearsed) -> None:
        self.env = env
        self.stage = Stage(env.directory, env.target, env.clients)
        self.passwords: set[str] = set()
        self.runs = 0
        self.end_faults()
        self.before = self.world()

    def end_faults(self) -> None:
        """End every fault; failovers stay short."""
        self.env.target.server.admin("DELETE", "/faults")
        self.env.fault("failover", seconds=0.3)

    # What AWS says.

    def world(self) -> World:
        """Return all that a runbook may change, as AWS shows it once nothing is on its way any more."""
        self.stage.settle()
        seen = eventually(self._settled)
        env, clients = self.env.deployed, self.env.clients
        docdb, ecs, s3 = clients("docdb"), clients("ecs"), clients("s3")
        secret = clients("secretsmanager").describe_secret(SecretId=SETTINGS.master_password_secret_name)
        cluster = env.service["clusterArn"]
        site, shares = env.bucket("site"), self.stage.weights
        return {
            **seen,
            "routes": {table["RouteTableId"]: _default(table) for table in env.route_tables.values()},
            "clusters": sorted(each["DBClusterIdentifier"] for each in docdb.describe_db_clusters()["DBClusters"]),
            "instances": sorted(each["DBInstanceIdentifier"] for each in docdb.describe_db_instances()["DBInstances"]),
            "logs": sorted(
                each["logGroupName"]
                for each in clients("logs").describe_log_groups(logGroupNamePrefix="/aws/docdb/")["logGroups"]
            ),
            "stages": {stage: name for name, stages in secret["VersionIdsToStages"].items() for stage in stages},
            "password opens the database": self._password_opens(),
            "one-off tasks": [
                arn
                for arn in ecs.list_tasks(cluster=cluster)["taskArns"]
                if arn not in ecs.list_tasks(cluster=cluster, serviceName=env.service["serviceName"])["taskArns"]
            ],
            "live": self.stage.live,
            "shares": {name: weight / sum(shares.values()) for name, weight in shares.items()},
            "definitions": sorted(self.stage.revisions),
            "site": {
                item["Key"]: s3.get_object(Bucket=site, Key=item["Key"])["Body"].read().decode()
                for item in s3.list_objects_v2(Bucket=site).get("Contents", ())
            },
            "backups": env.database["BackupRetentionPeriod"],
        }

    def _settled(self) -> World | None:
        seen = self.env.seen()
        wanted, running = seen["tasks"]
        status, instances = seen["database"]
        return seen if wanted == running and status == "available" and instances == {"available"} else None

    def _password_opens(self) -> bool:
        answer = self.env.clients("secretsmanager").get_secret_value(SecretId=SETTINGS.master_password_secret_name)
        password = str(json.loads(answer["SecretString"])["password"])
        self.passwords.add(password)
        cluster = self.env.deployed.database
        login = {"cluster": cluster["DBClusterIdentifier"], "user": cluster["MasterUsername"], "password": password}
        return bool(self.env.target.server.admin("POST", "/docdb/login", **login)["accepted"])

    # Runs.

    @contextmanager
    def started(self, name: str, given: Mapping[str, Any]) -> Iterator[tuple[subprocess.Popen[str], Path]]:
        """Start a run in a process of its own; give it, and its folder."""
        known = set(self.env.folders)
        parameters = {"endpoint": self.env.target.endpoint, **given}
        arguments = [text for pair in parameters.items() for text in ("-p", "=".join(map(str, pair)))]
        with self.process("run", name, *arguments) as process:
            folder = eventually(
                lambda: next(iter(set(self.env.folders) - known), None) if process.poll() is None else None
            )
            yield process, folder

    @contextmanager
    def process(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """Start a command; what is left of it in the end is killed."""
        self.runs += arguments[0] != "undo"
        with (self.env.directory / "said").open("w+") as said:
            process = subprocess.Popen(
                [sys.executable, "-c", COMMAND, *arguments],
                cwd=self.env.directory,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                text=True,
            )
            try:
                yield process
            finally:
                process.kill()
                process.wait(timeout=RUN_SECONDS)

    def said(self) -> str:
        """Return what the newest process said."""
        return (self.env.directory / "said").read_text()

    def run(
        self,
        name: str,
        given: Mapping[str, Any],
        moment: Callable[[Path], bool] = lambda _: False,
        strike: Callable[[subprocess.Popen[str]], object] = lambda _: None,
    ) -> Ended:
        """Drive a run to its end, and strike it once, at a moment that its folder tells."""
        with self.started(name, given) as (process, folder):
            deadline, reached = time.monotonic() + RUN_SECONDS, False
            while not reached and process.poll() is None:
                assert time.monotonic() < deadline, f"{folder.name} never ends"
                time.sleep(0.003)
                if reached := moment(folder):
                    strike(process)
            code = process.wait(timeout=RUN_SECONDS)
        return Ended(folder=folder, code=code, said=self.said(), reached=reached)

    def command(self, *arguments: str) -> Ended:
        """Drive `undo` or `resume` to its end; the folder is that of the newest run then."""
        with self.process(*arguments) as process:
            code = process.wait(timeout=RUN_SECONDS)
        return Ended(folder=self.env.folders[-1], code=code, said=self.said(), reached=True)

    # What has to hold.

    def holds(self, ended: Ended, case: Case) -> Record:
        """Look at a run that is over and taken back, resumed or done: record, journal and AWS must say the same."""
        record = read_record(ended.folder)
        journal = read_journal(ended.folder / "journal.jsonl")
        told = f"{record.id}\n{ended.said}\n{[(entry['event'], entry.get('step')) for entry in journal]}"
        succeeded = record.verdict is Verdict.SUCCEEDED
        assert (ended.code == 0) is succeeded, told
        assert record.verdict is not Verdict.RUNNING, told
        assert (record.error is None) is succeeded, told
        _cells_are_true(record, told)
        _journal_is_told(record, journal, told)
        self._writes_are_told(ended.folder, record, told)
        assert self.env.lock_is_free(), told
        assert verify(self.env.directory / "records").problems == [], told
        wanted = case.kept(self, self.before, record) if succeeded else self.before
        found = self.world()
        assert found == wanted, f"{told}\n{found}\n{wanted}"
        self._nothing_is_shown(ended)
        self.before = found
        return record

    def is_regretted(self, ended: Ended, before: World) -> None:
        """Take a run that succeeded back, and look whether all is as it was before it."""
        undone = self.command("undo", ended.folder.name)
        assert undone.code == 0, undone.said
        assert all(tried.done for tried in read_record(ended.folder).undo)
        assert self.env.lock_is_free()
        assert verify(self.env.directory / "records").problems == []
        found = self.world()
        assert found == before, f"{undone.said}\n{found}\n{before}"
        self._nothing_is_shown(undone)
        self.before = found

    def _writes_are_told(self, folder: Path, record: Record, told: str) -> None:
        """Each write that the probe saw acknowledged is in the app's log and its database, or counted as lost."""
        path = folder / "probe.jsonl"
        if not path.exists():
            return
        lines = [json.loads(line) for line in path.read_bytes().rpartition(b"\n")[0].splitlines()]
        acknowledged = {line["sequence"] for line in lines if line["kind"] == "write" and line["status"] == 201}
        logged = {write["sequence"] for write in self.env.target.server.data_plane().log(folder.name)}
        with self.env.aws.front_door(SETTINGS.domain_name).client() as client:
            answer = client.get("/api/probe", params={"run": folder.name}).raise_for_status().json()
        lost = acknowledged - set(answer["sequences"])
        assert acknowledged <= logged, told
        measured = record.measured
        assert len(lost) == (measured.rpo if measured is not None and measured.rpo is not None else 0), told

    def _nothing_is_shown(self, ended: Ended) -> None:
        written = ended.said.encode() + b"".join(
            path.read_bytes() for path in ended.folder.rglob("*") if path.is_file()
        )
        assert not [password for password in self.passwords if password.encode() in written]


def _default(table: Mapping[str, Any]) -> tuple[str, str]:
    route: Mapping[str, str] = next(
        (one for one in table["Routes"] if one.get("DestinationCidrBlock") == "0.0.0.0/0"), {}
    )
    return route.get("NatGatewayId", route.get("GatewayId", "")), route.get("State", "")


def _cells_are_true(record: Record, told: str) -> None:
    """Cells ended in order: completed ones, at most one that failed, then none that ever ran."""
    statuses = [cell.status for cell in record.cells]
    completed = statuses.count(CellStatus.COMPLETED)
    after = statuses[completed:]
    assert statuses[:completed] == [CellStatus.COMPLETED] * completed, told
    if record.verdict is Verdict.SUCCEEDED:
        assert not after, told
    else:
        assert after[:1] in ([CellStatus.FAILED], [CellStatus.NEVER_RUN]), (statuses, told)
        assert set(after[1:]) <= {CellStatus.NEVER_RUN}, (statuses, told)


def _journal_is_told(record: Record, journal: Sequence[Entry], told: str) -> None:
    """Every step that began is done, taken back, or in the plan as one that nothing takes back."""
    left = pending(journal)
    if record.verdict is Verdict.SUCCEEDED:
        done = {entry["step"] for entry in journal if entry["event"] in {"done", "skipped"}}
        assert {entry["step"] for entry in left} <= done, told
        assert record.plan is not None, told
        assert {step.name for step in record.plan.steps} <= done, told
    else:
        assert [entry["step"] for entry in left if entry["undo"] is not None] == [], told
    tried = [(each.step, each.done) for each in record.undo]
    tried += [(each["step"], each["done"]) for each in record.results.get("taken_back", {}).get("undo", ())]
    ended = {
        (entry["step"], entry["event"] == "undone") for entry in journal if entry["event"] in {"undone", "undo-failed"}
    }
    assert set(tried) <= ended, told


def at(point: Callable[[int], int]) -> Callable[[Path], bool]:
    """Return the moment at which the journal has its n-th event between steps.

    Args:
        point: says n, of the number of steps in the plan.
    """
    wanted = 0

    def comes(folder: Path) -> bool:
        nonlocal wanted
        events = [entry["event"] for entry in read_journal(folder / "journal.jsonl")]
        if not wanted and "locked" in events:
            plan = read_record(folder).plan
            assert plan is not None, "a run that acts has a plan in its record"
            wanted = point(len(plan.steps))
        return bool(wanted) and sum(event in POINTS for event in events) >= wanted

    return comes


def is_planned(folder: Path) -> bool:
    """Whether a run's plan is in its record: it is about to act."""
    return (folder / "record.json").exists() and read_record(folder).plan is not None


def has_failed(folder: Path) -> bool:
    """Whether a step of a run has failed."""
    return any(entry["event"] == "failed" for entry in read_journal(folder / "journal.jsonl"))


def kill_kernel(process: subprocess.Popen[str]) -> None:
    """Kill -9 the kernel of a run, if it still has one."""
    os.kill(kernel_of(process), signal.SIGKILL)


def digest(text: str) -> str:
    """Return a made-up image's digest."""
    return hashlib.sha256(text.encode()).hexdigest()


def _release(proving: Proving) -> dict[str, Any]:
    number = str(proving.runs)
    folder = proving.env.directory / "site"
    folder.mkdir(exist_ok=True)
    (folder / "index.html").write_text(number)
    image = f"registry.example.com/app@sha256:{digest(number)}"
    return {"image": image, "site_dir": str(folder), "bake_minutes": 0.01}


def _released(proving: Proving, before: World, record: Record) -> World:
    new = record.results["release"]["revision"]
    definition = proving.stage.definition(new)
    assert definition["containerDefinitions"][0]["image"] == record.parameters["image"]
    return {
        **before,
        "live": new,
        "shares": {new: 1.0},
        "definitions": sorted([*before["definitions"], new]),
        "site": {**before["site"], "index.html": (Path(record.parameters["site_dir"]) / "index.html").read_text()},
    }


def _roll_back(proving: Proving) -> dict[str, Any]:
    """Back to a revision that somebody has registered."""
    stage = proving.stage
    others = [name for name in stage.revisions if name != stage.live and name.startswith("prod-app:")]
    if not others:
        ecs, known = proving.env.clients("ecs"), stage.definition(stage.live)
        members = ecs.meta.service_model.operation_model("RegisterTaskDefinition").input_shape.members
        wanted = {name: known[name] for name in members if name in known}
        [container] = wanted["containerDefinitions"]
        image = f"registry.example.com/app@sha256:{digest('former')}"
        made = ecs.register_task_definition(**{**wanted, "containerDefinitions": [{**container, "image": image}]})
        others = [made["taskDefinition"]["taskDefinitionArn"].rpartition("/")[2]]
        proving.before = proving.world()
    return {"task_definition": others[-1]}


def _rolled_back(_: Proving, before: World, record: Record) -> World:
    wanted = record.parameters["task_definition"]
    assert record.results["release"]["revision"] == wanted
    return {**before, "live": wanted, "shares": {wanted: 1.0}}


def _rotated(proving: Proving, before: World, record: Record) -> World:
    journal = read_journal(proving.env.directory / "records" / record.id / "journal.jsonl")
    new = next(entry["value"] for entry in journal if entry["event"] == "decided" and entry["name"] == "version")
    return {**before, "stages": {"AWSCURRENT": new, "AWSPREVIOUS": before["stages"]["AWSCURRENT"]}}


def _deployed(_: Proving, before: World, record: Record) -> World:
    return {**before, "backups": record.parameters["settings"]["backup_retention_period"]}


CASES: Final[Mapping[str, Case]] = {
    "docdb_failover": Case(stuck={"failover": {"failover_timeout": 2}}),
    "az_evacuation": Case(stuck={"task": {"settle_timeout": 3}, "failover": {"settle_timeout": 3}}),
    "release": Case(given=_release, kept=_released, stuck={"deployment": {"timeout_minutes": 0.05}}),
    "rollback": Case(given=_roll_back, kept=_rolled_back, stuck={"deployment": {"timeout_minutes": 0.05}}),
    "nat_outage": Case(given=lambda _: {"egress_command": "checksum"}),
    "docdb_restore": Case(stuck={"restore": {"settle_timeout": 2}}),
    "rotate_docdb_password": Case(stuck={"task": {"settle_timeout": 3}}, kept=_rotated),
    "deploy_prod": Case(
        given=lambda proving: {"backup_retention_period": 15 + (proving.before["backups"] == 15)},
        kept=_deployed,
        goes_back=False,
    ),
}
"""Every runbook that changes something."""
