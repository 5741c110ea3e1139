"""What the policy pack says of a program, in numbers and findings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from pulumi.runtime.proto import analyzer_pb2

from prod_infra.deployment.policy.findings import SEVERITIES, Finding


class Outcome(StrEnum):
    """What became of one rule on one resource; a rule over the whole stack counts once."""

    PASSED = "passed"
    FAILED = "failed"
    WAIVED = "waived"
    UNDECIDED = "undecided"
    DEFERRED = "deferred"
    NOT_APPLICABLE = "not applicable"


_JUDGED: Final = (Outcome.PASSED, Outcome.FAILED, Outcome.WAIVED, Outcome.UNDECIDED)


@dataclass(frozen=True, kw_only=True)
class RuleInfo:
    """What a pack says of one of its rules.

    Attributes:
        id: as findings name it.
        title: what should hold.
        description: the same with the reason.
        severity: as a finding's.
        fix: what to change.
        url: where AWS explains it.
        tags: the standards' controls, and `on:` with each type token that it judges.
    """

    id: str
    title: str
    description: str
    severity: str
    fix: str
    url: str
    tags: tuple[str, ...]


def rule_info(policy: analyzer_pb2.PolicyInfo) -> RuleInfo:
    """Return what the Analyzer protocol says of a rule."""
    return RuleInfo(
        id=policy.name,
        title=policy.displayName or policy.description,
        description=policy.description,
        severity=SEVERITIES.get(policy.severity, ""),
        fix=policy.remediation_steps,
        url=policy.url,
        tags=tuple(policy.tags),
    )


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the pack says of a program.

    Attributes:
        findings: in the order in which the pack reported them.
        rules: number of rules that were enabled.
        resources: number of resources that a provider manages.
        tally: by rule, how often each outcome occurred.
        rule_infos: the enabled rules, in the pack's order.
        deferred: ids of rules that wait for values which only `up` brings, with the reason.
        disabled: ids of rules that the configuration turned off.
        lowered: ids of rules that the configuration made advisory, or not strict.
        unjudged: the program's own resources of a type that no enabled rule judges, as the rules' tags say; what
            components of `prod_infra` make is known to need none.
        seconds: wall time.
    """

    findings: tuple[Finding, ...]
    rules: int
    resources: int
    tally: Mapping[str, Mapping[Outcome, int]]
    rule_infos: tuple[RuleInfo, ...]
    deferred: Mapping[str, str]
    disabled: tuple[str, ...]
    lowered: tuple[str, ...]
    unjudged: tuple[str, ...]
    seconds: float

    def count(self, outcome: Outcome) -> int:
        """Return how many judgements had this outcome."""
        return sum(counts.get(outcome, 0) for counts in self.tally.values())

    @property
    def evaluated(self) -> int:
        """Number of pairs of a rule and a resource that were judged."""
        return sum(map(self.count, _JUDGED))

    @property
    def violations(self) -> tuple[Finding, ...]:
        """The findings that block."""
        return tuple(finding for finding in self.findings if finding.level == "mandatory")

    @property
    def waived(self) -> tuple[Finding, ...]:
        """The findings that a waiver accepts."""
        return tuple(finding for finding in self.findings if finding.level == "waived")

    @property
    def undecided(self) -> tuple[Finding, ...]:
        """The findings of rules that met a value which AWS has yet to decide."""
        return tuple(finding for finding in self.findings if finding.undecided)

    @property
    def passed(self) -> bool:
        """Whether nothing blocks."""
        return not self.violations

    @property
    def counts(self) -> dict[str, int]:
        """Every number that a report must show, by its name."""
        numbers = {"rules": self.rules, "resources": self.resources, "evaluated": self.evaluated}
        return {**numbers, **{o.value: self.count(o) for o in Outcome}, "disabled": len(self.disabled)}
