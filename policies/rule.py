"""A rule is data: what it asks, why, of which resources, how to mend it, and examples that prove it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from pulumi_policy import PolicyResource
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE

from policies.checks import Check, number, show
from policies.graph import Stack
from policies.tokens import Tokens

FSBP: Final = "AWS Foundational Security Best Practices v1.0.0"
SECURITY_HUB: Final = "AWS Security Hub"
CIS_5: Final = "CIS AWS Foundations Benchmark v5.0.0"
CIS_7: Final = "CIS AWS Foundations Benchmark v7.0.0"
CHECKOV: Final = "Checkov 3.3.30"
WELL_ARCHITECTED: Final = "AWS Well-Architected Framework"

UNKNOWN: Final = UNKNOWN_STRING_VALUE
"""In an example's properties: a value that AWS has yet to decide, as the engine sends it to a pack."""


class Severity(StrEnum):
    """How bad a fault is; the words are CrossGuard's."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class Verdict(StrEnum):
    """What a rule says of one resource."""

    PASS = "pass"  # noqa: S105  the opposite of fail
    FAIL = "fail"
    UNDECIDED = "undecided"
    DEFERRED = "deferred"


@dataclass(frozen=True, kw_only=True)
class Absent:
    """What it means when the key that a rule reads is not there.

    Attributes:
        means: what AWS makes of it.
        passes: whether that is good enough for production.
    """

    means: str
    passes: bool = False


@dataclass(frozen=True, kw_only=True)
class Threshold:
    """A number that a pack's configuration may make stricter, and never laxer.

    Attributes:
        name: the configuration's property.
        floor: the laxest value, which is also the default.
        check: makes the check for a value.
        at_most: whether smaller is stricter.
    """

    name: str
    floor: float
    check: Callable[[float], Check]
    at_most: bool = False

    def allows(self, value: float) -> bool:
        """Whether `value` is as strict as the floor or stricter."""
        return value <= self.floor if self.at_most else value >= self.floor

    @property
    def schema(self) -> dict[str, Any]:
        """The property's JSON schema, which the real engine holds the configuration against."""
        bound = "maximum" if self.at_most else "minimum"
        words = f"May be made stricter: {'at most' if self.at_most else 'at least'} {show(self.floor)}"
        return {"type": "number", "default": self.floor, bound: self.floor, "description": words}


@dataclass(frozen=True)
class Node:
    """One resource of an example stack.

    Attributes:
        type: type token.
        name: logical name.
        props: properties; `UNKNOWN` for what AWS has yet to decide.
        uses: names of the nodes that a property was made from, by property.
        protect: whether Pulumi refuses to delete it.
    """

    type: str
    name: str
    props: Mapping[str, Any] = field(default_factory=dict)
    uses: Mapping[str, Sequence[str]] = field(default_factory=dict)
    protect: bool = False


Example = tuple[Node, ...]
"""A small stack; the rule's verdict on it is the worst of its verdicts on the resources it looks at."""


