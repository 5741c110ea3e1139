"""The SDK's server, which unpacks what it is asked about once instead of once for each rule.

About one resource it asks only the rules that judge its type: of a hundred rules three do. About the stack it hands
every rule the same resources.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from pulumi.runtime.proto import analyzer_pb2
from pulumi_policy import (
    Policy,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
    policy,
)

# The SDK has no seam for this: `PolicyPack` makes its server by this name.
_Server: Any = policy._PolicyAnalyzerServicer  # noqa: SLF001


def judged(found: Policy) -> frozenset[str]:
    """Return the type tokens that a policy judges, from its tags; none where it judges every type."""
    return frozenset(tag.removeprefix("on:") for tag in found.tags or () if tag.startswith("on:"))


class Server(_Server):  # type: ignore[misc]  # the SDK's class is untyped
    """Answers as the SDK's server does, and says of every other rule that it does not apply."""

    def __init__(self, name: str, version: str, policies: list[Policy], *rest: Any) -> None:
        super().__init__(name, version, policies, *rest)
        # The SDK answers several calls at once, each in one thread.
        self._unpacked = threading.local()
        keep: list[Policy] = [
            ResourceValidationPolicy("unpacked", "Keeps the resource.", self._keep),
            StackValidationPolicy("unpacked-stack", "Keeps the resources.", self._keep),
        ]
        self._unpacking = _Server(name, version, keep, *rest)
        for found in policies:
            self._share(found)
        self._make: Callable[[list[Policy]], Any] = lambda chosen: _Server(name, version, chosen, *rest)
        self._pack = [(found, judged(found)) for found in policies]
        self._servers: dict[str, tuple[Any, analyzer_pb2.AnalyzeResponse]] = {}
        self._configured: analyzer_pb2.ConfigureAnalyzerRequest | None = None

    def Configure(self, request: Any, context: Any) -> Any:  # noqa: N802  the protocol's name
        """Give each rule its level and properties."""
        self._configured = request
        self._servers = {}
        return super().Configure(request, context)

    def Analyze(self, request: Any, context: Any) -> Any:  # noqa: N802  the protocol's name
        """Ask the rules of one resource's type about it."""
        if request.type not in self._servers:
            self._servers[request.type] = self._server(request.type, context)
        server, others = self._servers[request.type]
        self._unpacking.Analyze(request, context)
        response = server.Analyze(
            analyzer_pb2.AnalyzeRequest(urn=request.urn, type=request.type, name=request.name), context
        )
        # A hundred entries: merged as a whole they take a tenth of the time that they take one by one.
        response.MergeFrom(others)
        return response

    def _server(self, token: str, context: Any) -> tuple[Any, analyzer_pb2.AnalyzeResponse]:
        own = [found for found, tokens in self._pack if not tokens or token in tokens]
        server = self._make(own)
        if self._configured is not None:
            given = self._configured.policyConfig
            config = {found.name: given[found.name] for found in own if found.name in given}
            server.Configure(analyzer_pb2.ConfigureAnalyzerRequest(policyConfig=config), context)
        others = [
            analyzer_pb2.PolicyNotApplicable(policy_name=found.name, reason="")
            for found, tokens in self._pack
            if tokens and token not in tokens and hasattr(found, "has_validation")
        ]
        return server, analyzer_pb2.AnalyzeResponse(not_applicable=others)

    def AnalyzeStack(self, request: Any, context: Any) -> Any:  # noqa: N802  the protocol's name
        """Unpack the stack, then ask every rule about it."""
        self._unpacking.AnalyzeStack(request, context)
        return super().AnalyzeStack(analyzer_pb2.AnalyzeStackRequest(), context)

    def _keep(self, args: ResourceValidationArgs | StackValidationArgs, report: Any) -> None:
        del report
        self._unpacked.args = args

    def _share(self, found: Any) -> None:
        """Let a rule read what was unpacked once, in the place of what the SDK unpacked for it."""
        validate = found.validate

        def with_unpacked(args: Any, report: Any) -> Any:
            if isinstance(args, StackValidationArgs):
                args.resources = self._unpacked.args.resources
            else:
                args.props, args.opts, args.provider = (
                    self._unpacked.args.props,
                    self._unpacked.args.opts,
                    self._unpacked.args.provider,
                )
            return validate(args, report)

        found.validate = with_unpacked
