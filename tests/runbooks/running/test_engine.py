"""The record is true, however a run ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import pytest

from prod_infra.errors import RunbookError
from runbooks.records.record import Record, Verdict

if TYPE_CHECKING:
    from tests.runbooks.conftest import NotebookFactory, Outcome

    Execute: TypeAlias = Callable[..., Outcome]

FIRST = "# First\nprint('hello', x)"
LAST = "# Last\nprint('never seen')"
AFTER_FAILURE = {"parameters": "completed", "cell-1": "completed", "cell-2": "failed", "cell-3": "never run"}


def papermill(path: Path, output: Path, *arguments: str, **options: object) -> subprocess.Popen[str]:
    """Start papermill by hand, as a person does."""
    command = [sys.executable, "-m", "papermill", str(path), str(output), "--engine", "runbook", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)  # type: ignore[call-overload,no-any-return]  # options are Popen's


def read_until(process: subprocess.Popen[str], text: str) -> str:
    """Read the process's output up to the line with the text."""
    assert process.stdout is not None
    seen = ""
    for line in process.stdout:
        seen += line
        if text in line:
            return seen
    raise AssertionError(f"{text!r} never came:\n{seen}")


def test_success_completes_every_cell(notebook: NotebookFactory, execute: Execute) -> None:
    """A run in which nothing fails has completed cells, times, versions and the verdict `succeeded`."""
    outcome = execute(notebook(FIRST, "# Second\nx + 1"), {"x": 41})
    assert outcome.error is None
    assert set(outcome.statuses.values()) == {"completed"}
    record = outcome.record
    assert record.verdict is Verdict.SUCCEEDED
    assert record.parameters == {"x": 41}
    assert record.finished is not None
    assert record.finished > record.started
    assert all(cell.seconds is not None for cell in record.cells)
    assert record.versions["papermill"]
    assert "hello 41" in outcome.shown


def test_error_leaves_later_cells_never_run(notebook: NotebookFactory, execute: Execute) -> None:
    """A cell that raises is failed, the ones after it were never run, and the error is in the record."""
    outcome = execute(notebook(FIRST, "# Second\nraise ValueError('it broke')", LAST))
    assert isinstance(outcome.error, RunbookError)
    assert outcome.statuses == AFTER_FAILURE
    assert outcome.record.verdict is Verdict.FAILED
    assert outcome.record.error is not None
    assert (outcome.record.error.kind, outcome.record.error.message) == ("ValueError", "it broke")
    assert outcome.record.error.cell == "cell-2"
    states = {cell.id: cell.metadata.papermill.status for cell in outcome.notebook.cells}
    assert (states["cell-2"], states["cell-3"]) == ("failed", "pending")


def test_killed_kernel_is_a_failed_cell(notebook: NotebookFactory, execute: Execute) -> None:
    """Kill -9 of the kernel fails the cell that ran; the cells after it were never run."""
    outcome = execute(notebook(FIRST, "# Second\nimport os, signal\nos.kill(os.getpid(), signal.SIGKILL)", LAST))
    assert isinstance(outcome.error, RunbookError)
    assert outcome.statuses == AFTER_FAILURE
    assert outcome.record.error is not None
    assert outcome.record.error.kind == "DeadKernelError"
    assert any(output.output_type == "error" for output in outcome.notebook.cells[2].outputs)


def test_timeout_is_a_failed_cell(notebook: NotebookFactory, execute: Execute) -> None:
    """A cell that takes longer than it may is failed, and its kernel is not left behind."""
    pid = "# First\nimport os\nprint('pid', os.getpid(), flush=True)"
    outcome = execute(notebook(pid, "# Second\nimport time\ntime.sleep(300)", LAST), execution_timeout=1)
    assert isinstance(outcome.error, RunbookError)
    assert outcome.statuses == AFTER_FAILURE
    assert outcome.record.error is not None
    assert outcome.record.error.kind == "CellTimeoutError"
    number = int(outcome.notebook.cells[1].outputs[0].text.split()[1])
    with pytest.raises(ProcessLookupError):
        os.kill(number, 0)


