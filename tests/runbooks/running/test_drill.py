"""The core on a tiny drill: plan, journal, undo, resume and lock hold, however the run ends."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from prod_infra.local_aws.clients import Clients
from prod_infra.local_aws.server import LocalAws
from runbooks.core.journal import read_journal
from runbooks.records.record import Record, Verdict
from runbooks.records.verification import verify
from tests.runbooks.rehearsed import kernel_of

ROOT = Path(__file__).parents[3]
DRILL = [sys.executable, "-m", "tests.runbooks.drill.tag_drill"]
SECRET = "canary-of-a-password"

pytestmark = pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds processes in /proc")


@dataclass
class Place:
    """A working directory, a local AWS with a queue and a bucket for locks."""

    directory: Path
    clients: Clients
    endpoint: str
    queue: str

    def start(self, *arguments: str, **options: Any) -> subprocess.Popen[str]:
        """Start a command of the drill."""
        environ = {**os.environ, "PYTHONPATH": str(ROOT)}
        return subprocess.Popen(
            [*DRILL, *arguments],
            cwd=self.directory,
            env=environ,
            text=True,
            **{"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, **options},
        )

    def parameters(self, **more: str) -> list[str]:
        """Return the `run` command's arguments."""
        given = {"endpoint": self.endpoint, "queue": self.queue, **more}
        return ["run", "tag_drill", *(text for pair in given.items() for text in ("-p", "=".join(pair)))]

    def run(self, *arguments: str) -> tuple[int, str]:
        """Run a command of the drill to its end; return its exit code and what it said."""
        process = self.start(*arguments)
        said, _ = process.communicate(timeout=120)
        return process.returncode, said

    def stop_at(self, where: str, **more: str) -> subprocess.Popen[str]:
        """Start the drill and wait until it stands somewhere."""
        process = self.start(*self.parameters(stop_at=where, **more))
        assert process.stdout is not None
        seen = ""
        for line in process.stdout:
            seen += line
            if f"paused {where}" in line:
                return process
        raise AssertionError(seen)

    @property
    def tags(self) -> dict[str, str]:
        """The queue's tags."""
        return dict(self.clients("sqs").list_queue_tags(QueueUrl=self.queue).get("Tags", {}))

    @property
    def lock_is_free(self) -> bool:
        """Whether the newest lock was given back."""
        found = self.clients("s3").list_objects_v2(Bucket="evidence")["Contents"]
        return max(str(item["Key"]) for item in found).endswith(".released.json")

    @property
    def folders(self) -> list[Path]:
        """Folders of the runs, the oldest first."""
        return sorted(path for path in (self.directory / "records").iterdir() if path.is_dir())

    def record(self, index: int = -1) -> Record:
        """Return the record of a run; the newest one's, if left out."""
        return Record.model_validate_json((self.folders[index] / "record.json").read_text())

    def events(self, index: int = -1) -> list[tuple[str, str]]:
        """Return event and step of each line of a journal."""
        return [
            (entry["event"], entry.get("step", "")) for entry in read_journal(self.folders[index] / "journal.jsonl")
        ]


@pytest.fixture
def place(tmp_path: Path, local_aws: LocalAws, clients: Clients) -> Place:
    """An empty local AWS with the drill's queue and bucket."""
    clients("s3").create_bucket(Bucket="evidence", CreateBucketConfiguration={"LocationConstraint": clients.region})
    queue = clients("sqs").create_queue(QueueName="drill")["QueueUrl"]
    return Place(tmp_path, clients, local_aws.endpoint, queue)


