"""The pack's process."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

PACK = Path(__file__).parent.parent.parent / "policies"

STARTER = """
import subprocess, sys, time
command = [sys.executable, "-u", "-m", "pulumi.policy", "127.0.0.1:0", sys.argv[1]]
pack = subprocess.Popen(command, stdout=subprocess.PIPE)
pack.stdout.readline()
print(pack.pid, flush=True)
time.sleep(600)
"""


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_the_pack_ends_when_who_started_it_is_killed() -> None:
    """An engine that dies by SIGKILL says no goodbye; its pack must not stay behind."""
    with subprocess.Popen([sys.executable, "-c", STARTER, str(PACK)], stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout
        pid = int(starter.stdout.readline())
        starter.kill()
    deadline = time.monotonic() + 30
    while _runs(pid):
        assert time.monotonic() < deadline, "the pack outlives its engine"
        time.sleep(0.1)
