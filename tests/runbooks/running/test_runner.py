"""The whole of `deploy_prod`, as users run it: deploy, deploy again, bad input, and every way to be stopped."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pytest
from rich.console import Console

from prod_infra.deployment.targets import LocalTarget
from prod_infra.errors import InvalidInputError, TargetError
from runbooks.catalog import RUNBOOKS
from runbooks.records.record import CellStatus, Record, Verdict
from runbooks.running.runner import run

COMMAND = "import sys; from prod_infra.cli import main; main(['runbook', 'run', 'deploy_prod', *sys.argv[1:]])"


@dataclass
class Deployed:
    """A working directory in which deploy_prod ran with `--keep`."""

    directory: Path
    record: Record
    shown: str


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """One kept deployment that the tests of this module share."""
    directory = tmp_path_factory.mktemp("deploy")
    console = Console(file=io.StringIO(), width=160)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(directory)
        # The user's own settings must change nothing.
        patch.setenv("AWS_PROFILE", "company")
        patch.setenv("AWS_ENDPOINT_URL", "https://aws.example.com")
        try:
            record = run("deploy_prod", {}, keep=True, console=console)
            yield Deployed(directory, record, console.file.getvalue())  # type: ignore[attr-defined]  # a StringIO
        finally:
            if (kept := LocalTarget.kept(directory)) is not None:
                kept.server.stop()


def _folder(directory: Path, record: Record) -> Path:
    return directory / "records" / record.id


def test_deploy_succeeds_and_verifies(deployed: Deployed) -> None:
    """The gate passes, everything is created, and every check from outside passes."""
    assert deployed.record.error is None
    assert deployed.record.verdict is Verdict.SUCCEEDED
    results = deployed.record.results
    assert results["policy"]["passed"]
    assert results["up"]["counts"]["create"] > 100
    assert results["preview"]["counts"] == results["up"]["counts"]
    assert all(check["passed"] for check in results["verification"]["checks"])


def test_record_is_complete(deployed: Deployed) -> None:
    """The folder has the executed notebook, the record and the policy report."""
    folder = _folder(deployed.directory, deployed.record)
    beside = {"record.json", "policy.json", "journal.jsonl", "report.html", "manifest.json"}
    assert {path.name for path in folder.iterdir()} == {"deploy_prod.ipynb", *beside}
    notebook = nbformat.read(folder / "deploy_prod.ipynb", as_version=4)
    nbformat.validate(notebook)
    assert all(cell.status is CellStatus.COMPLETED for cell in deployed.record.cells)
    assert deployed.record.parameters["target"] == "local"
    assert deployed.record.results["target"]["account_id"] == "123456789012"
    assert json.loads((folder / "policy.json").read_text()) == deployed.record.results["policy"]["report"]
    assert deployed.record.results["policy"]["counts"]["evaluated"] > 50


def test_progress_and_summary_are_shown(deployed: Deployed) -> None:
    """The terminal shows each resource as it comes, each check, and at the end the verdict and the endpoint."""
    assert "aws:ec2/vpc:Vpc" in deployed.shown
    assert "✓ Verify from outside" in deployed.shown
    assert "deploy_prod succeeded" in deployed.shown
    assert "left running" in deployed.shown


def test_no_secret_in_the_record(deployed: Deployed) -> None:
    """The database's generated password, the origin's secret header: nothing of them in record, terminal or state."""
    target = LocalTarget.kept(deployed.directory)
    assert target is not None
    clients = target.clients()
    secrets = clients("secretsmanager")
    values = [
        secrets.get_secret_value(SecretId=found["ARN"])["SecretString"]
        for found in secrets.list_secrets()["SecretList"]
    ]
    texts = [text for value in values for text in _strings(json.loads(value))]
    cloudfront = clients("cloudfront")
    found = cloudfront.list_distributions()["DistributionList"]["Items"][0]["Id"]
    origins = cloudfront.get_distribution(Id=found)["Distribution"]["DistributionConfig"]["Origins"]["Items"]
    texts += [item["HeaderValue"] for origin in origins for item in origin.get("CustomHeaders", {}).get("Items", ())]
    planted = [text for text in texts if len(text) >= 16 and "." not in text]
    assert len(planted) >= 2
    written = "".join(path.read_text() for path in deployed.directory.rglob("*") if path.is_file())
    assert [text for text in planted if text in written + deployed.shown] == []


def _strings(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for item in value.values() for text in _strings(item)]
    return [value] if isinstance(value, str) else []


def test_second_deploy_changes_nothing(deployed: Deployed, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second run finds the kept local AWS by itself, and says that there are no changes."""
    monkeypatch.chdir(deployed.directory)
    console = Console(file=io.StringIO(), width=160)
    record = run("deploy_prod", {}, console=console)
    assert record.verdict is Verdict.SUCCEEDED
    assert record.results["target"]["instance_id"] == deployed.record.results["target"]["instance_id"]
    assert record.results["up"]["changes"] == []
    assert "no changes" in console.file.getvalue()  # type: ignore[attr-defined]  # a StringIO