def test_record_of_a_run_says_it_all(place: Place) -> None:
    """A run that succeeds: who, where, approved plan, steady states, journal, lock given back, sealed; no secret."""
    code, said = place.run(*place.parameters(db_password=SECRET))
    assert code == 0, said
    record = place.record()
    assert record.verdict is Verdict.SUCCEEDED
    assert record.account == "123456789012"
    assert record.caller.startswith("arn:aws:")
    assert record.plan is not None
    assert record.plan.approved_by == "automatic on local"
    assert [step.name for step in record.plan.steps] == ["tag first", "tag second"]
    assert record.steady_state.before is not None
    assert record.steady_state.after is not None
    assert record.undo == []
    assert place.tags == {"first": "made", "second": "made"}
    assert place.events() == [
        *(("started", ""), ("decided", ""), ("locked", "")),
        *(("begin", "tag first"), ("done", "tag first"), ("begin", "tag second"), ("done", "tag second")),
        ("released", ""),
    ]
    keys = [item["Key"] for item in place.clients("s3").list_objects_v2(Bucket="evidence")["Contents"]]
    assert keys == ["locks/prod/00000001.json", "locks/prod/00000001.released.json"]
    assert verify(place.directory / "records").problems == []
    written = "".join(path.read_text() for path in place.folders[0].iterdir())
    assert SECRET not in written + said
    assert (place.folders[0] / "journal.jsonl").read_text().count("[secret]") == 2


@pytest.mark.parametrize("where", ["before first", "in first", "before second", "in second", "in verify"])
def test_killed_kernel_is_taken_back(place: Place, where: str) -> None:
    """Kill -9 of the kernel between any two steps: a true record, everything taken back, newest first."""
    process = place.stop_at(where)
    os.kill(kernel_of(process), signal.SIGKILL)
    said, _ = process.communicate(timeout=120)
    assert process.returncode == 1, said
    assert place.tags == {}
    record = place.record()
    assert record.verdict is Verdict.FAILED
    assert record.error is not None
    assert record.error.kind == "DeadKernelError"
    begun = ["tag first"] if "first" in where else ["tag second", "tag first"]
    assert [undone.step for undone in record.undo] == begun
    assert all(undone.done for undone in record.undo)
    if where == "before second":
        assert [undone.detail for undone in record.undo] == ["second was not there", "first taken away"]
    statuses = {cell.id: cell.status.value for cell in record.cells}
    assert statuses["act"] == ("completed" if where == "in verify" else "failed")
    assert statuses["result"] == "never run"
    assert place.lock_is_free


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "sigterm"])
def test_stopped_run_is_taken_back(place: Place, number: signal.Signals) -> None:
    """Ctrl-C and SIGTERM end the step, and what had begun is taken back before the runner leaves."""
    process = place.stop_at("in second")
    process.send_signal(number)
    said, _ = process.communicate(timeout=120)
    assert process.returncode == (130 if number is signal.SIGINT else 143), said
    assert place.tags == {}
    record = place.record()
    assert record.verdict is Verdict.INTERRUPTED
    assert [undone.done for undone in record.undo] == [True, True]


def _kill_runner(place: Place, where: str, **more: str) -> str:
    process = place.stop_at(where, **more)
    kernel = kernel_of(process)
    process.kill()
    process.communicate(timeout=60)
    for _ in range(200):
        try:
            os.kill(kernel, 0)
        except ProcessLookupError:
            break
        time.sleep(0.1)
    return place.folders[-1].name


@pytest.mark.parametrize("where", ["before first", "in first", "before second", "in second", "in verify"])
def test_killed_runner_is_undone_by_hand(place: Place, where: str) -> None:
    """Kill -9 of the runner: the kernel ends, `undo` takes all back and completes the record; twice is no error."""
    run_id = _kill_runner(place, where)
    assert place.record().verdict is Verdict.RUNNING
    code, said = place.run("undo", run_id)
    assert code == 0, said
    assert place.tags == {}
    record = place.record()
    assert record.verdict is Verdict.ABANDONED
    assert [undone.step for undone in record.undo] == (
        ["tag first"] if "first" in where else ["tag second", "tag first"]
    )
    code, said = place.run("undo", run_id)
    assert (code, "nothing to take back" in said) == (0, True)
    assert verify(place.directory / "records").problems == []
    assert place.lock_is_free


