"""The local providers as Pulumi's own engine uses them: over gRPC, attached instead of installed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from types import TracebackType
from typing import Final, Self

from prod_infra.errors import TargetError

PACKAGES: Final = ("aws", "random")


class AttachedProviders:
    """One child process for each package; they end with `close`, or with this process, whatever ends it.

    Args:
        endpoint: of a running local AWS, on loopback.
        region: of the providers until the engine configures one.

    Raises:
        TargetError: a provider does not start.
    """

    def __init__(self, endpoint: str, region: str) -> None:
        self._processes: dict[str, subprocess.Popen[str]] = {}
        ports: dict[str, int] = {}
        try:
            for package in PACKAGES:
                self._processes[package] = _start(package, endpoint, region)
            for package, process in self._processes.items():
                ports[package] = _port(package, process)
        except TargetError:
            self.close()
            raise
        self.environment: Mapping[str, str] = {
            # Nothing is downloaded: a provider that is named here is used in the place of its plugin.
            "PULUMI_DEBUG_PROVIDERS": ",".join(f"{package}:{port}" for package, port in ports.items()),
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        }
        """Variables by which the CLI finds them."""

    def close(self) -> None:
        """End them; twice is no error."""
        for process in self._processes.values():
            for stream in (process.stdin, process.stdout):
                assert stream is not None  # noqa: S101  pipes were asked for
                stream.close()
            process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _start(package: str, endpoint: str, region: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "prod_infra.local_aws.provider", package, "--until-stdin-closes"]
    return subprocess.Popen(
        [*command, "--endpoint", endpoint, "--region", region],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        # Ctrl-C reaches a terminal's whole group; the CLI must still be able to end its steps.
        start_new_session=True,
        text=True,
    )


def _port(package: str, process: subprocess.Popen[str]) -> int:
    assert process.stdout is not None  # noqa: S101  a pipe was asked for
    line = process.stdout.readline().strip()
    if not line:
        raise TargetError(
            f"The local provider {package} ended while it started, with exit code {process.wait()}.",
            hint="its words are above; `pip install prod-infra[local]` brings what it needs",
        )
    return int(line)
