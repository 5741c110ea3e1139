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

NAME = "prod-infra"
DESCRIPTION = "What a production AWS environment may never be without; every rule says why and how to mend it"

_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)+")


def _guarded(rule: Rule, faults: Callable[[], Iterator[str]], config: Mapping[str, Any]) -> Iterator[str]:
    """Yield the faults; an unknown or a crash ends them with a fault of its own.

    Raises:
        UnknownValueError: where an unknown may wait for `up`, or the rule is not strict; reported as not decided.
    """
    try:
        yield from faults()
    except UnknownValueError as met:
        if rule.deferred or not config.get("strict", True):
            raise
        yield f"undecided: AWS has yet to decide {'.'.join(met.props)}, and the rule reads it"
    except Exception as crash:  # noqa: BLE001  one rule's crash must not take the others' verdicts with it
        frame = traceback.extract_tb(crash.__traceback__)[-1]
        where = f"{Path(frame.filename).name}:{frame.lineno}"
        yield f"the rule crashed ({type(crash).__name__} at {where}) and gave no verdict; report it as a bug"


def _resource_policy(rule: ResourceRule, metadata: Mapping[str, Any]) -> Policy:
    def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
        if args.resource_type not in rule.on:
            args.not_applicable()
        try:
            for fault in _guarded(rule, partial(rule.check, args.props), args.get_config()):
                report(fault, None)
        except UnknownValueError:
            if rule.deferred:
                args.not_applicable(f"deferred: {rule.deferred}")
            raise

    return ResourceValidationPolicy(validate=validate, **metadata)


def _stack_policy(rule: StackRule, metadata: Mapping[str, Any]) -> Policy:
    def validate(args: StackValidationArgs, report: ReportViolation) -> None:
        stack = Stack(args.resources)
        subjects = stack.of(rule.on)
        if not subjects:
            args.not_applicable()
        waiting: UnknownValueError | None = None
        for subject in subjects:
            try:
                for fault in _guarded(rule, partial(rule.check, subject, stack), args.get_config()):
                    report(fault, subject.urn)
            except UnknownValueError as met:
                waiting = met
        if waiting is not None and rule.deferred:
            args.not_applicable(f"deferred: {rule.deferred}")
        if waiting is not None:
            raise waiting

    return StackValidationPolicy(validate=validate, **metadata)


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
        "config_schema": PolicyConfigSchema(
            properties={
                "strict": {
                    "type": "boolean",
                    "default": True,
                    "description": "Whether a value that AWS has yet to decide blocks where the rule reads it",
                }
            }
        ),
        "framework": PolicyComplianceFramework(standard, version, reference=", ".join(ids)) if ids else None,
        "tags": tags,
        "remediation_steps": rule.fix,
    }


def policies(rules: Sequence[Rule]) -> list[Policy]:
    """Return the CrossGuard policies of `rules`, in their order, each mandatory.

    Raises:
        ValueError: where ids repeat or are not kebab-case: the SDK itself would accept both.
    """
    faults = [f"{rule} occurs {count} times" for rule, count in Counter(rule.id for rule in rules).items() if count > 1]
    faults += [f"{rule.id} is not kebab-case" for rule in rules if not _ID.fullmatch(rule.id)]
    if faults:
        raise ValueError(f"rule ids: {'; '.join(faults)}")
    made: list[Policy] = []
    for rule in rules:
        if isinstance(rule, ResourceRule):
            made.append(_resource_policy(rule, _metadata(rule)))
        elif isinstance(rule, StackRule):
            made.append(_stack_policy(rule, _metadata(rule)))
    return made
