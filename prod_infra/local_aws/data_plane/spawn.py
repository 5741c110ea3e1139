"""The data plane's process as the local AWS keeps it: started on demand, one at most, gone with the server.

- `POST /_prod_infra/data-plane`: start it, unless it runs.
- `GET /_prod_infra/data-plane`: where it is, once it answers.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Mapping
from typing import Any, Final

from prod_infra.local_aws import admin


class DataPlaneProcess:
    """A child whose stdin this process holds open: it ends when this process does, however that ends.

    Args:
        endpoint: URL of this local AWS.
    """

    def __init__(self, endpoint: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "prod_infra.local_aws.data_plane", endpoint],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # Ctrl-C in a terminal is the server's to hear.
            start_new_session=True,
        )
        self._told: dict[str, str] = {}
        # Not in the call that starts it: the child's first call would wait for that one's end.
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        assert self._process.stdout is not None  # noqa: S101  a pipe was asked for
        if line := self._process.stdout.readline():
            self._told = json.loads(line)

    @property
    def runs(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def describe(self) -> dict[str, Any]:
        """Return its state, and where it is once it answers."""
        state = "ended" if not self.runs else "running" if self._told else "starting"
        return {"state": state, "pid": self._process.pid, **self._told}


_PROCESSES: Final[list[DataPlaneProcess]] = []
"""At most one."""


def _start(given: Mapping[str, Any]) -> dict[str, Any]:
    endpoint = given.get("endpoint")
    if not isinstance(endpoint, str):
        raise admin.AdminError("endpoint, the URL of this local AWS, must be given")
    if _PROCESSES and not _PROCESSES[0].runs:
        _PROCESSES.clear()
    if not _PROCESSES:
        _PROCESSES.append(DataPlaneProcess(endpoint))
    return _PROCESSES[0].describe()


def _find(_: Mapping[str, Any]) -> dict[str, Any]:
    return _PROCESSES[0].describe() if _PROCESSES else {"state": "absent"}


def is_running() -> bool:
    """Return whether there is a data plane, which runs commands that tasks are given."""
    return bool(_PROCESSES) and _PROCESSES[0].runs


def register() -> None:
    """Answer whoever asks for a data plane."""
    admin.route("POST /data-plane")(_start)
    admin.route("GET /data-plane")(_find)
