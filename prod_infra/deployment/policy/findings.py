"""What a pack's answers say: findings, each with its rule's words and the line that registers the resource."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.runtime.proto import analyzer_pb2

from prod_infra.deployment.program.registration import Registration
from prod_infra.properties import SECRET_MASK

_LEVELS: Final = {0: "advisory", 1: "mandatory", 2: "disabled", 3: "remediate"}
SEVERITIES: Final = {0: "", 1: "low", 2: "medium", 3: "high", 4: "critical"}
"""Word for each of the protocol's severities."""

_SHORTEST_SECRET: Final = 4
_DEFERRED: Final = "deferred: "
# How a pack that applies waivers itself reports what it accepted; an advisory of a policy of its own.
_WAIVED: Final = re.compile(r"waived: (?P<rule>[a-z0-9-]+): (?P<fault>.*) \((?P<waiver>until .*)\)", re.DOTALL)
BOOKKEEPING: Final = frozenset({"waived-findings-of-resources", "waived-findings-of-the-stack", "waivers-in-order"})
"""Policies of the pack that judge no resource."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that a rule objects to.

    Attributes:
        rule: the rule's id.
        title: what should hold.
        severity: `low`, `medium`, `high` or `critical`; empty where the pack doesn't say.
        level: `mandatory`, `advisory` or `waived`.
        urn: the resource; empty for the stack as a whole.
        message: the reason, without any property value that may be secret.
        fix: what to change.
        source: `file:line` of the call that registers the resource; empty where Pulumi did not say.
        undecided: whether the rule could not decide rather than found a fault.
        waiver: of a waived finding: until when, ticket, owner and reason.
        url: where AWS explains what is asked.
    """

    rule: str
    title: str
    severity: str
    level: str
    urn: str
    message: str
    fix: str
    source: str
    undecided: bool = False
    waiver: str = ""
    url: str = ""


def _secrets(value: PropertyValue, *, inside: bool = False) -> Iterator[str]:
    """Yield every secret string in `value`."""
    secret, inner = inside or value.is_secret, value.value
    if isinstance(inner, str):
        if secret and len(inner) >= _SHORTEST_SECRET:
            yield inner
    elif isinstance(inner, Mapping):
        for item in inner.values():
            yield from _secrets(item, inside=secret)
    elif isinstance(inner, tuple):
        for item in inner:
            yield from _secrets(item, inside=secret)


_LIBRARY: Final = Path(__file__).resolve().parents[2]


def _in_library(source: str) -> bool:
    return Path(source.rpartition(":")[0]).resolve().is_relative_to(_LIBRARY)


def _sources(registrations: Sequence[Registration]) -> dict[str, str]:
    """Return, by URN, where the user's own code asks for the resource.

    For what a component of this library makes, that is the call of the component; where there is none, as in the
    packaged program, it is the library's own line.
    """
    by_urn = {registration.urn: registration for registration in registrations}
    inside = {source: _in_library(source) for source in {found.source for found in registrations}}
    result = {}
    for registration in registrations:
        at: Registration | None = registration
        while at and (not at.source or inside[at.source]):
            at = by_urn.get(at.parent)
        result[registration.urn] = at.source if at else registration.source
    return result


class FindingReader:
    """Makes findings of the pack's answers, and counts."""

    def __init__(self, info: analyzer_pb2.AnalyzerInfo, registrations: Sequence[Registration]) -> None:
        self._policies = {policy.name: policy for policy in info.policies}
        self._sources = _sources(registrations)
        # Longest first: a secret that contains another must not leave its rest behind.
        secrets = {text for found in registrations for value in found.inputs.values() for text in _secrets(value)}
        self._secrets = sorted(secrets, key=len, reverse=True)
        self.findings: list[Finding] = []
        self.deferred: dict[str, str] = {}

    def read(
        self, response: analyzer_pb2.AnalyzeResponse, urn: str, *, final: bool = False
    ) -> tuple[list[Finding], AbstractSet[str], AbstractSet[str]]:
        """Note what an answer says of `urn`, or of the resource that each finding names.

        Where it is `final`, a rule that waits is a mandatory finding: nothing comes later that could decide it.

        Returns:
            The findings, the rules that did not apply, and those of them that wait for `up`.
        """
        found = [self._finding(diagnostic, diagnostic.urn or urn) for diagnostic in response.diagnostics]
        skipped = {entry.policy_name: entry.reason for entry in response.not_applicable}
        waiting = {name: why.removeprefix(_DEFERRED) for name, why in skipped.items() if why.startswith(_DEFERRED)}
        if final:
            words = "undecided: the rule reads a value that is not known even now"
            found += [self._made(rule, urn, "mandatory", words) for rule in waiting]
        else:
            self.deferred.update(waiting)
        self.findings += found
        return found, skipped.keys(), waiting.keys()

    def _finding(self, diagnostic: analyzer_pb2.AnalyzeDiagnostic, urn: str) -> Finding:
        message = diagnostic.message.removeprefix(diagnostic.description).strip() or diagnostic.description
        for secret in self._secrets:
            message = message.replace(secret, SECRET_MASK)
        level = _LEVELS.get(diagnostic.enforcementLevel, "mandatory")
        waived = _WAIVED.fullmatch(message) if diagnostic.policyName in BOOKKEEPING else None
        if waived:
            return self._made(waived["rule"], urn, "waived", waived["fault"], waiver=waived["waiver"])
        return self._made(diagnostic.policyName, urn, level, message)

    def _made(self, rule: str, urn: str, level: str, message: str, *, waiver: str = "") -> Finding:
        policy = self._policies.get(rule, analyzer_pb2.PolicyInfo(name=rule))
        return Finding(
            rule=rule,
            title=policy.displayName or policy.description or rule,
            severity=SEVERITIES.get(policy.severity, ""),
            level=level,
            urn=urn,
            message=message,
            fix=policy.remediation_steps,
            source=self._sources.get(urn, ""),
            # The second is the SDK's own word for it, for packs without a guard.
            undecided=message.startswith(("undecided:", "can't run policy")),
            waiver=waiver,
            url=policy.url,
        )
