"""How the web application firewall is set, and what its log must not show."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pulumi_policy import PolicyResource

from policies.checks import Props, all_of, each, equals, given, number
from policies.graph import Stack, items, known
from policies.rule import (
    SECURITY_HUB,
    UNKNOWN,
    WELL_ARCHITECTED,
    Absent,
    Node,
    ResourceRule,
    Severity,
    StackRule,
)
from policies.tokens import (
    LISTENER_RULE,
    LOAD_BALANCER,
    WEB_ACL,
    WEB_ACL_LOGGING,
)

MAX_RATE = 10_000
MAY_COUNT = ("AnonymousIPList", "HostingProviderIPList", "SizeRestrictions_BODY")
"""Rules of AWS's that refuse customers, too: those who come through VPNs, and those who upload."""

REPUTATION = "AWSManagedRulesAmazonIpReputationList"
ANONYMOUS = "AWSManagedRulesAnonymousIpList"

_WEB: Mapping[str, tuple[str, ...]] = {WELL_ARCHITECTED: ("SEC05-BP03",)}


def _group(rule: Props) -> Props:
    return (rule.get("statement") or {}).get("managedRuleGroupStatement") or {}


def _no_exceptions(rule: Props) -> Iterator[str]:
    if given(rule.get("overrideAction") or {}, "count"):
        yield "overrideAction only counts what the group finds"
    for override in items(_group(rule).get("ruleActionOverrides")):
        action = override.get("actionToUse") or {}
        counts = given(action, "count") and override.get("name") not in MAY_COUNT
        if counts or given(action, "allow"):
            yield f"ruleActionOverrides lets through what the group refuses; only {', '.join(MAY_COUNT)} may count"
    if given(_group(rule), "scopeDownStatement") and _group(rule)["scopeDownStatement"] is not None:
        yield "scopeDownStatement spares some requests the group's rules"


def _managed(name: str = REPUTATION, **changes: Any) -> dict[str, Any]:
    statement = {"managedRuleGroupStatement": {"name": name, "vendorName": "AWS", **changes.pop("group", {})}}
    return {"name": name, "overrideAction": {"none": {}}, "statement": statement, **changes}


def _override(name: str, action: str) -> dict[str, Any]:
    return {"ruleActionOverrides": [{"name": name, "actionToUse": {action: {}}}]}


WAF_IN_EARNEST = ResourceRule(
    id="waf-in-earnest",
    title="A web ACL makes no exceptions from AWS's rules, but for those that refuse customers",
    why="A rule that only counts, or spares some requests, lets attacks through and looks as if it didn't.",
    severity=Severity.HIGH,
    on=WEB_ACL,
    keys=("rules", "rules[].overrideAction", "rules[].statement"),
    absent=Absent(means="AWS applies its default action; waf-managed-rules objects", passes=True),
    fix="Build the web ACL with prod_infra.edge.waf.Waf.",
    controls=_WEB,
    check=each("rules", _no_exceptions),
    passes=({"rules": [_managed(group=_override("SizeRestrictions_BODY", "count"))]}, {"rules": []}),
    fails=(
        {"rules": [_managed(overrideAction={"count": {}})]},
        {"rules": [_managed(group=_override("Log4JRCE_BODY", "count"))]},
        {"rules": [_managed(group=_override("SizeRestrictions_BODY", "allow"))]},
        {"rules": [_managed(group={"scopeDownStatement": {"geoMatchStatement": {"countryCodes": ["DE"]}}})]},
    ),
)


def _reputation(props: Props) -> Iterator[str]:
    applied = [_group(rule).get("name") for rule in items(props.get("rules"))]
    for group in (REPUTATION, ANONYMOUS):
        if group not in applied:
            yield f"rules doesn't apply {group}"


WAF_REPUTATION = ResourceRule(
    id="waf-ip-reputation",
    title="A web ACL knows the addresses that attacks come from",
    why="The same machines attack everyone; AWS has seen them before. Who hides behind proxies is at least counted.",
    severity=Severity.LOW,
    on=WEB_ACL,
    keys=("rules",),
    absent=Absent(means="AWS applies its default action to every request"),
    fix="Build the web ACL with prod_infra.edge.waf.Waf.",
    controls=_WEB,
    check=_reputation,
    passes=({"rules": [_managed(), _managed(ANONYMOUS)]},),
    fails=({"rules": [_managed("AWSManagedRulesCommonRuleSet")]}, {"rules": [_managed()]}, {"rules": []}),
)


def _rate(props: Props) -> Iterator[str]:
    if props.get("scope") != "CLOUDFRONT":
        return
    for rule in items(props.get("rules")):
        based = (rule.get("statement") or {}).get("rateBasedStatement") or {}
        limit = None if given(based, "scopeDownStatement") else number(based.get("limit"))
        if limit is not None and limit <= MAX_RATE and given(rule.get("action") or {}, "block"):
            return
    yield f"rules doesn't refuse an address that asks more than {MAX_RATE} times in its window"


def _limited(limit: float = 2000, action: str = "block") -> list[dict[str, Any]]:
    return [{"name": "rate", "action": {action: {}}, "statement": {"rateBasedStatement": {"limit": limit}}}]


