"""Notebooks without our runner and engine: as plain papermill runs them, and JupyterLab's "restart and run all"."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from jupyter_client.manager import KernelManager

from prod_infra.local_aws.clients import Clients
from prod_infra.local_aws.server import LocalAws
from runbooks.running.kernel import OwnInterpreter
from tests.runbooks.running.test_drill import ROOT, Place

NOTEBOOK = ROOT / "tests/runbooks/drill/tag_drill.ipynb"
SECONDS = 60.0


@pytest.fixture
def place(tmp_path: Path, local_aws: LocalAws, clients: Clients) -> Place:
    """An empty local AWS with the drill's queue and bucket."""
    clients("s3").create_bucket(Bucket="evidence", CreateBucketConfiguration={"LocationConstraint": clients.region})
    queue = clients("sqs").create_queue(QueueName="drill")["QueueUrl"]
    return Place(tmp_path, clients, local_aws.endpoint, queue)


@pytest.fixture
def lab(place: Place) -> Iterator[Lab]:
    """A kernel in the working directory, as JupyterLab starts one."""
    found = Lab(place)
    yield found
    found.stop()


class Lab:
    """Does what JupyterLab does: runs cell after cell, shows what they print, asks the person when the kernel asks."""

    def __init__(self, place: Place) -> None:
        self.manager = KernelManager(kernel_spec_manager=OwnInterpreter())
        environ = {**os.environ, "PYTHONPATH": str(ROOT)}
        self.manager.start_kernel(cwd=str(place.directory), env=environ)
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=SECONDS)
        self.given = f"endpoint, queue = {place.endpoint!r}, {place.queue!r}"
        self.shown = ""

    def run_all(self, more: str = "", answer: str = "") -> str:
        """Run all cells in order until one fails; return the failure, or nothing."""
        for cell in nbformat.read(NOTEBOOK, as_version=4).cells:
            # As a person edits the first cell.
            source = f"{cell.source}\n{self.given}\n{more}" if cell.id == "parameters" else cell.source
            reply = self.client.execute_interactive(
                source,
                allow_stdin=True,
                timeout=SECONDS,
                output_hook=self._show,
                stdin_hook=lambda asked: self._answer(asked, answer),
            )
            if reply["content"]["status"] != "ok":
                return f"{reply['content']['ename']}: {reply['content']['evalue']}"
        return ""

    def _show(self, message: Any) -> None:
        self.shown += message["content"].get("text", "")

    def _answer(self, asked: Any, answer: str) -> None:
        self.shown += asked["content"]["prompt"]
        self.client.input(answer)

    def stop(self) -> None:
        """End the kernel."""
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)
        self.manager.cleanup_resources()


def test_restart_and_run_all(place: Place, lab: Lab) -> None:
    """On `local` nobody is asked; the journal is kept, the lock given back, and the way to take it back is said."""
    assert lab.run_all() == "", lab.shown
    assert {"first", "second"} <= place.tags.keys()
    [folder] = place.folders
    assert ("done", "tag second") in place.events()
    assert place.lock_is_free
    assert f"prod-infra runbook undo {folder.name}" in lab.shown
    assert "approved: automatic on local" in lab.shown
    assert not (folder / "record.json").exists()
    code, said = place.run("undo", folder.name)
    assert (code, place.tags) == (0, {}), said


@pytest.mark.parametrize(("answer", "failure"), [("yes", ""), ("no", "ApprovalError: The plan was refused")])
def test_person_is_asked_in_the_notebook(place: Place, lab: Lab, answer: str, failure: str) -> None:
    """Where a person has to approve, the cell asks; anything but the word changes nothing."""
    assert lab.run_all("approve = 'ask'", answer).startswith(failure), lab.shown
    assert "Type `yes` to approve:" in lab.shown
    assert bool(place.tags) is (not failure)


def test_cell_that_fails_leaves_what_an_undo_takes_back(place: Place, lab: Lab) -> None:
    """Nobody takes it back by itself; the command does while the notebook is still open, and another run may begin."""
    place.clients("sqs").tag_queue(QueueUrl=place.queue, Tags={"second": "there"})
    failure = lab.run_all("from tests.runbooks.drill.tag_drill import TagDrill; TagDrill.checks = lambda _: 1 / 0")
    assert failure.startswith("ZeroDivisionError"), lab.shown
    assert place.tags.keys() == {"first", "second"}
    [folder] = place.folders
    code, said = place.run("undo", folder.name)
    assert (code, place.tags) == (0, {"second": "there"}), said
    code, said = place.run("resume", folder.name)
    assert (code, "has no record" in said) == (1, True)


def test_plain_papermill(place: Place) -> None:
    """Papermill's own engine runs the notebook as well; what it did is in the journal."""
    command = [sys.executable, "-m", "papermill", str(NOTEBOOK), "out.ipynb"]
    command += ["-r", "endpoint", place.endpoint, "-r", "queue", place.queue]
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, cwd=place.directory, env=environ, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert ("done", "tag second") in place.events()
    assert {"first", "second"} <= place.tags.keys()
    executed = nbformat.read(place.directory / "out.ipynb", as_version=4)
    assert {cell.metadata.papermill.status for cell in executed.cells} == {"completed"}
