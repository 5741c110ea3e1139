"""Ways around what the other rules ask: rules of the firewall that spare, redirects that undo TLS, groups beside."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from pulumi_policy import PolicyResource

from policies.checks import Props, each, equals, given, number, one_of, satisfies
from policies.graph import Stack, items
from policies.rule import WELL_ARCHITECTED, Absent, Node, ResourceRule, Severity, StackRule
from policies.rules.entrances import guarded, only_groups
from policies.tokens import (
    DEFAULT_SECURITY_GROUP,
    ECS_SERVICE,
    EGRESS_RULE,
    LISTENER,
    SECURITY_GROUP,
    SECURITY_GROUP_INGRESS_RULE,
    SECURITY_GROUP_RULE,
    SUBSCRIPTION,
    TASK_DEFINITION,
    WEB_ACL,
    WEB_ACL_LOGGING,
)

_WEB: Final[Mapping[str, tuple[str, ...]]] = {WELL_ARCHITECTED: ("SEC05-BP03",)}
_CHAIN: Final[Mapping[str, tuple[str, ...]]] = {WELL_ARCHITECTED: ("SEC05-BP02",)}


def _spares(props: Props) -> Iterator[str]:
    rules = list(items(props.get("rules")))
    groups = [
        number(rule.get("priority")) or 0
        for rule in rules
        if given(rule.get("statement") or {}, "managedRuleGroupStatement")
    ]
    for index, rule in enumerate(rules):
        first = (number(rule.get("priority")) or 0) < max(groups, default=0)
        if first and given(rule.get("action") or {}, "allow"):
            yield f"rules[{index}] allows what AWS's rules have not looked at yet"
    for index, rule in enumerate(rules):
        group = (rule.get("statement") or {}).get("managedRuleGroupStatement") or {}
        if given(group, "version") and group["version"]:
            yield f"rules[{index}].statement.managedRuleGroupStatement.version stays behind what AWS learns"


def _rule(priority: int, **parts: Any) -> dict[str, Any]:
    return {"name": f"rule-{priority}", "priority": priority, **parts}


def _group(**group: Any) -> dict[str, Any]:
    return {"managedRuleGroupStatement": {"vendorName": "AWS", "name": "AWSManagedRulesCommonRuleSet", **group}}


_LATE = [_rule(0, statement=_group(), overrideAction={"none": {}}), _rule(1, action={"allow": {}}, statement={})]

WAF_NO_BYPASS = ResourceRule(
    id="waf-no-bypass",
    title="No request gets past a web ACL before AWS's newest rules have looked at it",
    why="A rule that allows ends the search, and a pinned version knows nothing of the attacks that came after it.",
    severity=Severity.HIGH,
    on=WEB_ACL,
    keys=("rules", "rules[].action", "rules[].priority"),
    absent=Absent(means="AWS applies its default action; waf-managed-rules objects", passes=True),
    fix="Build the web ACL with prod_infra.edge.waf.Waf.",
    controls=_WEB,
    check=_spares,
    passes=({"rules": _LATE},),
    fails=(
        {"rules": [_rule(0, action={"allow": {}}, statement={}), _rule(1, statement=_group())]},
        {"rules": [_rule(0, statement=_group(version="Version_1.0"))]},
    ),
)

WAF_LOGS_WHOLE = ResourceRule(
    id="waf-logs-whole",
    title="A web ACL's log leaves nothing out",
    why="What was let through is what one looks for after an intrusion.",
    severity=Severity.MEDIUM,
    on=WEB_ACL_LOGGING,
    keys=("loggingFilter", "loggingFilter.defaultBehavior"),
    absent=Absent(means="AWS logs every request", passes=True),
    fix="Leave logging_filter out, as prod_infra.edge.waf.Waf does.",
    controls={WELL_ARCHITECTED: ("SEC04-BP01",)},
    check=one_of("loggingFilter.defaultBehavior", ("KEEP",), absent_ok=True),
    passes=({"loggingFilter": {"defaultBehavior": "KEEP"}}, {}),
    fails=({"loggingFilter": {"defaultBehavior": "DROP"}},),
)


def _downgrades(props: Props) -> Iterator[str]:
    if props.get("protocol") == "HTTPS":
        for index, action in enumerate(items(props.get("defaultActions"))):
            redirect = action.get("redirect") or {}
            if action.get("type") == "redirect" and redirect.get("protocol") == "HTTP":
                yield f"defaultActions[{index}].redirect leads from HTTPS to plain HTTP"


def _redirects(**redirect: str) -> Mapping[str, Any]:
    return {"protocol": "HTTPS", "defaultActions": [{"type": "redirect", "redirect": redirect}]}


LISTENER_NO_DOWNGRADE = ResourceRule(
    id="listener-no-downgrade",
    title="No HTTPS listener redirects to plain HTTP",
    why="The next request, cookies and all, could be read and changed on the way.",
    severity=Severity.HIGH,
    on=LISTENER,
    keys=("defaultActions", "protocol"),
    absent=Absent(means="AWS refuses a listener without one, and says so late", passes=True),
    fix="Let prod_infra.compute.alb.Alb make the listeners.",
    controls={WELL_ARCHITECTED: ("SEC09-BP02",)},
    check=_downgrades,
    passes=(_redirects(protocol="HTTPS"), _redirects(host="www.example.com")),
    fails=(_redirects(protocol="HTTP", port="80"),),
)


ECS_ONLY_GROUPS = StackRule(
    id="ecs-only-from-security-groups",
    title="Tasks admit security groups, and no block of addresses",
    why="Whoever stands in the block goes around the load balancer, its certificate and its firewall.",
    severity=Severity.HIGH,
    on=ECS_SERVICE,
    keys=("networkConfiguration", "cidrIpv4", "cidrIpv6", "cidrBlocks", "ipv6CidrBlocks"),
    absent=Absent(means="AWS takes the VPC's default group; ecs-own-security-group objects", passes=True),
    fix="Admit the load balancer's group, as prod_infra.network.security_groups does.",
    controls=_CHAIN,
    check=only_groups("networkConfiguration", "the tasks"),
    passes=(guarded(ECS_SERVICE, "networkConfiguration", {"referencedSecurityGroupId": "sg-1"}),),
    fails=(guarded(ECS_SERVICE, "networkConfiguration", {"cidrIpv4": "203.0.113.0/24", "fromPort": 22}),),
    lacks=(Node(ECS_SERVICE[0], "it"),),
    unknown=(Node(ECS_SERVICE[0], "it", {"networkConfiguration": {"securityGroups": ["sg-1"]}}),),
)


def _stays_empty(group: PolicyResource, stack: Stack) -> Iterator[str]:
    rules = (*SECURITY_GROUP_INGRESS_RULE, *SECURITY_GROUP_RULE, *EGRESS_RULE)
    for rule in stack.users(group, "securityGroupId", rules):
        yield f"rule {rule.name} opens the VPC's default security group"


DEFAULT_GROUP_STAYS_EMPTY = StackRule(
    id="default-security-group-no-rules",
    title="No rule beside it opens the VPC's default security group",
    why="Whatever is started without a group of its own lands in it.",
    severity=Severity.HIGH,
    on=DEFAULT_SECURITY_GROUP,
    keys=("securityGroupId",),
    absent=Absent(means="the group stays empty", passes=True),
    fix="Make a group of its own for what must be reached, as prod_infra.network.security_groups does.",
    controls=_CHAIN,
    check=_stays_empty,
    passes=((Node(DEFAULT_SECURITY_GROUP[0], "default"), Node(SECURITY_GROUP[0], "other")),),
    fails=tuple(
        (
            Node(DEFAULT_SECURITY_GROUP[0], "default"),
            Node(token, "rule", {}, {"securityGroupId": ["default"]}),
        )
        for token in (*SECURITY_GROUP_INGRESS_RULE, *SECURITY_GROUP_RULE, *EGRESS_RULE)
    ),
    lacks=(Node(DEFAULT_SECURITY_GROUP[0], "default"),),
)

_EFS = "efsVolumeConfiguration"

TASK_VOLUMES_ENCRYPTED = ResourceRule(
    id="task-efs-encrypted",
    title="A task speaks to EFS over TLS",
    why="Files could be read and changed on the way.",
    severity=Severity.MEDIUM,
    on=TASK_DEFINITION,
    keys=("volumes", f"volumes[].{_EFS}.transitEncryption"),
    absent=Absent(means="the task has no volume", passes=True),
    fix="Set transit_encryption=ENABLED on the volume.",
    controls={WELL_ARCHITECTED: ("SEC09-BP02",)},
    check=each(
        "volumes",
        lambda volume: (
            equals("transitEncryption", "ENABLED")(volume[_EFS]) if given(volume, _EFS) and volume[_EFS] else iter(())
        ),
    ),
    passes=({"volumes": [{"name": "v", _EFS: {"transitEncryption": "ENABLED"}}, {"name": "w"}]},),
    fails=(
        {"volumes": [{"name": "v", _EFS: {"transitEncryption": "DISABLED"}}]},
        {"volumes": [{_EFS: {"rootDirectory": "/"}}]},
    ),
)

SUBSCRIPTION_TLS = ResourceRule(
    id="sns-subscription-tls",
    title="Nobody is told of alarms over plain HTTP",
    why="What is wrong, and where, could be read and changed on the way.",
    severity=Severity.MEDIUM,
    on=SUBSCRIPTION,
    keys=("protocol",),
    absent=Absent(means="AWS refuses a subscription without one, and says so late", passes=True),
    fix="Subscribe by https, or another way than http.",
    controls={WELL_ARCHITECTED: ("SEC09-BP02",)},
    check=satisfies("protocol", lambda protocol: protocol != "http", "not be http", absent_ok=True),
    passes=({"protocol": "https"}, {"protocol": "email"}),
    fails=({"protocol": "http"},),
)

RULES = (
    SUBSCRIPTION_TLS,
    WAF_NO_BYPASS,
    WAF_LOGS_WHOLE,
    LISTENER_NO_DOWNGRADE,
    ECS_ONLY_GROUPS,
    DEFAULT_GROUP_STAYS_EMPTY,
    TASK_VOLUMES_ENCRYPTED,
)
