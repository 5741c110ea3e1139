"""A policy pack in its own process, started and spoken to as the Pulumi engine does it."""

from __future__ import annotations

import math
import os
import select
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NoReturn, Self

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import analyzer_pb2, analyzer_pb2_grpc

from prod_infra.errors import PolicyError

WAIVERS_VARIABLE: Final = "PROD_INFRA_WAIVERS"
"""Environment variable that tells the pack which file of waivers to apply."""

_TAIL: Final = 2000
_MAX_MESSAGE: Final = 400 * 1024 * 1024  # bytes; what the SDK's own server takes


class PolicyProcess:
    """A running pack, for as long as the `with` block lasts. May be asked from many threads.

    Args:
        pack: the pack's folder.
        deadline: `time.monotonic()` after which every wait gives up.
        timeout: seconds that the pack may take to start, and for each answer.
        waivers: a file of waivers in the place of the pack's own.

    Raises:
        PolicyError: from each method, where the pack does not answer; its last words are in the message.
    """

    def __init__(
        self, pack: Path, *, deadline: float = math.inf, timeout: float = math.inf, waivers: Path | None = None
    ) -> None:
        self._pack = pack
        self._deadline = deadline
        self._timeout = timeout
        self._waivers = waivers
        self._connecting = threading.Lock()
        self._channel: grpc.Channel | None = None

    def __enter__(self) -> Self:
        """Start the pack; the first question waits until it is up, so that the caller can work meanwhile."""
        if not (self._pack / "PulumiPolicy.yaml").is_file():
            raise PolicyError(f"There is no PulumiPolicy.yaml in {self._pack}.", hint="name a policy pack's folder")
        self._errors = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            [sys.executable, "-u", "-m", "pulumi.policy", "127.0.0.1:0", str(self._pack)],
            cwd=self._pack,
            env={**os.environ, WAIVERS_VARIABLE: str(self._waivers.resolve())} if self._waivers else None,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._errors,
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the pack."""
        if self._channel is not None:
            self._channel.close()
        self._process.kill()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._errors.close()

    def set_deadline(self, deadline: float) -> None:
        """Let every wait give up at this `time.monotonic()`."""
        self._deadline = deadline

    def info(self) -> analyzer_pb2.AnalyzerInfo:
        """Return what the pack says of itself and of each rule."""
        found: analyzer_pb2.AnalyzerInfo = self._call("GetAnalyzerInfo", empty_pb2.Empty())
        return found

    def configure(self, config: Mapping[str, analyzer_pb2.PolicyConfig]) -> None:
        """Give each rule its level and properties."""
        self._call("Configure", analyzer_pb2.ConfigureAnalyzerRequest(policyConfig=config))

    def analyze(self, request: analyzer_pb2.AnalyzeRequest) -> analyzer_pb2.AnalyzeResponse:
        """Ask the rules about one resource's inputs."""
        found: analyzer_pb2.AnalyzeResponse = self._call("Analyze", request)
        return found

    def analyze_stack(self, request: analyzer_pb2.AnalyzeStackRequest) -> analyzer_pb2.AnalyzeResponse:
        """Ask the rules about all resources together."""
        found: analyzer_pb2.AnalyzeResponse = self._call("AnalyzeStack", request)
        return found

    def _connect(self) -> analyzer_pb2_grpc.AnalyzerStub:
        with self._connecting:
            if self._channel is None:
                self._channel = grpc.insecure_channel(
                    f"127.0.0.1:{self._port()}",
                    options=[
                        ("grpc.max_receive_message_length", _MAX_MESSAGE),
                        ("grpc.max_send_message_length", _MAX_MESSAGE),
                        # A proxy of the environment has no business on loopback.
                        ("grpc.enable_http_proxy", 0),
                    ],
                )
                self._analyzer = analyzer_pb2_grpc.AnalyzerStub(self._channel)
            return self._analyzer

    def _patience(self) -> float | None:
        """Return the seconds that a wait may take; None for no limit."""
        left = min(self._timeout, max(0.0, self._deadline - time.monotonic()))
        return None if math.isinf(left) else left

    def _port(self) -> int:
        """Return the port that the pack prints first."""
        until = min(self._deadline, time.monotonic() + self._timeout)
        if self._process.stdout is None:  # for the type checker: it was opened as a pipe
            raise AssertionError
        out, line = self._process.stdout.fileno(), b""
        while not line.endswith(b"\n"):
            ready, _, _ = select.select(
                [out], [], [], None if math.isinf(until) else max(0.0, until - time.monotonic())
            )
            if not ready:
                self._fail("did not start in time")
            piece = os.read(out, 1)
            if not piece:
                self._process.wait()
                self._fail(f"did not start: it ended with exit code {self._process.returncode}")
            line += piece
        if not line.strip().isdigit():
            self._fail("did not start: it printed something else than its port")
        return int(line)

    def _call(self, method: str, request: Any) -> Any:
        ask: Callable[..., Any] = getattr(self._connect(), method)
        try:
            return ask(request, timeout=self._patience())
        except grpc.RpcError as error:
            late = error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
            self._fail("did not answer in time" if late else f"crashed ({error.code().name})")

    def _fail(self, what: str) -> NoReturn:
        # Read in one go: the pack writes at the same file position, and several threads may fail at once.
        file = self._errors.fileno()
        words = os.pread(file, _TAIL, max(0, os.fstat(file).st_size - _TAIL)).decode(errors="replace").strip()
        raise PolicyError(
            f"The policy pack {self._pack.name} {what}, so there is no verdict." + (f"\n{words}" if words else ""),
            hint="mend the pack; `python -m pulumi.policy 127.0.0.1:0 FOLDER` starts it by hand",
        )
