"""Ctrl-C and SIGTERM while the embedded engine works."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from prod_infra.errors import DeploymentError
from tests.deployment.memory_cloud import Cloud, Node, expected, held
from tests.deployment.sandbox import PASSPHRASE, engine

CHAIN = [Node("a"), Node("b", needs=("a",)), Node("c", needs=("b",))]


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the passphrase that the sandbox sets back after each test."""
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", PASSPHRASE)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_lets_the_running_step_end_and_begins_no_other(number: signal.Signals, tmp_path: Path) -> None:
    """What was under way is in the state, the error says what to do next, and the next `up` goes on."""
    cloud = Cloud()

    stopping = threading.Event()

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if "Stopping" in record.getMessage():
                stopping.set()

    def interrupt(operation: str, props: dict[str, object]) -> None:
        del operation
        if str(props["name"]).startswith("b-"):
            os.kill(os.getpid(), number)
            # The step ends once the engine has been told.
            assert stopping.wait(30)

    deployed = engine(CHAIN, cloud, tmp_path)
    cloud.on_call = interrupt
    listener = Listener()
    logging.getLogger("prod_infra.deployment").addHandler(listener)
    with pytest.raises(DeploymentError, match="interrupted after 2 steps") as error:
        deployed.up()
    logging.getLogger("prod_infra.deployment").removeHandler(listener)
    assert "run `up` again" in str(error.value)
    assert len(cloud.things) == 2
    cloud.on_call = None
    deployed.up()
    assert held(cloud) == expected(CHAIN)


_STUCK = """
import os, signal, sys, threading, time
from pathlib import Path
from tests.deployment.memory_cloud import Cloud, Node
from tests.deployment.sandbox import engine
folder = Path(sys.argv[1])
cloud = Cloud(folder / "cloud")
def stuck(operation, props):
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(0.5)
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(60)
cloud.on_call = stuck
engine([Node("a")], cloud, folder).up()
"""


def test_a_second_interrupt_ends_the_process_at_once_and_the_step_stays_open(tmp_path: Path) -> None:
    """The process does not wait for the step; the state says that its outcome is unknown."""
    (tmp_path / "cloud").mkdir()
    ended = subprocess.run(
        [sys.executable, "-c", _STUCK, str(tmp_path)],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        timeout=50,
        check=False,
    )
    assert b"KeyboardInterrupt" in ended.stderr
    deployed = engine([Node("a")], Cloud(tmp_path / "cloud"), tmp_path)
    assert [operation.type for operation in deployed.state.load()[1]] == ["creating"]
    assert deployed.up().counts == {"create": 1, "same": 1}
