"""Requests a second through the data plane, over TLS on connections kept open, with a client of our own."""

from __future__ import annotations

import http.client
import ssl
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from prod_infra.local_aws.data_plane.handle import DataPlane

CONNECTIONS: Final = 4
REQUESTS: Final = 3000
BUDGET: Final = 500.0
"""Requests a second that are promised on 2 cores."""


class _Connection(http.client.HTTPSConnection):
    """A connection to a loopback port that says another name."""

    def __init__(self, url: str, ca_file: str, host: str) -> None:
        parts = urlsplit(url)
        super().__init__(parts.hostname or "", parts.port, context=ssl.create_default_context(cafile=ca_file))
        self.said = host

    def connect(self) -> None:
        """Connect, and shake hands for the name."""
        http.client.HTTPConnection.connect(self)
        context: ssl.SSLContext = self._context  # type: ignore[attr-defined]
        self.sock = context.wrap_socket(self.sock, server_hostname=self.said)


def _ask(url: str, ca_file: str, host: str, path: str, requests: int) -> None:
    connection = _Connection(url, ca_file, host)
    for _ in range(requests):
        connection.request("GET", path, headers={"Host": host})
        answer = connection.getresponse()
        answer.read()
        if answer.status != http.HTTPStatus.OK:
            raise SystemExit(f"{host}{path} answered {answer.status}")


def measure_data_plane(door: DataPlane, host: str = "example.com", path: str = "/api/version") -> float:
    """Return requests a second, of several clients in one process beside the data plane's.

    Args:
        door: a data plane with an environment behind it that answers.
        host: whom to ask.
        path: what to ask for.
    """
    command = [sys.executable, "-m", "tests.bench_data_plane", door.url, str(door.ca_file), host, path]
    root = Path(__file__).parent.parent
    return float(subprocess.run(command, check=True, capture_output=True, text=True, cwd=root).stdout)


def main(url: str, ca_file: str, host: str, path: str) -> None:
    """Ask from as many threads as there are connections; print requests a second."""
    share = REQUESTS // CONNECTIONS
    begin = time.perf_counter()
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        list(pool.map(lambda _: _ask(url, ca_file, host, path, share), range(CONNECTIONS)))
    print(share * CONNECTIONS / (time.perf_counter() - begin))  # noqa: T201  what the process beside reads


if __name__ == "__main__":
    main(*sys.argv[1:])
