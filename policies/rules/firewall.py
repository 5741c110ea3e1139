"""What stands between the world and the load balancer, the distribution and the subnets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pulumi_policy import PolicyResource
from pulumi_policy.proxy import UnknownValueError

from policies.checks import Check, Props, all_of, each, given, satisfies
from policies.graph import Stack, items, known, undecided
from policies.rule import (
    CHECKOV,
    FSBP,
    SECURITY_HUB,
    UNKNOWN,
    WELL_ARCHITECTED,
    Absent,
    Example,
    Node,
    ResourceRule,
    Severity,
    StackRule,
)
from policies.rules.audit_trail import companion
from policies.rules.network import is_world, ports
from policies.tokens import (
    DEFAULT_SECURITY_GROUP,
    DISTRIBUTION,
    LOAD_BALANCER,
    NETWORK_ACL,
    NETWORK_ACL_RULE,
    SUBNET,
    VPC,
    WEB_ACL,
    WEB_ACL_ASSOCIATION,
)

ADMIN_PORTS = (22, 3389)
MANAGED_RULES = ("AWSManagedRulesCommonRuleSet", "AWSManagedRulesKnownBadInputsRuleSet")


def _not_application(balancer: PolicyResource, _stack: Stack) -> bool:
    return known(balancer, "loadBalancerType") in ("network", "gateway")


ALB_WAF = StackRule(
    id="alb-waf",
    title="A web application firewall guards the load balancer",
    why="Whoever finds a way around the distribution would meet nothing.",
    severity=Severity.MEDIUM,
    absent=Absent(means="every request reaches the targets"),
    fix="Build prod_infra.edge.waf.Waf with the load balancer as guarded_arn.",
    controls={SECURITY_HUB: ("ELB.16",), CHECKOV: ("CKV2_AWS_28",), WELL_ARCHITECTED: ("SEC05-BP03",)},
    **companion(LOAD_BALANCER, WEB_ACL_ASSOCIATION, "resourceArn", "WebAclAssociation", _not_application),
)


def _distribution_waf(distribution: PolicyResource, stack: Stack) -> Iterator[str]:
    if stack.used(distribution, "webAclId", WEB_ACL):
        return
    try:
        value = distribution.props.get("webAclId")
    except UnknownValueError:
        # In a preview an output that the program left out is unknown as well: what was given has a source.
        if distribution.property_dependencies.get("webAclId"):
            undecided(distribution, "webAclId")
        value = None
    if not value:
        yield "webAclId is absent; it must name a web ACL"


def _guarded(*acls: str, **props: Any) -> Example:
    return (Node(WEB_ACL[0], "acl"), Node(DISTRIBUTION[0], "cdn", props, {"webAclId": acls} if acls else {}))


CLOUDFRONT_WAF = StackRule(
    id="cloudfront-waf",
    title="A web application firewall guards the distribution",
    why="Every known attack would reach the application.",
    severity=Severity.MEDIUM,
    on=DISTRIBUTION,
    keys=("webAclId",),
    absent=Absent(means="every request is let through"),
    fix="Build prod_infra.edge.waf.Waf and give its ARN to prod_infra.edge.cdn.Cdn.",
    controls={FSBP: ("CloudFront.6",), CHECKOV: ("CKV_AWS_68",), WELL_ARCHITECTED: ("SEC05-BP01",)},
    check=_distribution_waf,
    passes=(_guarded("acl", webAclId=UNKNOWN), _guarded(webAclId="arn:aws:wafv2:us-east-1:1:global/webacl/a/1")),
    fails=(_guarded(), _guarded(webAclId="")),
    lacks=_guarded(),
    unknown=(
        Node("aws:ssm/parameter:Parameter", "elsewhere"),
        Node(DISTRIBUTION[0], "cdn", {"webAclId": UNKNOWN}, {"webAclId": ["elsewhere"]}),
    ),
)


def _managed(rule: Props) -> str:
    """Return the managed rule group that a web ACL's rule applies in earnest; empty for any other."""
    statement = rule.get("statement") or {}
    group = statement.get("managedRuleGroupStatement")
    override = rule.get("overrideAction") or {}
    return str(group.get("name")) if group and not given(override, "count") else ""


def _managed_groups(props: Props) -> Iterator[str]:
    applied = [_managed(rule) for rule in items(props.get("rules"))]
    for group in MANAGED_RULES:
        if group not in applied:
            yield f"rules doesn't apply {group}, or only counts what it finds"


