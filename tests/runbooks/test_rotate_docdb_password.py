"""The runbook `rotate_docdb_password` on a deployed local AWS: changed everywhere, or as it was, and never shown."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from runbooks.actions.former_password import of_stage
from runbooks.core.journal import read_journal
from runbooks.records.record import Verdict
from runbooks.running.runner import resume
from tests.runbooks.rehearsed import COMMAND, SETTINGS, Rehearsed, eventually, failure

pytestmark = pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds processes in /proc")

NAME = "rotate_docdb_password"


@pytest.fixture(scope="module")
def shared(changed: Rehearsed) -> Rehearsed:
    """The environment that modules share; the password may be another one after each test."""
    return changed


@pytest.fixture
def env(shared: Rehearsed) -> Iterator[Rehearsed]:
    """The environment, in which nothing but the password may be another after a test, and whose app has to write."""
    before = shared.seen()
    yield shared
    shared.target.server.admin("DELETE", "/faults")
    assert shared.seen() == before
    _write(shared)
    assert _accepted(shared, _password(shared))


def _password(env: Rehearsed, stage: str = "AWSCURRENT") -> str:
    answer = env.clients("secretsmanager").get_secret_value(
        SecretId=SETTINGS.master_password_secret_name, VersionStage=stage
    )
    return str(json.loads(answer["SecretString"])["password"])


def _stages(env: Rehearsed) -> dict[str, str]:
    found = env.clients("secretsmanager").describe_secret(SecretId=SETTINGS.master_password_secret_name)
    return {stage: version for version, stages in found["VersionIdsToStages"].items() for stage in stages}


def _accepted(env: Rehearsed, password: str) -> bool:
    """Ask the cluster itself, on an admin path that no runbook uses."""
    cluster = env.deployed.database
    given = {"cluster": cluster["DBClusterIdentifier"], "user": cluster["MasterUsername"], "password": password}
    return bool(env.target.server.admin("POST", "/docdb/login", **given)["accepted"])


def _write(env: Rehearsed) -> None:
    """Write through every task as a customer does."""
    with env.aws.front_door(SETTINGS.domain_name).client() as client:
        for sequence in range(1, 9):
            answer = client.post("/api/probe", json={"run": "test", "sequence": sequence})
            assert answer.is_success, answer.text


def _tasks(env: Rehearsed) -> set[str]:
    service = env.deployed.service
    found = env.clients("ecs").list_tasks(cluster=service["clusterArn"], serviceName=service["serviceName"])
    return set(found["taskArns"])


def _comes_to(event: str, step: str) -> Callable[[Sequence[Mapping[str, Any]]], bool]:
    return lambda journal: any(entry["event"] == event and entry["step"].startswith(step) for entry in journal)


def test_new_password_counts_everywhere_and_is_never_shown(env: Rehearsed) -> None:
    """Secret, cluster and tasks have the new one, the old one is refused, and neither is in any file or line."""
    former, stages, tasks = _password(env), _stages(env), _tasks(env)
    record = env.run(NAME)
    assert record.verdict is Verdict.SUCCEEDED, env.shown
    new = _password(env)
    assert new != former
    assert (_accepted(env, new), _accepted(env, former)) == (True, False)
    now = _stages(env)
    assert now["AWSPREVIOUS"] == stages["AWSCURRENT"]
    assert now.keys() == {"AWSCURRENT", "AWSPREVIOUS"}
    assert not _tasks(env) & tasks
    for name in ("A new login gets in", "The former password is refused", "The application writes"):
        assert f"✓ data       {name}" in env.shown or f"✓ edge       {name}" in env.shown
    assert "refuses the password" in (env.folders[-1] / "journal.jsonl").read_text()
    assert record.measured is not None
    assert (record.measured.failed, record.measured.rpo) == ({}, 0)
    whole = env.shown + "".join(path.read_text() for path in env.folders[-1].rglob("*") if path.is_file())
    assert new not in whole
    assert former not in whole
    found = env.clients("ecs").list_task_definitions(familyPrefix="prod-app-former-password", status="ACTIVE")
    assert found["taskDefinitionArns"] == []


def test_undo_brings_the_former_password_back(env: Rehearsed) -> None:
    """Hours later, the run can be taken back from its journal alone: labels, cluster, tasks; twice is harmless."""
    former, stages = _password(env), _stages(env)
    record = env.run(NAME, login_command="")
    assert record.verdict is Verdict.SUCCEEDED, env.shown
    assert "not checked: login_command is empty" in (env.folders[-1] / "record.json").read_text()
    new, tasks = _password(env), _tasks(env)
    env.undo(record)
    assert (_password(env), _accepted(env, former), _accepted(env, new)) == (former, True, False)
    assert _stages(env) == stages
    assert not _tasks(env) & tasks
    assert env.undo(record) == []


def test_dry_run_changes_nothing(env: Rehearsed) -> None:
    """A dry run shows each call, no password, and makes no version."""
    before = _stages(env), _password(env), _tasks(env)
    record = env.run(NAME, dry_run=True)
    assert record.verdict is Verdict.SUCCEEDED, env.shown
    assert "docdb.modify_db_cluster(DBClusterIdentifier='prod-docdb', MasterUserPassword='[secret]'" in env.shown
    assert "ClientRequestToken='<new version>'" in env.shown
    assert (_stages(env), _password(env), _tasks(env)) == before


@pytest.mark.parametrize(("event", "step"), [("begin", "give"), ("done", "give"), ("begin", "replace")])
def test_killed_kernel_is_taken_back(env: Rehearsed, event: str, step: str) -> None:
    """Kill -9 of the kernel in a step, and between the cluster's change and the label's: all is as it was."""
    former, stages = _password(env), _stages(env)
    record = env.kill_kernel(NAME, _comes_to(event, step))
    assert "DeadKernelError" in failure(record)
    assert all(undone.done for undone in record.undo), record.undo
    assert _password(env) == former
    assert _accepted(env, former)
    assert _stages(env) == stages
    assert env.lock_is_free()


def test_killed_runner_is_resumed(env: Rehearsed) -> None:
    """Kill -9 of the runner between cluster and label: `resume` finishes with the version that is there already."""
    former, known = _password(env), set(env.folders)
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND, NAME, "-p", f"endpoint={env.target.endpoint}"],
        cwd=env.directory,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    folder = eventually(lambda: next(iter(set(env.folders) - known), None))
    journal = folder / "journal.jsonl"
    eventually(lambda: _comes_to("done", "give")(read_journal(journal)))
    process.kill()
    process.wait(timeout=60)
    record = resume(folder.name, directory=env.directory)
    assert record.verdict is Verdict.SUCCEEDED, record.error
    skipped = [
        entry["step"] for entry in read_journal(env.folders[-1] / "journal.jsonl") if entry["event"] == "skipped"
    ]
    assert "put a new password as AWSPENDING" in skipped
    assert (_password(env) != former, _accepted(env, former)) == (True, False)


def test_refused_change_of_the_cluster_is_taken_back(env: Rehearsed) -> None:
    """A cluster that refuses once fails the run; the pending version loses its label, the password stays."""
    former, stages = _password(env), _stages(env)
    env.fault(
        "error", service="docdb", operation="ModifyDBCluster", code="InvalidDBClusterStateFault", status=400, times=1
    )
    record = env.run(NAME)
    assert "InvalidDBClusterStateFault" in failure(record)
    assert [undone.done for undone in record.undo] == [True, True]
    assert (_password(env), _stages(env)) == (former, stages)


def test_tasks_that_do_not_start_end_the_run(env: Rehearsed) -> None:
    """New tasks that hang end the wait; no old one was stopped before, and all is as it was when ECS goes on."""
    former = _password(env)
    with env.until_failure("stuck", what="task"):
        record = env.run(NAME, settle_timeout=3)
    assert "WaitTimeoutError: Waited 3 s for 2 healthy tasks" in failure(record)
    assert all(undone.done for undone in record.undo), record.undo
    assert _password(env) == former
    assert record.measured is not None
    assert record.measured.failed == {}


def test_rotation_in_progress_is_refused(env: Rehearsed) -> None:
    """A version that is pending already belongs to somebody: nothing is changed."""
    client, name = env.clients("secretsmanager"), SETTINGS.master_password_secret_name
    made = client.put_secret_value(SecretId=name, SecretString="{}", VersionStages=["AWSPENDING"])["VersionId"]
    try:
        record = env.run(NAME)
    finally:
        client.update_secret_version_stage(SecretId=name, VersionStage="AWSPENDING", RemoveFromVersionId=made)
    assert f"Version {made} is pending" in failure(record)
    assert (record.plan, record.undo) == (None, [])


def test_value_from_gets_another_stage() -> None:
    """Whatever of key, stage and version a reference names, the stage is exchanged and the version dropped."""
    arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:prod/docdb-AbCdEf"
    assert of_stage(f"{arn}:password::", "AWSPREVIOUS") == f"{arn}:password:AWSPREVIOUS:"
    assert of_stage(arn, "AWSPREVIOUS") == f"{arn}::AWSPREVIOUS:"
    assert of_stage(f"{arn}:password:AWSCURRENT:12-34", "AWSPREVIOUS") == f"{arn}:password:AWSPREVIOUS:"