@dataclass(frozen=True)
class Case:
    """An example and the verdict that the rule must give."""

    kind: str
    stack: Example
    verdict: Verdict


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What every rule has.

    Attributes:
        id: kebab-case, unique in the pack, never renamed: waivers and reports name it.
        title: what holds where the rule passes, as a sentence.
        why: what happens where it does not hold.
        on: type tokens of the resources it judges.
        keys: the properties it reads; the first is the one its examples take away and make unknown.
        absent: what it means when the first key is not there.
        fix: what to change, in `prod_infra`'s words.
        controls: ids in each standard that asks the same; the standard's name ends with its version.
        deferred: why the rule may have to wait for `up` where it meets an unknown; empty where it may not.
    """

    id: str
    title: str
    why: str
    severity: Severity
    on: Tokens
    keys: tuple[str, ...]
    absent: Absent
    fix: str
    controls: Mapping[str, tuple[str, ...]]
    deferred: str = ""

    @property
    def cases(self) -> tuple[Case, ...]:
        """Every example, with the verdict that the rule must give; each kind of rule makes its own."""
        raise NotImplementedError

    @property
    def waivable(self) -> bool:
        """Whether a waiver may accept its faults: never those that open the environment to anyone."""
        return self.severity is not Severity.CRITICAL

    @property
    def url(self) -> str:
        """Where AWS explains the first of its controls, or the pillar of its framework."""
        for control in (*self.controls.get(FSBP, ()), *self.controls.get(SECURITY_HUB, ())):
            service, _, number = control.lower().partition(".")
            return (
                f"https://docs.aws.amazon.com/securityhub/latest/userguide/{service}-controls.html#{service}-{number}"
            )
        pillars = {"SEC": "security", "REL": "reliability", "OPS": "operational-excellence"}
        for practice in self.controls.get(WELL_ARCHITECTED, ()):
            pillar = pillars[practice[:3]]
            return f"https://docs.aws.amazon.com/wellarchitected/latest/{pillar}-pillar/welcome.html"
        return "https://docs.aws.amazon.com/wellarchitected/latest/framework/welcome.html"

    @property
    def on_unknown(self) -> Verdict:
        """The verdict where an unknown keeps the rule from deciding."""
        return Verdict.DEFERRED if self.deferred else Verdict.UNDECIDED

    @property
    def on_absent(self) -> Verdict:
        """The verdict where the first key is not there."""
        return Verdict.PASS if self.absent.passes else Verdict.FAIL


@dataclass(frozen=True, kw_only=True)
class ResourceRule(Rule):
    """A rule that one resource's inputs decide; CrossGuard runs it before the resource is made.

    Attributes:
        check: yields a sentence for each fault.
        passes: properties that are right; the first also makes the absent and the unknown example.
        fails: what to change in the first of `passes`, at the top level, to make it wrong.
        threshold: the number in it that may be made stricter; `check` is the check for its floor.
    """

    check: Check
    passes: tuple[Mapping[str, Any], ...]
    fails: tuple[Mapping[str, Any], ...]
    threshold: Threshold | None = None

    def configured(self, config: Mapping[str, Any]) -> Check:
        """Return the check for a configuration.

        Raises:
            ValueError: the configuration would lower the floor; the message names the property.
        """
        if self.threshold is None or self.threshold.name not in config:
            return self.check
        value = number(config[self.threshold.name])
        if value is None or not self.threshold.allows(value):
            raise ValueError(f"the configuration's {self.threshold.name} would lower the floor of {self.id}")
        return self.threshold.check(value)

    @property
    def cases(self) -> tuple[Case, ...]:
        """Every example on every type token."""
        good = self.passes[0]
        found = [("passes", props, Verdict.PASS) for props in self.passes]
        found += [("fails", {**good, **change}, Verdict.FAIL) for change in self.fails]
        found.append(("absent", changed(good, self.keys[0]), self.on_absent))
        found.append(("unknown", changed(good, self.keys[0], UNKNOWN), self.on_unknown))
        return tuple(
            Case(kind, (Node(token, "example", props),), verdict) for token in self.on for kind, props, verdict in found
        )


@dataclass(frozen=True, kw_only=True)
class StackRule(Rule):
    """A rule that links between resources decide; CrossGuard runs it when all are known.

    Attributes:
        check: takes one of the resources in `on` and the stack; yields a sentence for each fault.
        passes: stacks that are right.
        fails: stacks that are wrong.
        lacks: a stack without what the rule looks for.
        unknown: a stack that can't be decided; none where the rule reads only what Pulumi itself knows.
    """

    check: Callable[[PolicyResource, Stack], Iterator[str]]
    passes: tuple[Example, ...]
    fails: tuple[Example, ...]
    lacks: Example
    unknown: Example = ()

    @property
    def cases(self) -> tuple[Case, ...]:
        """Every example."""
        return (
            *(Case("passes", stack, Verdict.PASS) for stack in self.passes),
            *(Case("fails", stack, Verdict.FAIL) for stack in self.fails),
            Case("absent", self.lacks, self.on_absent),
            *([Case("unknown", self.unknown, self.on_unknown)] if self.unknown else []),
        )


def changed(props: Mapping[str, Any], path: str, value: Any = None) -> dict[str, Any]:
    """Return a copy of `props` with `value` at `path`, or without the key where `value` is None.

    Args:
        props: properties.
        path: keys joined by dots; `[]` after a key means the first item of its list.
        value: what to put there.
    """
    result = copy.deepcopy(dict(props))
    *parents, last = path.split(".")
    holder = result
    for key in parents:
        holder = holder[key.removesuffix("[]")][0] if key.endswith("[]") else holder[key]
    if value is None:
        holder.pop(last.removesuffix("[]"), None)
    else:
        holder[last.removesuffix("[]")] = value
    return result
