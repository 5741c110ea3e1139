"""What security groups let out: HTTPS alone; and how narrow their rules are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from policies.checks import Check, Props, each, unless
from policies.graph import items
from policies.rule import WELL_ARCHITECTED, Absent, ResourceRule, Severity
from policies.rules.network import ALL_PROTOCOLS, HTTPS_PORT, TCP, is_world, ports
from policies.tokens import EGRESS_RULE, SECURITY_GROUP, SECURITY_GROUP_INGRESS_RULE, SECURITY_GROUP_RULE


def _lets_out(*cidr_keys: str) -> Check:
    def check(props: Props) -> Iterator[str]:
        protocol = str(props.get("protocol", props.get("ipProtocol")))
        if protocol in ALL_PROTOCOLS:
            yield "ipProtocol lets every protocol out; it must name one"
        if ports(props) == (HTTPS_PORT, HTTPS_PORT) and protocol in TCP:
            return
        for key in cidr_keys:
            value = props.get(key)
            blocks = [value] if isinstance(value, str) else items(value)
            if any(is_world(block) for block in blocks):
                yield f"{key} lets everything but TCP port {HTTPS_PORT} out to the world as well"

    return check


def _egress(what: str, check: Check) -> dict[str, Any]:
    return {
        "title": f"{what} lets nothing out to the world but HTTPS",
        "why": "An intruder could fetch his tools, and send the data, by any way he likes.",
        "severity": Severity.MEDIUM,
        "fix": "Name the port, and the group or the prefix list, as prod_infra.network.security_groups does.",
        "controls": {WELL_ARCHITECTED: ("SEC05-BP02",)},
        "check": check,
    }


_HTTPS_OUT = {"fromPort": 443, "toPort": 443, "cidrBlocks": ["0.0.0.0/0"], "protocol": "tcp"}

GROUP_EGRESS = ResourceRule(
    id="security-group-egress",
    **_egress("A security group with inline rules", each("egress", _lets_out("cidrBlocks", "ipv6CidrBlocks"))),
    on=SECURITY_GROUP,
    keys=("egress", "egress[].cidrBlocks", "egress[].ipv6CidrBlocks"),
    absent=Absent(means="the provider removes AWS's rule that lets everything out", passes=True),
    passes=({"egress": [_HTTPS_OUT]}, {"egress": []}),
    fails=(
        {"egress": [{**_HTTPS_OUT, "toPort": 8443}]},
        {"egress": [{"protocol": "-1", "fromPort": 0, "toPort": 0, "cidrBlocks": ["0.0.0.0/0"]}]},
        {"egress": [{**_HTTPS_OUT, "fromPort": 80, "ipv6CidrBlocks": ["::/0"], "cidrBlocks": []}]},
    ),
)

GROUP_RULE_EGRESS = ResourceRule(
    id="security-group-rule-egress",
    **_egress("A security group rule", unless("type", ("ingress",), _lets_out("cidrBlocks", "ipv6CidrBlocks"))),
    on=SECURITY_GROUP_RULE,
    keys=("cidrBlocks", "ipv6CidrBlocks", "fromPort", "toPort", "protocol", "type"),
    absent=Absent(means="the rule names a security group or a prefix list", passes=True),
    passes=(
        {**_HTTPS_OUT, "type": "egress", "fromPort": 22, "toPort": 22, "cidrBlocks": ["10.0.0.0/16"]},
        {**_HTTPS_OUT, "type": "egress"},
        {**_HTTPS_OUT, "type": "ingress", "fromPort": 0},
    ),
    fails=({"cidrBlocks": ["0.0.0.0/0"]}, {"ipv6CidrBlocks": ["::/0"]}, {"protocol": "-1"}),
)

EGRESS_RULE_NARROW = ResourceRule(
    id="security-group-egress-rule",
    **_egress("A security group's egress rule", _lets_out("cidrIpv4", "cidrIpv6")),
    on=EGRESS_RULE,
    keys=("cidrIpv4", "cidrIpv6", "fromPort", "toPort", "ipProtocol"),
    absent=Absent(means="the rule names a security group or a prefix list", passes=True),
    passes=(
        {"ipProtocol": "tcp", "fromPort": 5432, "toPort": 5432, "cidrIpv4": "10.0.0.0/16"},
        {"ipProtocol": "tcp", "fromPort": 443, "toPort": 443, "cidrIpv4": "0.0.0.0/0"},
    ),
    fails=({"cidrIpv4": "0.0.0.0/0"}, {"cidrIpv6": "::/0"}, {"ipProtocol": "-1"}),
)


def _one_port(props: Props) -> Iterator[str]:
    if str(props.get("ipProtocol")) in (*TCP, "udp", "17") and ports(props)[0] != ports(props)[1]:
        yield "fromPort and toPort differ; a rule must open one port"


ONE_PORT = ResourceRule(
    id="security-group-rule-one-port",
    title="A security group's rule opens one port",
    why="A range opens what nobody thought of.",
    severity=Severity.LOW,
    on=(*SECURITY_GROUP_INGRESS_RULE, *EGRESS_RULE),
    keys=("fromPort", "toPort", "ipProtocol"),
    absent=Absent(means="every port up to toPort"),
    fix="Write one rule for each port, as prod_infra.network.security_groups does.",
    controls={WELL_ARCHITECTED: ("SEC05-BP02",)},
    check=_one_port,
    passes=(
        {"ipProtocol": "tcp", "fromPort": 443, "toPort": 443},
        {"ipProtocol": "icmp", "fromPort": 3, "toPort": 4},
    ),
    fails=({"toPort": 8443}, {"fromPort": 1, "toPort": 65535}),
)

RULES = (GROUP_EGRESS, GROUP_RULE_EGRESS, EGRESS_RULE_NARROW, ONE_PORT)