def test_alarm_that_fires_stops_the_run(place: Place) -> None:
    """An alarm whose metric goes wrong while a step waits ends the run, and all is taken back."""
    cloudwatch = place.clients("cloudwatch")
    metric = {"Namespace": "Drill", "MetricName": "Errors", "Statistic": "Maximum", "Period": 60}
    cloudwatch.put_metric_alarm(
        AlarmName="drill-stop",
        **metric,
        EvaluationPeriods=1,
        Threshold=0,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="notBreaching",
    )
    process = place.stop_at("in second")
    cloudwatch.put_metric_data(Namespace="Drill", MetricData=[{"MetricName": "Errors", "Value": 1.0}])
    said, _ = process.communicate(timeout=120)
    assert process.returncode == 1, said
    record = place.record()
    assert record.verdict is Verdict.FAILED
    assert record.error is not None
    assert (record.error.kind, record.error.cell) == ("StopAlarmError", "act")
    assert "Alarms fire: drill-stop." in record.error.message
    assert [undone.done for undone in record.undo] == [True, True]
    assert place.tags == {}
    assert place.lock_is_free


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="limits another process, which Linux alone can")
def test_full_disk_keeps_nothing_from_being_taken_back(place: Place) -> None:
    """Where not a byte can be written any more, all is taken back, and said; with room, `undo` completes the record."""
    process = place.stop_at("in second")
    kernel = kernel_of(process)
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (0, 0))
    os.kill(kernel, signal.SIGKILL)
    said, _ = process.communicate(timeout=120)
    assert process.returncode == 1, said
    assert "could not be written" in said.replace("\n", " ")
    assert "Traceback" not in said
    assert place.tags == {}
    assert place.lock_is_free
    run_id = place.folders[-1].name
    assert place.events()[-1] == ("begin", "tag second"), "the journal could not be written either"
    journal = (place.folders[-1] / "journal.jsonl").stat().st_size

    def no_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (journal, journal))

    process = place.start("undo", run_id, preexec_fn=no_room)
    said, _ = process.communicate(timeout=120)
    assert process.returncode == 1, said
    assert "could not be written" in said.replace("\n", " ")
    code, said = place.run("undo", run_id)
    assert code == 0, said
    assert place.record().verdict is Verdict.ABANDONED
    assert [undone.detail for undone in place.record().undo] == ["second was not there", "first was not there"]
    assert verify(place.directory / "records").problems == []


def test_resumed_run_skips_what_is_done(place: Place) -> None:
    """After a kill of the runner, `resume` does what is missing; only the new run can be undone, and undoes both."""
    run_id = _kill_runner(place, "before second")
    record = json.loads((place.folders[0] / "record.json").read_text())
    record["parameters"]["stop_at"] = ""
    (place.folders[0] / "record.json").write_text(json.dumps(record))
    code, said = place.run("resume", run_id)
    assert code == 0, said
    assert ("skipped", "tag first") in place.events()
    assert place.tags == {"first": "made", "second": "made"}
    assert place.record(0).verdict is Verdict.ABANDONED
    assert verify(place.directory / "records").problems == []
    code, said = place.run("undo", run_id)
    assert (code, "was taken up by" in said) == (1, True)
    assert place.run("undo", place.folders[-1].name)[0] == 0
    assert place.tags == {}


def test_environment_is_locked(place: Place) -> None:
    """While one run holds the environment, another one is refused by name; an expired lock is not in its way."""
    process = place.stop_at("in first")
    code, said = place.run(*place.parameters())
    assert code == 1
    assert f"Run {place.folders[0].name}" in said
    assert set(place.tags) == {"first"}
    process.kill()
    process.communicate(timeout=60)
    held = {"run": "gone", "who": "nobody", "expires": "2020-01-01T00:00:00+00:00"}
    place.clients("s3").put_object(Bucket="evidence", Key="locks/prod/00000009.json", Body=json.dumps(held).encode())
    code, said = place.run(*place.parameters())
    assert code == 0, said
    assert ("skipped", "tag first") in place.events()