def _acl_rules(*groups: str, action: str = "none") -> Mapping[str, Any]:
    return {
        "rules": [
            {
                "name": group,
                "overrideAction": {action: {}},
                "statement": {"managedRuleGroupStatement": {"name": group, "vendorName": "AWS"}},
            }
            for group in groups
        ]
    }


WEB_ACL_MANAGED_RULES = ResourceRule(
    id="waf-managed-rules",
    title="A web ACL refuses what AWS knows to be an attack, Log4j's hole included",
    why="A web ACL without rules, or that only counts, lets everything through.",
    severity=Severity.HIGH,
    on=WEB_ACL,
    keys=("rules",),
    absent=Absent(means="AWS applies its default action to every request"),
    fix="Build the web ACL with prod_infra.edge.waf.Waf.",
    controls={CHECKOV: ("CKV_AWS_192",), WELL_ARCHITECTED: ("SEC05-BP03",)},
    check=_managed_groups,
    passes=(_acl_rules(*MANAGED_RULES), _acl_rules("AWSManagedRulesAmazonIpReputationList", *MANAGED_RULES)),
    fails=(
        _acl_rules(MANAGED_RULES[0]),
        _acl_rules(MANAGED_RULES[1]),
        _acl_rules(*MANAGED_RULES, action="count"),
        {"rules": []},
    ),
)


def _admits_admin(rule: Props) -> bool:
    if str(rule.get("ruleAction", rule.get("action"))).lower() != "allow" or rule.get("egress") is True:
        return False
    blocks = (rule.get("cidrBlock"), rule.get("ipv6CidrBlock"))
    if not any(block and is_world(block) for block in blocks):
        return False
    first, last = ports(rule)
    return any(first <= port <= last for port in ADMIN_PORTS)


def _no_admin(rule: Props) -> Iterator[str]:
    if _admits_admin(rule):
        yield f"fromPort to toPort admits the world to port {' or '.join(map(str, ADMIN_PORTS))}"


def _entry(**changes: Any) -> dict[str, Any]:
    world = {"cidrBlock": "0.0.0.0/0", "ruleNo": 100, "protocol": "tcp"}
    return {**world, "action": "allow", "fromPort": 443, "toPort": 443, **changes}


def _acl_common(what: str, check: Check) -> dict[str, Any]:
    return {
        "title": f"{what} doesn't admit the world to SSH or remote desktops",
        "why": "It is the last line where a security group is opened by mistake.",
        "severity": Severity.HIGH,
        "fix": "Leave the lists to prod_infra.network.network_acls, which admit what each tier needs.",
        "controls": {FSBP: ("EC2.21",), WELL_ARCHITECTED: ("SEC05-BP02",)},
        "check": check,
    }


NETWORK_ACL_ADMIN = ResourceRule(
    id="network-acl-admin-ports",
    **_acl_common("A network ACL", each("ingress", _no_admin)),
    on=NETWORK_ACL,
    keys=("ingress",),
    absent=Absent(means="it admits nothing", passes=True),
    passes=(
        {"ingress": [_entry(), _entry(fromPort=22, toPort=22, cidrBlock="10.0.0.0/8")]},
        {"ingress": [_entry(protocol="-1", fromPort=0, toPort=0, action="deny")]},
    ),
    fails=(
        {"ingress": [_entry(), _entry(fromPort=22, toPort=22)]},
        {"ingress": [_entry(fromPort=1024, toPort=65535)]},
        {"ingress": [_entry(protocol="-1", fromPort=0, toPort=0)]},
        {"ingress": [_entry(fromPort=3389, toPort=3389, cidrBlock=None, ipv6CidrBlock="::/0")]},
    ),
)


def _rule_entry(**changes: Any) -> dict[str, Any]:
    found = _entry(**changes)
    found["ruleAction"] = found.pop("action")
    return found


NETWORK_ACL_RULE_ADMIN = ResourceRule(
    id="network-acl-rule-admin-ports",
    **_acl_common("A network ACL's rule", _no_admin),
    on=NETWORK_ACL_RULE,
    keys=("cidrBlock", "ipv6CidrBlock", "fromPort", "toPort", "protocol", "ruleAction", "egress"),
    absent=Absent(means="the rule is about IPv6", passes=True),
    passes=(_rule_entry(), _rule_entry(fromPort=22, toPort=22, egress=True)),
    fails=({"fromPort": 22, "toPort": 22}, {"fromPort": 0, "toPort": 65535}, {"protocol": "-1"}),
)

