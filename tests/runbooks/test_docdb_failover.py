"""The drill `docdb_failover` on a deployed local AWS: measured as injected, refused or taken back where it can't be."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from prod_infra.errors import RunbookError
from runbooks.catalog import find_runbook
from runbooks.docdb_failover import DocdbFailover, fail_back, find_failover
from runbooks.records.record import Verdict
from runbooks.running.runner import undo
from tests.runbooks.rehearsed import SETTINGS, Rehearsed, failure

pytestmark = pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds processes in /proc")


@pytest.fixture(scope="module")
def shared(rehearsed: Rehearsed) -> Rehearsed:
    """The environment that modules share: each test leaves it as it was."""
    return rehearsed


@pytest.fixture
def env(shared: Rehearsed) -> Iterator[Rehearsed]:
    """The environment, with short failovers, which has to be after a test as it was before."""
    shared.fault("failover", seconds=0.5)
    before = shared.seen()
    yield shared
    shared.target.server.admin("DELETE", "/faults")
    assert shared.seen() == before


def _failovers(env: Rehearsed) -> int:
    name = env.deployed.database["DBClusterIdentifier"]
    found = env.clients("docdb").describe_events(
        SourceType="db-cluster", SourceIdentifier=name, EventCategories=["failover"], Duration=60
    )
    return sum("Completed" in event["Message"] for event in found["Events"])


def test_outage_is_measured_as_it_was(env: Rehearsed) -> None:
    """RTO is the injected outage within the probe's resolution, nothing is lost, and the former writer writes again."""
    env.fault("failover", seconds=3.0)
    count = _failovers(env)
    record = env.run("docdb_failover")
    assert record.verdict is Verdict.SUCCEEDED, env.shown
    found = record.measured
    assert found is not None
    assert found.rto_seconds is not None
    assert found.resolution_seconds is not None
    assert abs(found.rto_seconds - 3.0) <= 2 * found.resolution_seconds
    assert (found.rto_by, found.rpo, found.failed.get("read", 0)) == ("write", 0, 0)
    assert len(found.windows) == 2, "there and back"
    assert (record.objectives.rto_seconds, record.objectives.rpo) == (120, 0)
    assert record.steady_state.after is not None
    assert record.plan is not None
    assert [call.operation for step in record.plan.steps for call in step.calls] == ["failover_db_cluster"]
    assert _failovers(env) == count + 2
    assert env.lock_is_free()


def test_app_probe_and_record_count_the_same_writes(env: Rehearsed) -> None:
    """What the app acknowledged, by its own log, is what the probe noted and the record tells: no more and no less."""
    env.fault("failover", seconds=1.0)
    record = env.run("docdb_failover", probe_interval=0.02)
    assert record.verdict is Verdict.SUCCEEDED, env.shown
    folder = env.folders[-1]
    begin, *lines, end = [json.loads(line) for line in (folder / "probe.jsonl").read_text().splitlines()]
    assert (begin["kind"], begin["run"]) == ("begin", record.id)
    assert (end["kind"], end["error"]) == ("end", "")
    sent = {line["sequence"]: line for line in lines if line["kind"] == "write"}
    acknowledged = {number: line for number, line in sent.items() if line["status"] == 201}
    refused = [line["status"] for number, line in sent.items() if number not in acknowledged]
    assert sorted(sent) == list(range(1, len(sent) + 1))
    assert set(refused) == {503}, "no request is without an answer, so that the two logs can be equal"
    log = env.target.server.data_plane().log(record.id)
    assert sorted(write["sequence"] for write in log) == sorted(acknowledged), "each once"
    for write in log:
        line = acknowledged[write["sequence"]]
        asked = datetime.fromisoformat(line["at"]).timestamp()
        # Two clocks' readings of one machine, taken apart from each other.
        assert asked - 0.01 <= write["at"] <= asked + line["latency"] + 0.01
        assert write["revision"] == line["revision"]
    found = record.measured
    assert found is not None
    reads = [line for line in lines if line["kind"] == "read"]
    assert found.requests == {"write": len(sent), "read": len(reads)}
    assert found.failed == {"write": len(refused)}
    assert sum(window.failed for window in found.windows) == len(refused)
    assert (found.rpo, found.rpo_seconds, found.rpo_why) == (0, 0.0, "")
    with env.target.server.data_plane().client(SETTINGS.domain_name) as client:
        stored = client.get("/api/probe", params={"run": record.id}).json()
    assert (stored["count"], stored["sequences"]) == (len(log), sorted(acknowledged))


def test_dry_run_changes_nothing(env: Rehearsed) -> None:
    """A dry run shows the call and its undo, and nothing fails over."""
    count = _failovers(env)
    record = env.run("docdb_failover", dry_run=True)
    assert record.verdict is Verdict.SUCCEEDED, env.shown
    assert "docdb.failover_db_cluster(DBClusterIdentifier=" in env.shown
    assert f"writer='{env.writer()}'" in env.shown
    assert (record.measured, _failovers(env)) == (None, count)


def test_new_writer_can_stay_and_be_taken_back_later(env: Rehearsed) -> None:
    """With `fail_back=false` the new writer stays until an undo; throttling is waited out; no write probe, no RPO."""
    env.fault("throttle", service="docdb", operation="FailoverDBCluster", times=1)
    former = env.writer()
    record = env.run("docdb_failover", fail_back="false", probe_write="")
    assert record.verdict is Verdict.SUCCEEDED, env.shown
    assert record.measured is not None
    assert (record.measured.rpo, record.measured.rpo_why) == (None, "the app offers no write probe")
    assert record.measured.rto_by == "read"
    chosen = env.writer()
    assert chosen != former
    assert env.undo(record) == [f"failed back from {chosen} to {former}"]
    assert env.undo(record) == []
    name = env.deployed.database["DBClusterIdentifier"]
    assert fail_back(env.aws, cluster=name, writer=former) == f"{former} is the writer"