def test_dry_run_prints_the_calls_and_its_digest_approves(place: Place) -> None:
    """A dry run prints the exact calls and changes nothing; its digest approves that plan, and no other."""
    code, said = place.run(*place.parameters(dry_run="true"))
    assert code == 0, said
    assert f"sqs.tag_queue(QueueUrl='{place.queue}', Tags={{'first': 'made'}})" in said
    assert f"undo: tag_drill.untag(queue='{place.queue}', key='first')" in said
    assert place.tags == {}
    assert "Contents" not in place.clients("s3").list_objects_v2(Bucket="evidence"), "there was no lock"
    plan = place.record().plan
    assert plan is not None
    assert (plan.approved_by, plan.digest in said) == ("", True)

    code, said = place.run(*place.parameters(), "--approve", "0" * 64)
    assert (code, place.tags) == (1, {})
    assert f"--approve {plan.digest}" in said.replace("\n", "")
    record = place.record()
    assert record.error is not None
    assert record.error.kind == "ApprovalError"

    code, said = place.run(*place.parameters(), "--approve", "ask")
    assert (code, place.tags) == (1, {})
    assert "nobody can be asked" in said

    code, said = place.run(*place.parameters(), "--approve", plan.digest)
    assert code == 0, said
    approved = place.record().plan
    assert approved is not None
    assert approved.digest == plan.digest
    assert approved.approved_by.endswith("by digest")


@pytest.mark.parametrize("answer", ["yes", "no"])
def test_person_at_the_terminal_is_asked(place: Place, answer: str) -> None:
    """With a terminal, the runner asks, and the word decides."""
    master, slave = os.openpty()
    process = place.start(*place.parameters(), "--approve", "ask", stdin=slave, stdout=slave, stderr=slave)
    os.close(slave)
    seen = b""
    answered = False
    while True:
        try:
            seen += os.read(master, 4096)
        except OSError:
            break
        if not answered and b"to approve:" in seen:
            os.write(master, f"{answer}\n".encode())
            answered = True
    process.wait(timeout=60)
    os.close(master)
    assert answered, seen.decode()
    assert process.returncode == (0 if answer == "yes" else 1), seen.decode()
    assert bool(place.tags) is (answer == "yes")


def test_unsteady_environment_stops_before_anything_happens(place: Place) -> None:
    """A check that fails before stops the run; nothing was changed, nothing is to be taken back."""
    place.clients("sqs").tag_queue(QueueUrl=place.queue, Tags={"ill": "yes"})
    code, said = place.run(*place.parameters())
    assert code == 1
    assert "not well before" in said
    assert place.tags == {"ill": "yes"}
    assert place.record().undo == []


def test_undo_of_unknown_runs_is_refused(place: Place) -> None:
    """A run that does not exist is named, and no folder outside the records is touched."""
    for name in ("nothing", "../records"):
        code, said = place.run("undo", name)
        assert (code, "no such run" in said) == (1, True)


def test_papermill_by_hand_makes_the_folder(place: Place) -> None:
    """Plain papermill with our engine makes the run's folder, with record and journal, and takes back what fails."""
    notebook = ROOT / "tests/runbooks/drill/tag_drill.ipynb"
    code = (
        "from tests.runbooks.drill.tag_drill import register; register(); from papermill.__main__ import papermill; "
        "papermill()"
    )
    command = [sys.executable, "-c", code, str(notebook), "out.ipynb", "--engine", "runbook"]
    command += ["-r", "endpoint", place.endpoint, "-r", "queue", place.queue]
    done = subprocess.run(
        command,
        cwd=place.directory,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert place.record().verdict is Verdict.SUCCEEDED
    assert ("done", "tag second") in place.events()
    assert verify(place.directory / "records").sealed == 1