SUBNET_HAS_NETWORK_ACL = StackRule(
    id="subnet-network-acl",
    title="A subnet has a network ACL of the stack",
    why="The VPC's default list admits everything in both directions.",
    severity=Severity.LOW,
    absent=Absent(means="AWS puts the subnet under the default list"),
    fix="Build prod_infra.network.network_acls.NetworkAcls for every tier.",
    controls={WELL_ARCHITECTED: ("SEC05-BP02",)},
    **companion(SUBNET, NETWORK_ACL, "subnetIds", "NetworkAcl"),
)

VPC_ADOPTS_DEFAULT_GROUP = StackRule(
    id="vpc-default-security-group",
    title="A VPC's default security group is adopted, and so emptied",
    why="AWS makes it with a rule that admits its members, and whatever is started without a group lands in it.",
    severity=Severity.MEDIUM,
    absent=Absent(means="AWS lets its members reach one another, and everything outside"),
    fix="Leave the default group to prod_infra.network.vpc.Vpc, which empties it.",
    controls={FSBP: ("EC2.2",), CHECKOV: ("CKV2_AWS_12",), WELL_ARCHITECTED: ("SEC05-BP03",)},
    **companion(VPC, DEFAULT_SECURITY_GROUP, "vpcId", "DefaultSecurityGroup"),
)

_HEADERS = "responseHeadersPolicyId"
_HEADERS_MUST = "name a response headers policy with security headers"
# AWS's own SimpleCORS and CORS-With-Preflight (CloudFront guide, "Use managed response headers policies").
_CORS_ALONE = ("60669652-455b-4ae9-85a4-c4c02393f86c", "5cc3b908-e619-4b99-88e5-2cf7f45965bd")


def _adds_security(policy: Any) -> bool:
    return bool(policy) and policy not in _CORS_ALONE


CLOUDFRONT_HEADERS = ResourceRule(
    id="cloudfront-security-headers",
    title="CloudFront adds security headers to what it serves, whatever the path",
    why="Browsers would let the site be framed, its types be guessed, and plain HTTP be tried first.",
    severity=Severity.LOW,
    on=DISTRIBUTION,
    keys=(f"defaultCacheBehavior.{_HEADERS}", f"orderedCacheBehaviors[].{_HEADERS}"),
    absent=Absent(means="CloudFront adds none"),
    fix="Keep the response headers policy of prod_infra.edge.behaviors.",
    controls={CHECKOV: ("CKV2_AWS_32",), WELL_ARCHITECTED: ("SEC05-BP03",)},
    check=all_of(
        satisfies(f"defaultCacheBehavior.{_HEADERS}", _adds_security, _HEADERS_MUST),
        each("orderedCacheBehaviors", satisfies(_HEADERS, _adds_security, _HEADERS_MUST)),
    ),
    passes=({"defaultCacheBehavior": {_HEADERS: "67f7725c-6f97-4210-82d7-5512b31e9d03"}},),
    fails=(
        {"defaultCacheBehavior": {_HEADERS: ""}},
        {"defaultCacheBehavior": {_HEADERS: _CORS_ALONE[0]}},
        {"orderedCacheBehaviors": [{"pathPattern": "/images/*"}]},
    ),
)

CLOUDFRONT_ROOT_OBJECT = ResourceRule(
    id="cloudfront-root-object",
    title="CloudFront has a root object",
    why="Asked for the domain alone, it may list what the bucket holds.",
    severity=Severity.MEDIUM,
    on=DISTRIBUTION,
    keys=("defaultRootObject",),
    absent=Absent(means="CloudFront passes the bare request to the origin"),
    fix="Keep default_root_object=index.html, as prod_infra.edge.cdn.Cdn does.",
    controls={FSBP: ("CloudFront.1",), CHECKOV: ("CKV_AWS_305",), WELL_ARCHITECTED: ("SEC03-BP07",)},
    check=satisfies("defaultRootObject", bool, "name an object"),
    passes=({"defaultRootObject": "index.html"},),
    fails=({"defaultRootObject": ""},),
)

RULES = (
    ALB_WAF,
    CLOUDFRONT_WAF,
    WEB_ACL_MANAGED_RULES,
    NETWORK_ACL_ADMIN,
    NETWORK_ACL_RULE_ADMIN,
    SUBNET_HAS_NETWORK_ACL,
    VPC_ADOPTS_DEFAULT_GROUP,
    CLOUDFRONT_HEADERS,
    CLOUDFRONT_ROOT_OBJECT,
)
