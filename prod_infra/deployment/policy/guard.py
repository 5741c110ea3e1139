"""Asks a running pack about one resource at a time, with the values that `up` has just learnt.

A preview leaves some rules deferred, which read what only AWS can say. Here they decide, before the resource is made.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pulumi.runtime.proto import analyzer_pb2

from prod_infra.deployment.policy.config import policy_config
from prod_infra.deployment.policy.findings import Finding, FindingReader
from prod_infra.deployment.policy.gate import PACK
from prod_infra.deployment.policy.process import PolicyProcess
from prod_infra.deployment.policy.requests import analyze_request
from prod_infra.deployment.program.registration import Registration


class PolicyGuard:
    """A pack that runs from construction to `close`, or to the end of the `with` block; may be asked from many threads.

    Args:
        pack: folder with a `PulumiPolicy.yaml` and a Python pack.
        config: as `gate.check` takes it.
        timeout: seconds that the pack may take to start, and for each answer.

    Raises:
        PolicyError: there is no such pack.
    """

    def __init__(self, *, pack: Path = PACK, config: Mapping[str, Any] | None = None, timeout: float = 60) -> None:
        self._config = dict(config or {})
        self._process = PolicyProcess(pack, timeout=timeout)
        self._starting = threading.Lock()
        self._info: analyzer_pb2.AnalyzerInfo | None = None
        # The pack starts while the caller goes on; the first question waits for it.
        self._process.__enter__()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop the pack."""
        self._process.__exit__(None, None, None)

    def _ready(self) -> analyzer_pb2.AnalyzerInfo:
        with self._starting:
            if self._info is None:
                info = self._process.info()
                self._process.configure(policy_config(info, self._config))
                self._info = info
            return self._info

    def objections(self, registration: Registration) -> list[str]:
        """Return why the pack forbids a resource, a sentence a rule; what an engine takes as its `review`.

        Raises:
            PolicyError: the pack did not start, crashed or hung.
            InvalidInputError: the configuration can't be right.
        """
        forbidden = [finding for finding in self.analyze(registration) if finding.level == "mandatory"]
        return [f"policy {found.rule}: {found.message}; {found.fix}" for found in forbidden]

    def analyze(self, registration: Registration) -> tuple[Finding, ...]:
        """Return what the rules object to in one resource, whose inputs are those that its provider has checked.

        A rule that still meets an unknown is a mandatory finding here: nothing comes later that could decide it.
        Waived findings are among them, with the level `waived`; block on `mandatory` alone.

        Raises:
            PolicyError: the pack did not start, crashed or hung.
            InvalidInputError: the configuration can't be right.
        """
        reader = FindingReader(self._ready(), [registration])
        answer = self._process.analyze(analyze_request(registration, {}))
        found, _, _ = reader.read(answer, registration.urn, final=True)
        return tuple(found)
