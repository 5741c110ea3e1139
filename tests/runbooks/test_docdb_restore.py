"""The drill `docdb_restore` on a deployed local AWS: restored, compared, measured, torn down; never anybody else's."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from prod_infra.errors import InvalidInputError
from runbooks.actions.docdb_restored import tear_down
from runbooks.records.record import Verdict
from tests.runbooks.rehearsed import SETTINGS, Rehearsed, eventually, failure

pytestmark = pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds processes in /proc")


@pytest.fixture(scope="module")
def shared(rehearsed: Rehearsed) -> Rehearsed:
    """The environment that modules share: each test leaves it as it was."""
    return rehearsed


def _data(env: Rehearsed) -> dict[str, Any]:
    """Return what the drill makes and deletes, as AWS shows it."""
    docdb, logs = env.clients("docdb"), env.clients("logs")
    groups = logs.describe_log_groups(logGroupNamePrefix="/aws/docdb/")["logGroups"]
    return {
        "clusters": {each["DBClusterIdentifier"]: each["Status"] for each in _clusters(env)},
        "instances": {
            each["DBInstanceIdentifier"]: each["DBInstanceStatus"]
            for each in docdb.describe_db_instances()["DBInstances"]
        },
        "snapshots": [
            each["DBClusterSnapshotIdentifier"]
            for each in docdb.describe_db_cluster_snapshots(SnapshotType="manual")["DBClusterSnapshots"]
        ],
        "logs": sorted(group["logGroupName"] for group in groups),
    }


def _clusters(env: Rehearsed) -> list[dict[str, Any]]:
    return list(env.clients("docdb").describe_db_clusters()["DBClusters"])


@pytest.fixture
def env(shared: Rehearsed) -> Iterator[Rehearsed]:
    """The environment, which has to be after a test as it was before."""
    before = shared.seen(), _data(shared)
    yield shared
    shared.target.server.admin("DELETE", "/faults")
    assert (shared.seen(), _data(shared)) == before


def _write(env: Rehearsed, run: str, count: int) -> datetime:
    """Write as customers do, and return when that was over."""
    with env.aws.front_door(SETTINGS.domain_name).client() as client:
        for sequence in range(1, count + 1):
            assert client.post("/api/probe", json={"run": run, "sequence": sequence}).is_success
    return datetime.now(UTC)


def _count(env: Rehearsed) -> int:
    """Return how many writes the database has."""
    with env.aws.front_door(SETTINGS.domain_name).client() as client:
        return int(client.get("/api/checksum").raise_for_status().json()["count"])


def _is_restorable(env: Rehearsed, moment: datetime) -> bool:
    return bool(env.deployed.database["LatestRestorableTime"] > moment)


def test_restored_data_are_the_source_s(env: Rehearsed) -> None:
    """What was written before is in the new cluster, RTO and RPO are measured, and all that was made is gone."""
    known = _count(env)
    moment = _write(env, "before", 5)
    eventually(lambda: _is_restorable(env, moment))
    record = env.run("docdb_restore")
    assert record.verdict is Verdict.SUCCEEDED, env.shown
    comparison = record.results["comparison"]
    assert comparison["detail"].startswith("equal: ")
    assert f'"count": {known + 5},' in comparison["detail"]
    assert record.measured is not None
    assert record.measured.rto_seconds is not None
    assert record.measured.rpo_seconds is not None
    assert (record.measured.rto_why, record.measured.rpo) == ("", None)
    assert 0 < record.measured.rpo_seconds < 60
    assert (record.objectives.rto_seconds, record.objectives.rpo_seconds) == (7200, 600)
    assert "prod-docdb-restored and its 1 instances deleted" in env.shown
    assert env.lock_is_free()


def test_later_writes_do_not_disturb_the_comparison(env: Rehearsed) -> None:
    """Both sums are of what was written up to the moment of the restore, while the source goes on."""
    moment = datetime.now(UTC)
    eventually(lambda: _is_restorable(env, moment))
    _write(env, "later", 3)
    record = env.run("docdb_restore", restore_to=moment.isoformat())
    assert record.verdict is Verdict.SUCCEEDED, env.shown
    detail = record.results["comparison"]["detail"]
    assert detail.startswith("equal: ")
    assert moment.isoformat() in detail


def test_kept_cluster_is_the_source_s_twin_until_undone(env: Rehearsed) -> None:
    """With `keep_cluster` it stays, set up as its source; only its own undo deletes it, with DocumentDB's log group."""
    record = env.run("docdb_restore", keep_cluster=True, instances=2, cluster="twin", checksum_command="")
    assert record.verdict is Verdict.SUCCEEDED, env.shown
    found = {each["DBClusterIdentifier"]: each for each in _clusters(env)}
    source, twin = found[env.deployed.database["DBClusterIdentifier"]], found["twin"]
    for same in ("DBClusterParameterGroup", "DBSubnetGroup", "KmsKeyId", "Port", "EnabledCloudwatchLogsExports"):
        assert twin[same] == source[same], same
    assert twin["VpcSecurityGroups"] == source["VpcSecurityGroups"]
    assert twin["DeletionProtection"] is False
    assert [member["DBClusterParameterGroupStatus"] for member in twin["DBClusterMembers"]] == ["in-sync"] * 2
    assert record.measured is not None
    assert record.measured.rto_why == "until the instances were available; no data was read"
    assert record.results["comparison"]["detail"] == "not compared: checksum_command is empty"

    refused = env.run("docdb_restore", cluster="twin")
    assert "There is a cluster twin already" in failure(refused)
    other = tear_down(env.aws, cluster="twin", run=refused.id, log_groups=[])
    assert other == "twin is not of this run: nothing was made"
    assert {"twin", "twin-0", "twin-1"} <= {*_data(env)["clusters"], *_data(env)["instances"]}

    name = "/aws/docdb/twin/audit"
    env.clients("logs").create_log_group(logGroupName=name)
    assert "twin and its 2 instances deleted" in env.undo(record)
    assert name not in _data(env)["logs"]
    assert env.undo(record) == []
    assert tear_down(env.aws, cluster="twin", run=record.id, log_groups=[]) == "twin was not there"