def test_closed_gate_stops_the_run(deployed: Deployed, monkeypatch: pytest.MonkeyPatch) -> None:
    """A setting under the pack's floor ends the run at the gate; the record has the findings, nothing was changed."""
    monkeypatch.chdir(deployed.directory)
    record = run("deploy_prod", {"backup_retention_period": "3"}, console=Console(file=io.StringIO()))
    assert record.verdict is Verdict.FAILED
    assert record.error is not None
    assert record.error.cell == "policy-gate"
    assert record.results["policy"]["counts"]["violations"] >= 1
    assert {cell.id: cell.status for cell in record.cells}["up"] is CellStatus.NEVER_RUN


@pytest.mark.parametrize("parameters", [{"instnce_count": "3"}, {"vpc_cidr": "10.0.0.0/30"}, {"target": "azure"}])
def test_bad_input_leaves_nothing(parameters: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Parameters that can't be right start nothing and write nothing."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InvalidInputError):
        run("deploy_prod", parameters)
    assert list(tmp_path.iterdir()) == []


def test_target_aws_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Target aws of a stack that names no account is refused before anything happens."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(TargetError, match="which account it is for"):
        run("deploy_prod", {"target": "aws"})
    assert list(tmp_path.iterdir()) == []


def _children(pid: int) -> dict[int, str]:
    """Return the command lines of a process's children, by process ID."""
    found = {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            parent = int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1])
            if parent == pid:
                found[int(folder.name)] = (folder / "cmdline").read_text().replace("\0", " ")
        except (OSError, ValueError):
            continue
    return found


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds processes in /proc")
@pytest.mark.parametrize("how", ["ctrl-c", "kernel killed"])
def test_stopped_in_the_middle_of_up(how: str, tmp_path: Path) -> None:
    """Whatever stops `up`: the record says so, the exit code does, and the local AWS that was started is gone."""
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert process.stdout is not None
    seen = ""
    for line in process.stdout:
        seen += line
        if "aws:ec2/vpc:Vpc" in line and "create" in line and " s" in line:
            break
    children = _children(process.pid)
    server = next(pid for pid, command in children.items() if "prod_infra.local_aws" in command)
    kernel = next(pid for pid, command in children.items() if "ipykernel_launcher" in command)
    if how == "kernel killed":
        os.kill(kernel, signal.SIGKILL)
    else:
        process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=120)
    assert process.returncode == (130 if how == "ctrl-c" else 1), seen + rest
    (folder,) = (path for path in (tmp_path / "records").iterdir() if path.is_dir())
    record = Record.model_validate_json((folder / "record.json").read_text())
    assert record.verdict is (Verdict.FAILED if how == "kernel killed" else Verdict.INTERRUPTED)
    assert record.error is not None
    assert record.error.cell == "up"
    statuses = {cell.id: cell.status for cell in record.cells}
    assert (statuses["preview"], statuses["up"]) == (CellStatus.COMPLETED, CellStatus.FAILED)
    assert (statuses["verify"], statuses["result"]) == (CellStatus.NEVER_RUN, CellStatus.NEVER_RUN)
    assert record.verdict.value in rest
    _gone(server)
    _gone(kernel)


def _gone(pid: int) -> None:
    for _ in range(200):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    pytest.fail(f"process {pid} is still there")


def test_papermill_by_hand(deployed: Deployed, tmp_path: Path) -> None:
    """Plain papermill with our engine runs the same notebook, on the kept local AWS; a dry run stops after the plan."""
    output = tmp_path / "out.ipynb"
    command = [sys.executable, "-m", "papermill", str(RUNBOOKS["deploy_prod"].notebook), str(output)]
    done = subprocess.run(
        [*command, "--engine", "runbook", "-p", "dry_run", "True", "-y", "settings: {backup_retention_period: 21}"],
        cwd=deployed.directory,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    newest = max((deployed.directory / "records").glob("*/record.json"))
    record = Record.model_validate_json(newest.read_text())
    assert record.runbook == "deploy_prod"
    assert record.plan is not None
    assert record.plan.approved_by == ""
    assert record.plan.digest in done.stdout
    assert record.parameters["dry_run"] is True
    assert [change["kind"] for change in record.results["preview"]["changes"]] == ["update"]
    assert "up" not in record.results
    assert record.results["target"]["instance_id"] == deployed.record.results["target"]["instance_id"]


def test_papermill_by_hand_refuses_misspelt_parameters(tmp_path: Path) -> None:
    """Papermill only warns of an unknown parameter; our engine refuses it before a kernel starts."""
    command = [sys.executable, "-m", "papermill", str(RUNBOOKS["deploy_prod"].notebook), str(tmp_path / "out.ipynb")]
    done = subprocess.run(
        [*command, "--engine", "runbook", "-p", "dryrun", "True"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1
    assert "Did you mean dry_run?" in done.stderr
    assert list(tmp_path.iterdir()) == []
