"""The data plane as a rehearsal knows it: where it is, and clients for the names that it serves."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import httpx

from prod_infra.errors import TargetError

START_SECONDS: Final = 30.0
TIMEOUT_SECONDS: Final = 10.0


@dataclass(frozen=True, kw_only=True)
class DataPlane:
    """A running data plane; it ends with its local AWS.

    Attributes:
        url: where the port 443 of every name is, such as `https://127.0.0.1:40001`.
        test_url: where a load balancer's test listener is.
        http_url: where port 80 is; also `/_data_plane/log?run=`, the writes that tasks acknowledged.
        ca_file: PEM file of the authority that issued the certificates.
        pid: process ID.
    """

    url: str
    test_url: str
    http_url: str
    ca_file: Path
    pid: int

    @classmethod
    def start(cls, admin: Callable[..., Any], endpoint: str) -> Self:
        """Start the data plane of a local AWS, or find the one that runs, and wait until it answers.

        Args:
            admin: `LocalAws.admin`.
            endpoint: URL of the local AWS.

        Raises:
            TargetError: it ended while it started, or does not answer.
        """
        found: Mapping[str, Any] = admin("POST", "/data-plane", endpoint=endpoint)
        deadline = time.monotonic() + START_SECONDS
        while found["state"] == "starting" and time.monotonic() < deadline:
            time.sleep(0.02)
            found = admin("GET", "/data-plane")
        if found["state"] != "running":
            raise TargetError(
                f"the data plane of {endpoint} is {found['state']} after its start.",
                hint="its words are in the local AWS's log",
            )
        urls = {name: found[name] for name in ("url", "test_url", "http_url")}
        return cls(**urls, ca_file=Path(found["ca_file"]), pid=found["pid"])

    def client(self, host: str, *, test: bool = False, timeout: float = TIMEOUT_SECONDS) -> httpx.Client:
        """Return a client that asks for one name: TLS and the Host header say the name, the connection goes here.

        Args:
            host: such as `example.com` or `origin-alb.example.com`.
            test: at the test listener's port.
            timeout: seconds, for each of connecting, sending and waiting.
        """

        def say_name(request: httpx.Request) -> None:
            request.extensions["sni_hostname"] = host

        return httpx.Client(
            base_url=self.test_url if test else self.url,
            headers={"Host": host},
            verify=ssl.create_default_context(cafile=str(self.ca_file)),
            event_hooks={"request": [say_name]},
            timeout=timeout,
            trust_env=False,
        )

    def log(self, run: str) -> list[dict[str, Any]]:
        """Return the writes of a run that tasks acknowledged, oldest first: each with `at`, `sequence`, `task`."""
        answer = httpx.get(
            f"{self.http_url}/_data_plane/log", params={"run": run}, timeout=TIMEOUT_SECONDS, trust_env=False
        )
        writes: list[dict[str, Any]] = answer.raise_for_status().json()["writes"]
        return writes
