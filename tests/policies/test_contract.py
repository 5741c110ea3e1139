"""What every rule must have: the pack's data is checked as a whole."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pulumi_aws
import pytest

from policies import tokens
from policies.not_covered import NOT_COVERED
from policies.pack import WAIVED_RESOURCES, WAIVED_STACK, WAIVERS_IN_ORDER, policies
from policies.registry import readme
from policies.rule import FSBP, ResourceRule, Rule, StackRule, Verdict
from policies.rules import ALL_RULES
from prod_infra.deployment.policy.findings import BOOKKEEPING
from prod_infra.deployment.policy.gate import PACK
from prod_infra.deployment.policy.process import PolicyProcess

ONLY_ASKS_WHETHER_IT_CAN_DECIDE = {"security-group-ingress-rule-source"}
# Pulumi itself knows its options; documents are compared as far as they are known, at the end of `up` all of them.
MEETS_NO_UNKNOWN = {
    "data-protected",
    "principals-own-account",
    "stays-in-own-account",
    "default-security-group-no-rules",
}
TABLE = re.findall(
    r"\S+",
    """
    EC2.18 EC2.19 EC2.53 EC2.54 5.3 5.4 6.3 6.4 CKV_AWS_24 CKV_AWS_25 CKV_AWS_260 CKV_AWS_277 CKV_AWS_23
    EC2.2 5.5 6.5 CKV2_AWS_12 ELB.1 ELB.18 CKV_AWS_2 CKV2_AWS_20 ELB.17 CKV_AWS_103 CKV2_AWS_74 ELB.21 ELB.22
    CKV_AWS_378 CKV_AWS_261 ELB.6 CKV_AWS_150 ELB.4 ELB.12 CKV_AWS_131 CKV_AWS_328 ELB.5 4.10 CKV_AWS_91 ELB.13
    CKV_AWS_152 ELB.16 CKV2_AWS_28 CloudFront.3 CKV_AWS_34 CloudFront.15 CloudFront.7 CloudFront.8 CKV_AWS_174
    CKV2_AWS_42 CloudFront.13 CloudFront.12 CKV2_AWS_46 CloudFront.6 CKV_AWS_68 CloudFront.5 CloudFront.1 CKV_AWS_86
    CKV_AWS_305 CKV2_AWS_32 ECR.1 CKV_AWS_163 ECR.2 CKV_AWS_51 ECR.3 ECR.5 CKV_AWS_136 S3.1 S3.8 2.1.4 3.1.4
    CKV_AWS_53 CKV_AWS_54 CKV_AWS_55 CKV_AWS_56 CKV2_AWS_6 S3.5 2.1.1 3.1.1 CKV_AWS_379 S3.14 CKV_AWS_21 S3.17
    CKV_AWS_19 CKV_AWS_145 S3.9 S3.13 S3.12 CKV_AWS_18 CKV2_AWS_61 CKV2_AWS_65 DocumentDB.2 CKV_AWS_360 DocumentDB.1
    CKV_AWS_74 CKV_AWS_182 DocumentDB.4 CKV_AWS_85 CKV_AWS_104 DocumentDB.5 2.2.4 3.2.4 DocumentDB.6 CKV_AWS_90
    ECS.5 ECS.4 ECS.20 CKV_AWS_336 CKV_AWS_334 ECS.8 ECS.2 ECS.16 CKV_AWS_333 ECS.9 ECS.12 ECS.10 CKV_AWS_65
    CKV_AWS_332 CKV_AWS_249 EC2.6 3.7 4.7 CKV2_AWS_11 EC2.15 CKV_AWS_130 EC2.55 EC2.56 EC2.10 CKV2_AWS_35 KMS.4
    KMS.3 3.6 4.6 CKV_AWS_7 CKV_AWS_33 SecretsManager.1 SecretsManager.4 CKV2_AWS_57 CKV_AWS_149 CKV_AWS_304
    CloudWatch.16 CKV_AWS_66 CKV_AWS_338 CKV_AWS_158 ACM.1 ACM.2 CKV_AWS_233 CKV2_AWS_71
    """,
)
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
    expected -= {"fails"} if rule.id in ONLY_ASKS_WHETHER_IT_CAN_DECIDE else set()
    expected -= {"unknown"} if rule.id in MEETS_NO_UNKNOWN else set()
    assert kinds == expected


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


@cache
def types() -> dict[str, set[str]]:
    """Return every type of pulumi-aws with the older names that it is an alias of, read from the package's text."""
    token = re.compile(r'@pulumi\.type_token\("(aws:[^"]+)"\)')
    alias = re.compile(r'pulumi\.Alias\(type_="(aws:[^"]+)"')
    found: dict[str, set[str]] = {}
    # Importing all of pulumi_aws takes minutes and gigabytes.
    for file in Path(pulumi_aws.__file__).parent.glob("*/*.py"):
        text = file.read_text(encoding="utf-8")
        if match := token.search(text):
            found[match[1]] = set(alias.findall(text))
    return found


