"""Rules made into CrossGuard policies, each behind a guard: a rule that can't decide, or crashes, says so by name."""

from __future__ import annotations

import re
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from pulumi_policy import (
    EnforcementLevel,
    Policy,
    PolicyComplianceFramework,
    PolicyConfigSchema,
    PolicyResource,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy import Severity as CrossGuardSeverity
from pulumi_policy.proxy import UnknownValueError

from policies.graph import Stack
from policies.rule import ResourceRule, Rule, StackRule
from policies.waivers import Waivers

NAME = "prod-infra"
DESCRIPTION = "What a production AWS environment may never be without; every rule says why and how to mend it"

WAIVED_RESOURCES = "waived-findings-of-resources"
WAIVED_STACK = "waived-findings-of-the-stack"
WAIVERS_IN_ORDER = "waivers-in-order"

_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)+")


def _guarded(rule: Rule, faults: Callable[[], Iterator[str]], config: Mapping[str, Any]) -> Iterator[tuple[str, bool]]:
    """Yield the faults, each with whether it may be waived; an unknown or a crash ends them with a fault of its own.

    Raises:
        UnknownValueError: where an unknown may wait for `up`, or the rule is not strict; reported as not decided.
    """
    try:
        for fault in faults():
            yield fault, True
    except UnknownValueError as met:
        if rule.deferred or not config.get("strict", True):
            raise
        yield f"undecided: AWS has yet to decide {'.'.join(met.props)}, and the rule reads it", True
    except Exception as crash:  # noqa: BLE001  one rule's crash must not take the others' verdicts with it
        frame = traceback.extract_tb(crash.__traceback__)[-1]
        where = f"{Path(frame.filename).name}:{frame.lineno}"
        yield f"the rule crashed ({type(crash).__name__} at {where}) and gave no verdict; report it as a bug", False


def _resource_policy(rule: ResourceRule, metadata: Mapping[str, Any], waivers: Waivers) -> Policy:
    def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
        if args.resource_type not in rule.on:
            args.not_applicable()
        try:
            check = rule.configured(args.get_config())
        except ValueError as lowered:
            report(str(lowered), None)
            check = rule.check
        try:
            for fault, waivable in _guarded(rule, partial(check, args.props), args.get_config()):
                if not (waivable and waivers.take(rule.id, args.urn, fault)):
                    report(fault, None)
        except UnknownValueError:
            waivers.touch(rule.id, args.urn)
            if rule.deferred:
                args.not_applicable(f"deferred: {rule.deferred}")
            raise

    return ResourceValidationPolicy(validate=validate, **metadata)


class _Stacks:
    """Links the resources of a stack once for all rules: the server hands each rule the same list of them."""

    def __init__(self) -> None:
        self._latest = Stack(())

    def of(self, resources: Sequence[PolicyResource]) -> Stack:
        if self._latest.resources is not resources:
            self._latest = Stack(resources)
        return self._latest


def _stack_policy(rule: StackRule, metadata: Mapping[str, Any], waivers: Waivers, stacks: _Stacks) -> Policy:
    def validate(args: StackValidationArgs, report: ReportViolation) -> None:
        stack = stacks.of(args.resources)
        subjects = stack.of(rule.on)
        if not subjects:
            args.not_applicable()
        waiting: UnknownValueError | None = None
        for subject in subjects:
            try:
                for fault, waivable in _guarded(rule, partial(rule.check, subject, stack), args.get_config()):
                    if not (waivable and waivers.take(rule.id, subject.urn, fault)):
                        report(fault, subject.urn)
            except UnknownValueError as met:
                waivers.touch(rule.id, subject.urn)
                waiting = met
        if waiting is not None:
            raise waiting

    return StackValidationPolicy(validate=validate, **metadata)


def _bookkeeping(waivers: Waivers) -> list[Policy]:
    """Return the policies that report on waivers; they come last, when every rule has spoken."""

    def waived(args: ResourceValidationArgs | StackValidationArgs, report: ReportViolation) -> None:
        taken = waivers.taken()
        if not taken:
            args.not_applicable()
        for urn, sentence in taken:
            report(sentence, urn)

    def in_order(args: StackValidationArgs, report: ReportViolation) -> None:
        faults = [*waivers.faults, *waivers.stale()]
        if not faults:
            args.not_applicable()
        for fault in faults:
            report(fault, None)

    shown = "Accepted findings stay in every report. "
    return [
        ResourceValidationPolicy(WAIVED_RESOURCES, shown, waived, EnforcementLevel.ADVISORY),
        StackValidationPolicy(WAIVED_STACK, shown, waived, EnforcementLevel.ADVISORY),
        StackValidationPolicy(
            WAIVERS_IN_ORDER,
            "Every waiver is complete, narrow, in date and needed. A forgotten one would hide the next fault.",
            in_order,
            EnforcementLevel.MANDATORY,
            display_name="Every waiver is complete, narrow, in date and needed",
            severity=CrossGuardSeverity.HIGH,
            remediation_steps="Mend or remove the entry in policies/waivers.yaml.",
        ),
    ]


def _metadata(rule: Rule) -> dict[str, Any]:
    name, ids = next(iter(rule.controls.items()), ("", ()))
    standard, _, version = name.rpartition(" ")
    tags = [f"on:{token}" for token in rule.on]
    tags += [f"{framework}: {control}" for framework, controls in rule.controls.items() for control in controls]
    return {
        "name": rule.id,
        "description": f"{rule.title}. {rule.why}",
        "display_name": rule.title,
        "enforcement_level": EnforcementLevel.MANDATORY,
        "severity": CrossGuardSeverity(rule.severity.value),
        "config_schema": PolicyConfigSchema(properties=_properties(rule)),
        "framework": PolicyComplianceFramework(standard, version, reference=", ".join(ids)) if ids else None,
        "tags": tags,
        "remediation_steps": rule.fix,
        "url": rule.url,
    }


def _properties(rule: Rule) -> dict[str, dict[str, Any]]:
    """Return the JSON schema of what may be configured."""
    words = "Whether a value that AWS has yet to decide blocks where the rule reads it"
    strict = {"type": "boolean", "default": True, "description": words}
    threshold = rule.threshold if isinstance(rule, ResourceRule) else None
    return {"strict": strict, **({threshold.name: threshold.schema} if threshold else {})}


def policies(rules: Sequence[Rule], waivers: Waivers | None = None) -> list[Policy]:
    """Return the CrossGuard policies of `rules`, in their order, each mandatory, then those that report on waivers.

    Raises:
        ValueError: where ids repeat or are not kebab-case: the SDK itself would accept both.
    """
    faults = [f"{rule} occurs {count} times" for rule, count in Counter(rule.id for rule in rules).items() if count > 1]
    faults += [f"{rule.id} is not kebab-case" for rule in rules if not _ID.fullmatch(rule.id)]
    if faults:
        raise ValueError(f"rule ids: {'; '.join(faults)}")
    accepted = Waivers((), rules) if waivers is None else waivers
    made: list[Policy] = []
    stacks = _Stacks()
    for rule in rules:
        if isinstance(rule, ResourceRule):
            made.append(_resource_policy(rule, _metadata(rule), accepted))
        elif isinstance(rule, StackRule):
            made.append(_stack_policy(rule, _metadata(rule), accepted, stacks))
    return [*made, *_bookkeeping(accepted)]
