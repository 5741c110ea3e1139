"""What every rule must have: the pack's data is checked as a whole."""

from __future__ import annotations

import re
from importlib import import_module

import pulumi
import pytest
from pulumi.type_token import get_type_token

from policies import tokens
from policies.pack import policies
from policies.rule import ResourceRule, Rule, StackRule, Verdict
from policies.rules import ALL_RULES
from prod_infra.deployment.policy_process import PolicyProcess

ONLY_ASKS_WHETHER_IT_CAN_DECIDE = {"security-group-ingress-rule-source"}
EVERY_RULE = pytest.mark.parametrize("rule", ALL_RULES, ids=[rule.id for rule in ALL_RULES])
USED_TOKENS = sorted(
    {token for rule in ALL_RULES for token in rule.on}
    | {token for value in vars(tokens).values() if isinstance(value, tuple) for token in value}
)


@EVERY_RULE
def test_a_rule_says_everything_that_a_reader_needs(rule: Rule) -> None:
    """Title, reason, fix, keys, meaning of absence and at least one control are there, with the standard's name."""
    assert all((rule.title, rule.why, rule.fix, rule.keys, rule.absent.means, rule.on))
    assert rule.why.endswith(".")
    assert rule.fix.endswith(".")
    assert not rule.title.endswith(".")
    assert rule.controls
    assert all(rule.controls.values())


@EVERY_RULE
def test_a_rule_has_every_kind_of_example(rule: Rule) -> None:
    """Each rule passes, fails, meets the key's absence and an unknown."""
    kinds = {case.kind for case in rule.cases}
    expected = {"passes", "fails", "absent", "unknown"}
    assert kinds == expected - ({"fails"} if rule.id in ONLY_ASKS_WHETHER_IT_CAN_DECIDE else set())


@EVERY_RULE
def test_a_rule_never_takes_an_unknown_for_a_pass(rule: Rule) -> None:
    """What AWS has yet to decide is undecided, or waits for `up` with a stated reason."""
    verdicts = {case.verdict for case in rule.cases if case.kind == "unknown"}
    assert verdicts <= {Verdict.UNDECIDED, Verdict.DEFERRED}


@EVERY_RULE
def test_only_what_up_judges_again_is_deferred(rule: Rule) -> None:
    """The engine asks resource rules again before it makes the resource; rules over the graph would come too late."""
    assert not rule.deferred or isinstance(rule, ResourceRule)


def test_ids_are_unique_and_kebab_case() -> None:
    """Waivers and reports name rules by id."""
    ids = [rule.id for rule in ALL_RULES]
    assert len(ids) == len(set(ids))
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+", rule) for rule in ids)


def test_two_rules_of_one_id_are_refused() -> None:
    """The SDK would accept them; the pack does not."""
    with pytest.raises(ValueError, match="occurs 2 times"):
        policies([ALL_RULES[0], ALL_RULES[0]])


@pytest.mark.parametrize("token", USED_TOKENS)
def test_a_type_token_is_one_of_pulumi_aws(token: str) -> None:
    """A misspelt token would make a rule that never runs: pulumi-aws has a class of exactly this token."""
    _, module, name = token.split(":")
    found = getattr(import_module(f"pulumi_aws.{module.partition('/')[0]}"), name)
    assert issubclass(found, pulumi.CustomResource)
    assert get_type_token(found) == token


def test_every_rule_becomes_a_mandatory_policy_of_its_kind(pack: PolicyProcess) -> None:
    """What the running pack says of itself is the registry, one policy a rule, none weaker."""
    found = {policy.name: policy for policy in pack.info().policies}
    assert list(found) == [rule.id for rule in ALL_RULES]
    assert {policy.enforcementLevel for policy in found.values()} == {1}
    assert all(found[rule.id].remediation_steps == rule.fix for rule in ALL_RULES)
    assert {rule.id for rule in ALL_RULES if isinstance(rule, StackRule)} == {
        name for name, policy in found.items() if policy.policy_type == 2
    }