def test_every_type_token_is_one_of_pulumi_aws() -> None:
    """A misspelt token would make a rule that never runs: each is a class's, or an older name of one."""
    assert set(USED_TOKENS) - types().keys() - set().union(*types().values()) == set()
    assert len(types()) > 1000


@EVERY_RULE
def test_a_rule_judges_every_name_of_its_types(rule: Rule) -> None:
    """Token closure: who judges `aws:lb/listener` also judges `aws:alb/listener` and the names that both once had."""
    for token in rule.on:
        family = {token} | types().get(token, set())
        for name, aliases in types().items():
            if family & ({name} | aliases):
                family |= {name} | aliases
        assert family <= set(rule.on), rule.id


def test_the_second_generation_of_a_type_is_judged_with_the_first() -> None:
    """pulumi-aws has pairs such as `s3/bucket` and `s3/bucketV2`; a rule that knows one of a pair knows both."""
    for rule in ALL_RULES:
        for token in rule.on:
            kind, _, name = token.rpartition(":")
            second = f"{kind}V2:{name}V2"
            assert second not in types() or second in rule.on, rule.id


def test_every_form_of_a_security_group_rule_is_judged() -> None:
    """Inline in the group, attached by securityGroupRule, attached by securityGroupIngressRule."""
    judged = {
        token for rule in ALL_RULES if FSBP in rule.controls and "EC2.19" in rule.controls[FSBP] for token in rule.on
    }
    assert judged == {
        "aws:ec2/securityGroup:SecurityGroup",
        "aws:ec2/securityGroupRule:SecurityGroupRule",
        "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
    }


def test_the_readme_is_what_the_rules_say() -> None:
    """It is generated: `prod-infra policy docs` writes it."""
    assert (PACK / "README.md").read_text(encoding="utf-8") == readme()


@pytest.mark.parametrize("control", TABLE)
def test_every_control_of_the_research_is_asked_or_argued(control: str) -> None:
    """Each control of the production table is a rule's, or in NOT_COVERED with its reason."""
    asked = {name for rule in ALL_RULES for ids in rule.controls.values() for name in ids}
    argued = {name for gap in NOT_COVERED for ids in gap.controls.values() for name in ids}
    assert control in asked | argued
    assert all(len(gap.reason) > 20 for gap in NOT_COVERED)


def test_every_rule_becomes_a_mandatory_policy_of_its_kind(pack: PolicyProcess) -> None:
    """What the running pack says of itself is the registry, one policy a rule, none weaker."""
    found = {policy.name: policy for policy in pack.info().policies}
    assert list(found) == [*(rule.id for rule in ALL_RULES), WAIVED_RESOURCES, WAIVED_STACK, WAIVERS_IN_ORDER]
    assert {WAIVED_RESOURCES, WAIVED_STACK, WAIVERS_IN_ORDER} == BOOKKEEPING
    assert {found[rule.id].enforcementLevel for rule in ALL_RULES} == {1}
    assert all(found[rule.id].url.startswith("https://docs.aws.amazon.com/") for rule in ALL_RULES)
    assert all(found[rule.id].remediation_steps == rule.fix for rule in ALL_RULES)
    assert {rule.id for rule in ALL_RULES if isinstance(rule, StackRule)} == {
        name for name, policy in found.items() if policy.policy_type == 2 and name not in BOOKKEEPING
    }