def test_missed_objective_fails_the_drill(env: Rehearsed) -> None:
    """A drill that takes longer than promised fails by that, after it has been taken back."""
    record = env.run("docdb_failover", rto_objective_seconds=0.1)
    assert "the objective is 0.1 s" in failure(record)
    assert record.steady_state.after is not None
    assert record.undo == [], "it was taken back in the run"


def test_refused_call_fails_and_is_recorded(env: Rehearsed) -> None:
    """A call that AWS refuses fails the run; undo finds the writer as it was, and no request was lost."""
    env.fault("error", service="docdb", operation="FailoverDBCluster", code="InvalidDBClusterStateFault", status=400)
    writer = env.writer()
    record = env.run("docdb_failover")
    assert "InvalidDBClusterStateFault" in failure(record)
    assert [undone.detail for undone in record.undo] == [f"{writer} is the writer"]
    assert record.measured is not None
    assert record.measured.failed == {}


def test_stuck_failover_ends_and_is_taken_back(env: Rehearsed) -> None:
    """A failover that hangs ends the run in time; when it goes through after all, undo fails back."""
    env.fault("stuck", what="failover")
    writer = env.writer()
    ending = env.end_faults_when_undoing()
    record = env.run("docdb_failover", failover_timeout=2)
    ending.join()
    assert "WaitTimeoutError: Waited 2 s" in failure(record)
    assert [(undone.done, f"to {writer}" in undone.detail) for undone in record.undo] == [(True, True)]
    assert env.lock_is_free()


def test_killed_kernel_is_taken_back(env: Rehearsed) -> None:
    """Kill -9 of the kernel while the database fails over: a true record, and the former writer writes again."""
    env.fault("failover", seconds=2.0)
    writer = env.writer()
    record = env.kill_kernel("docdb_failover", lambda journal: any(entry["event"] == "begin" for entry in journal))
    assert "DeadKernelError" in failure(record)
    assert [undone.done for undone in record.undo] == [True]
    assert env.writer() == writer
    assert env.undo(record) == []


def test_what_cannot_fail_over_is_refused(env: Rehearsed) -> None:
    """A target that is the writer, is unknown or is ill is refused by name, and a run says so before it begins."""
    writer = env.writer()
    with pytest.raises(RunbookError, match=f"{writer} is the writer already"):
        find_failover(env.deployed, writer)
    with pytest.raises(RunbookError, match="nobody is none of its instances prod-docdb-0"):
        find_failover(env.deployed, "nobody")
    env.fault("unhealthy-replica")
    record = env.run("docdb_failover")
    assert "it takes two" in failure(record)
    assert (record.plan, record.undo) == (None, [])


def test_replica_of_other_class_is_refused(env: Rehearsed) -> None:
    """A smaller replica must not become the writer."""
    replica = next(name for name, writes in env.seen()["members"].items() if not writes)
    original = next(each for each in env.deployed.database_instances if each["DBInstanceIdentifier"] == replica)
    resize(env, replica, "db.r6g.2xlarge")
    try:
        with pytest.raises(RunbookError, match=r"is a db.r6g.2xlarge, not a"):
            find_failover(env.deployed)
    finally:
        resize(env, replica, original["DBInstanceClass"])


def resize(env: Rehearsed, name: str, instance_class: str) -> None:
    """Change an instance's class and wait until that is done."""
    docdb = env.clients("docdb")
    docdb.modify_db_instance(DBInstanceIdentifier=name, DBInstanceClass=instance_class, ApplyImmediately=True)
    docdb.get_waiter("db_instance_available").wait(DBInstanceIdentifier=name, WaiterConfig={"Delay": 1})


def test_probe_that_does_not_get_through_keeps_it_from_acting(env: Rehearsed) -> None:
    """Without a probe that works nothing is done; the wrong path is named."""
    count = _failovers(env)
    record = env.run("docdb_failover", probe_write="/api/nothing")
    assert "write /api/nothing: 404" in failure(record)
    assert (record.undo, _failovers(env)) == ([], count)


def test_firing_alarm_keeps_it_from_acting(env: Rehearsed) -> None:
    """An alarm that fires before the start is named, and nothing is done."""
    cloudwatch = env.clients("cloudwatch")
    name = env.deployed.alarms(env.clients.region)[0]["AlarmName"]
    cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="a test")
    try:
        record = env.run("docdb_failover")
    finally:
        cloudwatch.set_alarm_state(AlarmName=name, StateValue="OK", StateReason="a test")
    assert f"{name} fire" in failure(record)
    assert record.plan is None


def test_probe_that_dies_is_told(env: Rehearsed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the probe could not write on, RTO is not measured, and the drill fails by that."""
    monkeypatch.chdir(tmp_path)
    given = find_runbook("docdb_failover").validate({"endpoint": env.target.endpoint})
    run: Any = DocdbFailover.start(**given.model_dump())
    run.steady_state("before")
    run.plan()
    run.act()
    file = run.folder / "probe.jsonl"
    full = os.open("/dev/full", os.O_WRONLY)
    for handle in Path("/proc/self/fd").iterdir():
        if handle.is_symlink() and handle.readlink() == file:
            os.dup2(full, int(handle.name))
    os.close(full)
    with pytest.raises(RunbookError, match="Requests get through the front door"):
        run.verify()
    assert "No space left" in run.probing.measured.probe_error
    assert run.probing.measured.rto_seconds is None
    with pytest.raises(RunbookError, match="The probe did not last"):
        run.result()
    assert [tried.done for tried in undo(run.id, directory=tmp_path)] == [True]
