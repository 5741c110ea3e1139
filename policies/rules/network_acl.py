"""What network ACLs admit: the last line where a security group is opened by mistake."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from policies.checks import Props, all_of, each
from policies.rule import CHECKOV, WELL_ARCHITECTED, Absent, ResourceRule, Severity
from policies.rules.network import ALL_PROTOCOLS, HTTPS_PORT, is_world, ports
from policies.tokens import NETWORK_ACL, NETWORK_ACL_RULE

FIRST_EPHEMERAL_PORT = 1024
# SQL Server, Oracle, MySQL, PostgreSQL, Redis, Elasticsearch, MongoDB.
DATABASE_PORTS = (1433, 1521, 3306, 5432, 6379, 9200, 27017)


def _wide(rule: Props) -> Iterator[str]:
    if str(rule.get("ruleAction", rule.get("action"))).lower() != "allow":
        return
    if str(rule.get("protocol")) in ALL_PROTOCOLS:
        yield "protocol admits every protocol; it must name one"
        return
    if not any(block and is_world(block) for block in (rule.get("cidrBlock"), rule.get("ipv6CidrBlock"))):
        return
    first, last = ports(rule)
    if first == last and first in DATABASE_PORTS:
        yield "fromPort admits the world to a database's port"
    elif first < FIRST_EPHEMERAL_PORT and not first == last == HTTPS_PORT:
        yield f"fromPort admits the world to ports under {FIRST_EPHEMERAL_PORT} that are not {HTTPS_PORT}"


def _entry(**changes: Any) -> dict[str, Any]:
    world = {"cidrBlock": "0.0.0.0/0", "ruleNo": 100, "protocol": "tcp"}
    return {**world, "action": "allow", "fromPort": 443, "toPort": 443, **changes}


def _narrow(what: str) -> dict[str, Any]:
    return {
        "title": f"{what} lets HTTPS and answers pass to and from the world, and nothing else",
        "why": "It is the last line where a security group is opened by mistake.",
        "severity": Severity.MEDIUM,
        "fix": "Leave the lists to prod_infra.network.network_acls, which admit what each tier needs.",
        "controls": {CHECKOV: ("CKV_AWS_352",), WELL_ARCHITECTED: ("SEC05-BP02",)},
    }


_ALL = {"protocol": "-1", "fromPort": 0, "toPort": 0}

NETWORK_ACL_NARROW = ResourceRule(
    id="network-acl-narrow",
    **_narrow("A network ACL"),
    on=NETWORK_ACL,
    keys=("ingress", "egress"),
    absent=Absent(means="it admits nothing", passes=True),
    check=all_of(each("ingress", _wide), each("egress", _wide)),
    passes=(
        {"ingress": [_entry(), _entry(fromPort=1024, toPort=65535)], "egress": [_entry()]},
        {"ingress": [_entry(cidrBlock="10.1.0.0/16", fromPort=27017, toPort=27017), _entry(action="deny", **_ALL)]},
    ),
    fails=(
        {"ingress": [_entry(**_ALL)]},
        {"egress": [_entry(**_ALL)]},
        {"ingress": [_entry(fromPort=27017, toPort=27017)]},
        {"egress": [_entry(fromPort=80, cidrBlock=None, ipv6CidrBlock="::/0")]},
    ),
)


def _rule_entry(**changes: Any) -> dict[str, Any]:
    found = _entry(**changes)
    found["ruleAction"] = found.pop("action")
    return found


NETWORK_ACL_RULE_NARROW = ResourceRule(
    id="network-acl-rule-narrow",
    **_narrow("A network ACL's rule"),
    on=NETWORK_ACL_RULE,
    keys=("cidrBlock", "ipv6CidrBlock", "fromPort", "toPort", "protocol", "ruleAction"),
    absent=Absent(means="the rule is about IPv6", passes=True),
    check=_wide,
    passes=(_rule_entry(), _rule_entry(action="deny", **_ALL)),
    fails=(_ALL, {"fromPort": 27017, "toPort": 27017}, {"fromPort": 80, "toPort": 443}),
)

RULES = (NETWORK_ACL_NARROW, NETWORK_ACL_RULE_NARROW)
