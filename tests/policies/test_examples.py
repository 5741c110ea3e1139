"""Every rule proves itself on its own examples, asked over the real protocol."""

from __future__ import annotations

import pytest

from policies.rule import Case, Rule
from policies.rules import ALL_RULES
from prod_infra.deployment.policy_process import PolicyProcess
from tests.policies.examples import judge

CASES = [
    pytest.param(rule, case, id=f"{rule.id}-{case.kind}-{index}")
    for rule in ALL_RULES
    for index, case in enumerate(rule.cases)
]


@pytest.mark.parametrize(("rule", "case"), CASES)
def test_a_rule_judges_its_example_as_it_says(pack: PolicyProcess, rule: Rule, case: Case) -> None:
    """The pack's verdict on a rule's example is the one that the rule states."""
    verdict, sentences = judge(pack, rule, case)
    assert verdict == case.verdict, sentences