WAF_RATE = ResourceRule(
    id="waf-rate-limit",
    title=f"The distribution's web ACL refuses who asks more than {MAX_RATE} times in a few minutes",
    why="One machine could try passwords, or take the site down, at its leisure.",
    severity=Severity.MEDIUM,
    on=WEB_ACL,
    keys=("rules", "scope"),
    absent=Absent(means="AWS limits nobody"),
    fix=f"Keep Settings.waf_rate_limit at {MAX_RATE} or less.",
    controls={WELL_ARCHITECTED: ("SEC05-BP03", "REL05-BP02")},
    check=_rate,
    passes=({"scope": "CLOUDFRONT", "rules": _limited()}, {"scope": "REGIONAL", "rules": []}),
    fails=({"rules": _limited(limit=200_000)}, {"rules": _limited(action="count")}, {"rules": []}),
)

_METRICS = equals("visibilityConfig.cloudwatchMetricsEnabled", expected=True)
_VISIBLE = {"visibilityConfig": {"cloudwatchMetricsEnabled": True, "metricName": "m"}}
_HIDDEN = {"visibilityConfig": {"cloudwatchMetricsEnabled": False, "metricName": "m"}}

WAF_METRICS = ResourceRule(
    id="waf-metrics",
    title="A web ACL, and each of its rules, counts what it does",
    why="An alarm on a metric that nobody counts never goes off.",
    severity=Severity.LOW,
    on=WEB_ACL,
    keys=("visibilityConfig.cloudwatchMetricsEnabled", "rules[].visibilityConfig.cloudwatchMetricsEnabled"),
    absent=Absent(means="AWS refuses one without it, and says so late"),
    fix="Build the web ACL with prod_infra.edge.waf.Waf.",
    controls={SECURITY_HUB: ("WAF.12",), WELL_ARCHITECTED: ("SEC04-BP01",)},
    check=all_of(_METRICS, each("rules", _METRICS)),
    passes=({**_VISIBLE, "rules": [_VISIBLE]},),
    fails=(_HIDDEN, {"rules": [_VISIBLE, _HIDDEN]}),
)

SECRET_HEADERS = ("authorization", "cookie")


def _redacted(logging: PolicyResource, stack: Stack) -> Iterator[str]:
    hidden = {
        str((field.get("singleHeader") or {}).get("name")).lower()
        for field in items(logging.props.get("redactedFields"))
    }
    asked = (
        (condition.get("httpHeader") or {}).get("httpHeaderName")
        for rule in stack.of(LISTENER_RULE)
        for condition in items(known(rule, "conditions"))
    )
    for header in sorted({*SECRET_HEADERS, *(str(name).lower() for name in asked if name)}):
        if header not in hidden:
            yield f"redactedFields doesn't hide the header {header}"


def _logging(*headers: str) -> Node:
    return Node(WEB_ACL_LOGGING[0], "log", {"redactedFields": [{"singleHeader": {"name": name}} for name in headers]})


_ASKS = Node(LISTENER_RULE[0], "rule", {"conditions": [{"httpHeader": {"httpHeaderName": "X-Origin-Verify"}}]})

WAF_LOG_REDACTED = StackRule(
    id="waf-logs-redacted",
    title="A web ACL's log shows no sessions, and not the distribution's secret header",
    why="Whoever may read the log could act as any customer, and go around the distribution.",
    severity=Severity.MEDIUM,
    on=WEB_ACL_LOGGING,
    keys=("redactedFields", "conditions"),
    absent=Absent(means="AWS logs every header as it came"),
    fix="Build the web ACL with prod_infra.edge.waf.Waf.",
    controls={WELL_ARCHITECTED: ("SEC08-BP04",)},
    check=_redacted,
    passes=((_logging(*SECRET_HEADERS),), (_ASKS, _logging(*SECRET_HEADERS, "x-origin-verify"))),
    fails=((_logging("cookie"),), (_ASKS, _logging(*SECRET_HEADERS))),
    lacks=(_logging(),),
    unknown=(Node(WEB_ACL_LOGGING[0], "log", {"redactedFields": UNKNOWN}),),
)

ALB_WAF_CLOSED = ResourceRule(
    id="alb-waf-fails-closed",
    title="A load balancer lets nothing through where its firewall doesn't answer",
    why="An attacker would only have to wait for a moment when the firewall is slow.",
    severity=Severity.MEDIUM,
    on=LOAD_BALANCER,
    keys=("enableWafFailOpen",),
    absent=Absent(means="AWS refuses such requests", passes=True),
    fix="Leave enable_waf_fail_open out, as prod_infra.compute.alb does.",
    controls=_WEB,
    check=equals("enableWafFailOpen", expected=False, absent_ok=True),
    passes=({"enableWafFailOpen": False},),
    fails=({"enableWafFailOpen": True},),
)

RULES = (
    WAF_IN_EARNEST,
    WAF_REPUTATION,
    WAF_RATE,
    WAF_METRICS,
    WAF_LOG_REDACTED,
    ALB_WAF_CLOSED,
)
