"""Examples of rules as what a program would have registered, asked in few questions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pulumi.runtime.proto import analyzer_pb2
from pulumi_policy import EnforcementLevel
from pulumi_policy.policy import _PolicyAnalyzerServicer

from policies.pack import NAME, policies
from policies.rule import Case, Example, ResourceRule, Rule, Verdict
from prod_infra.deployment.policy.requests import analyze_request, stack_request
from prod_infra.deployment.program.registration import Registration
from prod_infra.testing import import_classes, resource


def registered(stack: Example) -> list[Registration]:
    """Return the example stack as registrations."""
    urns = {node.name: resource(node.type, name=node.name).urn for node in stack}
    return [
        replace(
            resource(node.type, node.props, name=node.name, protect=node.protect),
            property_dependencies={key: tuple(urns[name] for name in names) for key, names in node.uses.items()},
        )
        for node in stack
    ]


def _servicer(rule: Rule) -> Any:
    """Return the SDK's own server with one rule, in this process: a thousand examples ask it in seconds."""
    return _PolicyAnalyzerServicer(NAME, "1.0.0", policies([rule]), EnforcementLevel.MANDATORY)


def judge(rule: Rule, case: Case) -> tuple[Verdict, list[str]]:
    """Return a rule's verdict on a case, and its sentences."""
    resources = registered(case.stack)
    if isinstance(rule, ResourceRule):
        response = _servicer(rule).Analyze(analyze_request(resources[0], {}), None)
    else:
        import_classes(resources)
        response = _servicer(rule).AnalyzeStack(stack_request(resources, {}), None)
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