def test_dry_run_changes_nothing(env: Rehearsed) -> None:
    """A dry run shows each call; its digest approves the run that follows, though that has another id."""
    before = _data(env)
    record = env.run("docdb_restore", dry_run=True, checksum_command="")
    assert record.verdict is Verdict.SUCCEEDED, env.shown
    assert "docdb.restore_db_cluster_to_point_in_time(DBClusterIdentifier='prod-docdb-restored'" in env.shown
    assert "'<run id>'" in env.shown
    assert (_data(env), record.measured) == (before, None)
    assert record.plan is not None
    acted = env.run("docdb_restore", checksum_command="", approve=record.plan.digest)
    assert acted.verdict is Verdict.SUCCEEDED, env.shown


def test_stuck_restore_ends_and_is_taken_back(env: Rehearsed) -> None:
    """A restore that hangs ends the run in time; the half-made cluster is deleted when AWS lets it be."""
    with env.until_failure("stuck", what="restore"):
        record = env.run("docdb_restore", settle_timeout=1)
    assert "WaitTimeoutError: Waited 1 s for prod-docdb-restored to be available" in failure(record)
    assert [undone.detail for undone in record.undo] == ["prod-docdb-restored and its 0 instances deleted"]
    assert env.lock_is_free()


def test_failed_instance_takes_the_cluster_with_it(env: Rehearsed) -> None:
    """Where AWS refuses the instance, the cluster that is there by then is deleted."""
    env.fault("error", service="docdb", operation="CreateDBInstance", code="InsufficientDBInstanceCapacity", status=400)
    record = env.run("docdb_restore")
    assert "InsufficientDBInstanceCapacity" in failure(record)
    assert [undone.done for undone in record.undo] == [True]


def test_killed_kernel_is_taken_back(env: Rehearsed) -> None:
    """Kill -9 of the kernel while the instance is made: a true record, and nothing is left of the new cluster."""
    record = env.kill_kernel(
        "docdb_restore", lambda journal: any("create" in entry.get("step", "") for entry in journal)
    )
    assert "DeadKernelError" in failure(record)
    assert all(undone.done for undone in record.undo)
    assert env.undo(record) == []


def test_command_that_fails_fails_the_drill(env: Rehearsed) -> None:
    """A command that prints no sum is no comparison that passed."""
    record = env.run("docdb_restore", checksum_command="nothing")
    assert "The data are the source's" in failure(record)
    assert "the command failed: exit code 127" in env.shown
    assert record.measured is not None


def test_missed_objective_fails_the_drill(env: Rehearsed) -> None:
    """A restore that takes longer than promised fails by that, after it has been torn down."""
    record = env.run("docdb_restore", rto_objective_seconds=0.1, checksum_command="")
    assert "The drill missed its objectives: RTO was" in failure(record)


def test_times_that_cannot_be_restored_are_refused(env: Rehearsed) -> None:
    """A time without a zone is refused before anything starts, one that has no backup before anything happens."""
    with pytest.raises(InvalidInputError) as caught:
        env.run("docdb_restore", restore_to="2026-01-01T00:00:00")
    assert "time zone" in caught.value.faults[0]
    with pytest.raises(InvalidInputError):
        env.run("docdb_restore", restore_to="yesterday")
    late = datetime.now(UTC) + timedelta(days=1)
    record = env.run("docdb_restore", restore_to=late.isoformat())
    assert "can't be restored" in failure(record)
    assert (record.plan, record.undo) == (None, [])
