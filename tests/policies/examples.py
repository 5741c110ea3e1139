"""Examples of rules as what a program would have registered."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.runtime.proto import analyzer_pb2

from policies.rule import UNKNOWN, Case, Example, ResourceRule, Rule, Verdict
from prod_infra.deployment.policy_process import PolicyProcess
from prod_infra.deployment.policy_requests import analyze_request, stack_request
from prod_infra.deployment.registration import Registration
from prod_infra.properties import typed


def with_unknowns(value: PropertyValue) -> PropertyValue:
    """Return `value` with the examples' mark of an unknown made a real one."""
    inner = value.value
    if inner == UNKNOWN:
        return PropertyValue.computed()
    if isinstance(inner, tuple):
        return value.with_value([with_unknowns(item) for item in inner])
    if isinstance(inner, Mapping):
        return value.with_value({key: with_unknowns(item) for key, item in inner.items()})
    return value


def registered(stack: Example) -> list[Registration]:
    """Return the example stack as registrations of a program that has imported what it uses."""
    for node in stack:
        import_module(f"pulumi_{node.type.partition('/')[0].replace(':', '.')}")
    urns = {node.name: f"urn:pulumi:prod::prod-infra::{node.type}::{node.name}" for node in stack}
    return [
        Registration(
            urn=urns[node.name],
            type=node.type,
            name=node.name,
            custom=True,
            inputs={key: with_unknowns(value) for key, value in typed(node.props).items()},
            property_dependencies={key: tuple(urns[name] for name in names) for key, names in node.uses.items()},
        )
        for node in stack
    ]


def judge(pack: PolicyProcess, rule: Rule, case: Case) -> tuple[Verdict, list[str]]:
    """Return the pack's verdict on a case, by one rule, and its sentences."""
    resources = registered(case.stack)
    if isinstance(rule, ResourceRule):
        response = pack.analyze(analyze_request(resources[0], {}))
    else:
        response = pack.analyze_stack(stack_request(resources, {}))
    return verdict_of(rule, response)


def verdict_of(rule: Rule, response: analyzer_pb2.AnalyzeResponse) -> tuple[Verdict, list[str]]:
    """Return what an answer says of one rule."""
    sentences = [found.message for found in response.diagnostics if found.policyName == rule.id]
    if any("undecided:" not in sentence for sentence in sentences):
        return Verdict.FAIL, sentences
    if sentences:
        return Verdict.UNDECIDED, sentences
    skipped = {found.policy_name: found.reason for found in response.not_applicable}
    if skipped.get(rule.id, "").startswith("deferred"):
        return Verdict.DEFERRED, sentences
    assert rule.id not in skipped, f"{rule.id} does not look at its own example"
    return Verdict.PASS, sentences
