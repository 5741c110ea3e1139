"""A local AWS in a process of its own: start, attach, stop. moto is imported only there."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from prod_infra.errors import TargetError
from prod_infra.local_aws.clients import require_loopback
from prod_infra.local_aws.data_plane.handle import DataPlane

DEFAULT_LOG = Path(".prod-infra/local/local-aws.log")
STOP_SECONDS = 10.0


class LocalAws:
    """A running local AWS. As a context manager it stops at the end of the block.

    Attributes:
        endpoint: URL for every AWS client, such as `http://127.0.0.1:5000`.
        instance_id: UUID of this run of the server; what it holds ends with it.
        pid: process ID of the server.
    """

    def __init__(self, endpoint: str, instance_id: str, pid: int, process: subprocess.Popen[str] | None = None) -> None:
        self.endpoint = endpoint
        self.instance_id = instance_id
        self.pid = pid
        self._process = process

    @classmethod
    def start(
        cls,
        port: int = 0,
        *,
        keep: bool = False,
        log: Path = DEFAULT_LOG,
        hosted_zones: tuple[str, ...] = ("example.com",),
        clock_factor: float = 60.0,
        verbose: bool = False,
    ) -> Self:
        """Start a server and wait, about three seconds, until it answers.

        Args:
            port: port on 127.0.0.1; 0 is any free one.
            keep: let the server outlive this process, detached from its terminal; else it ends with it.
            log: where a kept server's stderr goes.
            hosted_zones: domain names of the public hosted zones that exist from the start, since a real account has
                its domain's zone before the first deploy.
            clock_factor: AWS's seconds in one second here, where the local AWS goes on by itself; over 0.
            verbose: log each call to stderr.

        Raises:
            TargetError: the factor is not over 0, the port is in use, or the `local` extra is not installed.
        """
        if not 0 < clock_factor < float("inf"):
            raise TargetError(
                f"a clock factor is AWS's seconds in one second here; {clock_factor} can't be",
                hint="give a number over 0, such as 60",
            )
        command = [sys.executable, "-m", "prod_infra.local_aws", "--port", str(port)]
        command += ["--clock-factor", str(clock_factor)]
        command += [f"--hosted-zone={name}" for name in hosted_zones]
        command += ["--verbose"] if verbose else []
        command += [] if keep else ["--until-stdin-closes"]
        if keep:
            log.parent.mkdir(parents=True, exist_ok=True)
        # A file, not a pipe: nobody reads it while all is well.
        with log.open("ab") if keep else tempfile.TemporaryFile() as stderr:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL if keep else subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=None if verbose and not keep else stderr,
                # Ctrl-C in a terminal reaches every process of the group: whoever started the server says when it ends.
                start_new_session=True,
                text=True,
            )
            assert process.stdout is not None  # noqa: S101  a pipe was asked for
            with process.stdout:
                line = process.stdout.readline()
            if not line:
                process.wait()
                stderr.seek(0)
                words = "" if verbose and not keep else stderr.read().decode(errors="replace")[-2000:]
                raise TargetError(
                    f"the local AWS ended while it started, with exit code {process.returncode}.\n{words}"
                )
        answer = json.loads(line)
        if "error" in answer:
            _end(process)
            raise TargetError(answer["error"], hint=answer["hint"])
        if keep:
            # Nobody here waits for a server that outlives this process; Popen would complain of that.
            process.returncode = 0
        return cls(answer["endpoint"], answer["instance"], answer["pid"], None if keep else process)

    @classmethod
    def attach(cls, endpoint: str) -> Self:
        """Return the server that answers at an endpoint.

        Raises:
            TargetError: the endpoint is off loopback, nobody answers, or it is not a local AWS of this library.
        """
        health = _health(require_loopback(endpoint))
        return cls(endpoint.rstrip("/"), health["instance"], health["pid"])

    @property
    def running(self) -> bool:
        """Whether this very server, not a later one on the same port, answers."""
        try:
            return bool(_health(self.endpoint)["instance"] == self.instance_id)
        except TargetError:
            return False

    def reset(self) -> None:
        """Forget every resource; the hosted zones of the start are made anew."""
        self.admin("POST", "/reset")

    def wait(self) -> None:
        """Wait until the server that this object started has ended."""
        if self._process is not None:
            self._process.wait()

    def stop(self) -> None:
        """Stop the server and wait until it is gone; one that is gone already is no error."""
        if self._process is not None:
            _end(self._process)
            return
        if not self.running:
            return
        # One that ends at once does not always get to answer; whether it is gone is asked below.
        with contextlib.suppress(TargetError):
            self.admin("POST", "/stop")
        deadline = time.monotonic() + STOP_SECONDS
        while self.running:
            if time.monotonic() > deadline:
                raise TargetError(f"the local AWS at {self.endpoint} does not stop.", hint=f"end process {self.pid}")
            time.sleep(0.05)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @contextmanager
    def fault(self, kind: str, **members: Any) -> Iterator[str]:
        """Inject a fault for the block, such as `fault("lost-az", zone="eu-central-1a")`, and yield its ID.

        The kinds and their members: `prod_infra/local_aws/faults/injected_faults.py`.

        Raises:
            TargetError: the fault can't be right, or the server is gone.
        """
        fault_id: str = self.admin("POST", "/faults", kind=kind, **members)["id"]
        try:
            yield fault_id
        finally:
            self.admin("DELETE", "/faults", id=fault_id)

    def data_plane(self) -> DataPlane:
        """Start the data plane, or find the one that runs: real HTTPS on loopback for what is deployed here.

        Raises:
            TargetError: it does not start, or the server is gone.
        """
        return DataPlane.start(self.admin, self.endpoint)

    def admin(self, method: str, path: str, **members: Any) -> Any:
        """Make a call that no AWS has, such as `admin("POST", "/clock", factor=600)`, and return its JSON.

        Args:
            method: of HTTP.
            path: below `/_prod_infra`.
            members: of the JSON body; empty for GET.

        Raises:
            TargetError: the call can't be right, or the server is gone.
        """
        try:
            response = httpx.request(
                method, f"{self.endpoint}/_prod_infra{path}", json=members or None, timeout=30, trust_env=False
            )
        except httpx.HTTPError as error:
            raise TargetError(f"the local AWS at {self.endpoint} does not answer: {error}") from error
        answer = response.json()
        if response.is_error:
            raise TargetError(f"{method} {path}: {answer['message']}")
        return answer


def _health(endpoint: str) -> dict[str, Any]:
    hint = "start one with `prod-infra local-aws`, and give the endpoint that it prints"
    try:
        response = httpx.get(f"{endpoint.rstrip('/')}/_prod_infra/health", timeout=10, trust_env=False)
        health = response.json()
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise TargetError(f"nothing answers at {endpoint}: {error}", hint=hint) from error
    except ValueError:
        health = None
    if not isinstance(health, dict) or not {"instance", "pid"} <= health.keys():
        raise TargetError(f"what answers at {endpoint} is not a local AWS of prod_infra.", hint=hint)
    return health


def _end(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdin:
        process.stdin.close()