def test_exit_zero_is_no_success(notebook: NotebookFactory, execute: Execute) -> None:
    """`sys.exit(0)` in a cell fails the run: the cells after it did not run."""
    outcome = execute(notebook(FIRST, "# Second\nimport sys\nsys.exit(0)", LAST))
    assert isinstance(outcome.error, RunbookError)
    assert outcome.statuses == AFTER_FAILURE
    assert outcome.record.verdict is Verdict.FAILED


def test_kernel_that_never_starts(
    notebook: NotebookFactory, execute: Execute, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kernel that dies while it starts leaves a record in which no cell ran, and why."""
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "ipykernel_launcher.py").write_text("raise SystemExit('no kernel today')")
    monkeypatch.setenv("PYTHONPATH", str(broken))
    outcome = execute(notebook(FIRST))
    assert isinstance(outcome.error, RunbookError)
    assert set(outcome.statuses.values()) == {"never run"}
    assert outcome.record.error is not None
    assert "no kernel today" in outcome.record.error.message


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 1), (signal.SIGTERM, 143)], ids=["ctrl-c", "sigterm"])
def test_signal_interrupts_the_cell(
    notebook: NotebookFactory, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    """Ctrl-C and SIGTERM end the running cell, which keeps its output; the record says `interrupted`."""
    wait = "try:\n    print('begun', flush=True)\n    time.sleep(300)\nfinally:\n    print('let go')"
    slow = f"# Second\nimport time\n{wait}"
    process = papermill(notebook(FIRST, slow, LAST), tmp_path / "out.ipynb")
    read_until(process, "begun")
    process.send_signal(number)
    rest, _ = process.communicate(timeout=60)
    assert process.returncode == code
    assert "let go" in rest
    record = Record.model_validate_json((tmp_path / "out.record.json").read_text())
    assert {cell.id: cell.status.value for cell in record.cells} == AFTER_FAILURE
    assert record.verdict is Verdict.INTERRUPTED
    assert record.error is not None
    assert record.error.message == f"stopped by {number.name}"


def test_cell_that_swallows_the_signal_ends_the_run(notebook: NotebookFactory, tmp_path: Path) -> None:
    """A cell may finish what it is at when it is interrupted; the next one does not begin."""
    stubborn = (
        "# Second\nimport time\n"
        "try:\n    print('begun', flush=True)\n    time.sleep(300)\nexcept KeyboardInterrupt:\n    print('finished')"
    )
    process = papermill(notebook(FIRST, stubborn, LAST), tmp_path / "out.ipynb")
    read_until(process, "begun")
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=60)
    assert process.returncode != 0
    assert "finished" in rest
    record = Record.model_validate_json((tmp_path / "out.record.json").read_text())
    assert [cell.status.value for cell in record.cells] == ["completed", "completed", "completed", "never run"]
    assert record.verdict is Verdict.INTERRUPTED


def test_killed_runner_leaves_what_was_true(notebook: NotebookFactory, tmp_path: Path) -> None:
    """Kill -9 of the runner leaves a record that says which cell was running and which had not begun."""
    slow = "# Second\nimport os, time\nprint('begun', os.getpid(), flush=True)\ntime.sleep(300)"
    process = papermill(notebook(FIRST, slow, LAST), tmp_path / "out.ipynb")
    kernel = int(read_until(process, "begun").rsplit("begun", 1)[1])
    process.kill()
    process.communicate(timeout=60)
    record = Record.model_validate_json((tmp_path / "out.record.json").read_text())
    assert record.verdict is Verdict.RUNNING
    assert [cell.status.value for cell in record.cells] == ["completed", "completed", "running", "never run"]
    # ipykernel itself watches its parent, once a second.
    for _ in range(200):
        try:
            os.kill(kernel, 0)
        except ProcessLookupError:
            break
        time.sleep(0.1)
    else:
        pytest.fail("the kernel outlived its runner")


def test_output_is_shown_while_the_cell_works(notebook: NotebookFactory, tmp_path: Path) -> None:
    """What a cell prints reaches the terminal before the cell has ended, under the cell's title."""
    go = tmp_path / "go"
    wait = f"while not pathlib.Path({str(go)!r}).exists():\n    time.sleep(0.05)"
    cell = f"# Wait for it\nimport pathlib, time\nprint('working', flush=True)\n{wait}\nprint('done')"
    process = papermill(notebook(cell), tmp_path / "out.ipynb")
    seen = read_until(process, "working")
    assert "Wait for it" in seen
    go.touch()
    rest, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "✓ Wait for it" in rest
    assert "Executing:" not in seen + rest, "papermill's progress bar"
    assert "encryption" not in seen + rest, "ipykernel's warning"


def test_output_path_is_never_overwritten(notebook: NotebookFactory, execute: Execute) -> None:
    """A second run to the same path is refused, and the first one's record stays."""
    path = notebook(FIRST)
    first = execute(path)
    before = first.written()
    second = execute(path)
    assert isinstance(second.error, RunbookError)
    assert "never overwritten" in str(second.error)
    assert second.written() == before


def test_full_disk_is_an_error(notebook: NotebookFactory, tmp_path: Path) -> None:
    """A record that can't be written fails the run, and the former state of the file is left whole."""
    limit = (
        "import resource, runpy, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000)); "
        "sys.argv = sys.argv[1:]; runpy.run_module('papermill', run_name='__main__')"
    )
    path = notebook(FIRST, "# Second\nprint('much ' * 20_000)", LAST)
    command = [sys.executable, "-c", limit, "papermill", str(path), str(tmp_path / "out.ipynb"), "--engine", "runbook"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1
    assert "could not be written" in done.stderr
    json.loads((tmp_path / "out.ipynb").read_text())
    assert not [left for left in tmp_path.iterdir() if left.name.startswith(".out")]


def test_kernel_is_this_interpreter(
    notebook: NotebookFactory, execute: Execute, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kernelspec `python3` of another interpreter is passed over."""
    decoy = tmp_path / "jupyter" / "kernels" / "python3"
    decoy.mkdir(parents=True)
    spec = {"argv": ["/bin/false", "{connection_file}"], "display_name": "decoy", "language": "python"}
    (decoy / "kernel.json").write_text(json.dumps(spec))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    outcome = execute(notebook("# Who\nimport sys\nprint(sys.executable)"))
    assert outcome.error is None
    assert sys.executable in outcome.shown


def test_users_aws_settings_stay_outside(
    notebook: NotebookFactory, execute: Execute, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kernel for target local sees no AWS profile, endpoint or key of the user's."""
    monkeypatch.setenv("AWS_PROFILE", "company")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://aws.example.com")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "very-secret-key")
    outcome = execute(notebook("# Which\nimport os\nprint(sorted(k for k in os.environ if k.startswith('AWS_')))"))
    assert outcome.error is None
    kept = "['AWS_CONFIG_FILE', 'AWS_EC2_METADATA_DISABLED', 'AWS_SHARED_CREDENTIALS_FILE']"
    assert kept in outcome.shown


def test_folders_of_the_user_hide_nothing(
    notebook: NotebookFactory, execute: Execute, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder named `runbooks` in the working directory does not hide the installed package."""
    (tmp_path / "runbooks").mkdir()
    (tmp_path / "runbooks" / "__init__.py").write_text("raise RuntimeError('the wrong one')")
    monkeypatch.chdir(tmp_path)
    outcome = execute(notebook("# Import\nimport runbooks\nprint(runbooks.__doc__)"))
    assert outcome.error is None


def test_secrets_are_redacted_everywhere(
    notebook: NotebookFactory, execute: Execute, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No secret parameter and no secret of the environment is in a file or at the terminal, in one piece or two."""
    monkeypatch.setenv("DEPLOY_TOKEN", "tok-canary-1234567890")
    cell = (
        "# Leak\nimport os, sys\nprint(db_password)\nsys.stdout.write(db_password[:9]); sys.stdout.flush()\n"
        "sys.stdout.write(db_password[9:] + '\\n')\nprint(repr({'token': os.environ['DEPLOY_TOKEN']}))\n"
        "raise ValueError(f'refused {db_password} for {os.environ[\"DEPLOY_TOKEN\"]}')"
    )
    outcome = execute(notebook(cell, parameters="db_password = ''"), {"db_password": 'pw"canary\\0987654321'})
    everything = outcome.written() + outcome.shown + str(outcome.error)
    assert "canary" not in everything
    assert "[secret]" in outcome.shown
    assert "[secret]" in outcome.written()
