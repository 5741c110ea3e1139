"""Who may reach what: security groups, subnets, endpoints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import ip_network
from typing import Any

from pulumi_policy import PolicyResource

from policies.checks import MISSING, Check, Props, all_of, each, empty, equals, given, number, unless
from policies.graph import Stack, items, known, undecided
from policies.rule import (
    CHECKOV,
    CIS_5,
    CIS_7,
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
from policies.tokens import (
    DEFAULT_SECURITY_GROUP,
    ELASTIC_IP,
    SECURITY_GROUP,
    SECURITY_GROUP_INGRESS_RULE,
    SECURITY_GROUP_RULE,
    SUBNET,
    VPC_ENDPOINT,
)

HTTPS_PORT = 443
HTTP_PORT = 80
EVERY_PORT = (0, 65535)
ALL_PROTOCOLS = ("-1", "all")
TCP = ("tcp", "6")

# Wider than any one organisation's network: 0.0.0.0/0 and ::/0, and halves and quarters of them.
WORLD_PREFIX = {4: 8, 6: 16}


def is_world(cidr: Any) -> bool:
    """Whether `cidr` is the internet, or a part of it too wide for any one organisation; nonsense counts as that."""
    try:
        network = ip_network(str(cidr), strict=False)
    except ValueError:
        return True
    return network.prefixlen < WORLD_PREFIX[network.version]


def ports(props: Props) -> tuple[float, float]:
    """Return the first and the last port that a rule admits; all where its protocol has none or it names none."""
    if str(props.get("protocol", props.get("ipProtocol"))) in ALL_PROTOCOLS:
        return EVERY_PORT
    first, last = number(props.get("fromPort")), number(props.get("toPort"))
    return (EVERY_PORT[0] if first is None else first, EVERY_PORT[1] if last is None else last)


def admits(*cidr_keys: str) -> Check:
    """Return the check that one ingress rule admits no port 80, and of the world only TCP port 443.

    Args:
        cidr_keys: the properties that hold a CIDR or a list of them.
    """

    def check(props: Props) -> Iterator[str]:
        protocol = str(props.get("protocol", props.get("ipProtocol")))
        first, last = ports(props)
        if first <= HTTP_PORT <= last and protocol in (*TCP, *ALL_PROTOCOLS):
            yield f"{'fromPort' if first == last else 'fromPort to toPort'} admits port {HTTP_PORT}; only HTTPS is safe"
        if first == last == HTTPS_PORT and protocol in TCP:
            return
        for key in cidr_keys:
            if not given(props, key) or props[key] is None:
                continue
            cidrs = [props[key]] if isinstance(props[key], str) else items(props[key])
            if any(is_world(cidr) for cidr in cidrs):
                yield f"{key} admits the world to more than TCP port {HTTPS_PORT}"

    return check


def _ingress_only(check: Check) -> Check:
    return unless("type", ("egress",), check)


def _common(what: str) -> dict[str, Any]:
    return {
        "title": f"{what} admits no port 80, and of the world nothing but port 443",
        "why": "Plain HTTP can be read and changed on the way, and every other open port is a way in.",
        "severity": Severity.CRITICAL,
        "fix": "Keep Settings.enable_http=False and admit only what prod_infra.network.security_groups admits.",
        "controls": {
            FSBP: ("EC2.18", "EC2.19"),
            SECURITY_HUB: ("EC2.53", "EC2.54"),
            CIS_5: ("5.3", "5.4"),
            CIS_7: ("6.3", "6.4"),
            CHECKOV: ("CKV_AWS_24", "CKV_AWS_25", "CKV_AWS_260", "CKV_AWS_277"),
            WELL_ARCHITECTED: ("SEC05-BP03",),
        },
    }


def _inline(**rule: Any) -> Mapping[str, Any]:
    return {"ingress": [{"protocol": "tcp", **rule}]}


SECURITY_GROUP_HTTPS_ONLY = ResourceRule(
    id="security-group-https-only",
    **_common("A security group with inline rules"),
    on=SECURITY_GROUP,
    keys=("ingress", "ingress[].cidrBlocks", "ingress[].ipv6CidrBlocks", "ingress[].fromPort", "ingress[].toPort"),
    absent=Absent(means="no inline rule admits anything", passes=True),
    check=each("ingress", admits("cidrBlocks", "ipv6CidrBlocks")),
    passes=(
        _inline(fromPort=443, toPort=443, cidrBlocks=["0.0.0.0/0"], ipv6CidrBlocks=["::/0"]),
        _inline(fromPort=8443, toPort=8443, cidrBlocks=["10.1.0.0/16"]),
        {"ingress": []},
    ),
    fails=(
        _inline(fromPort=80, toPort=80, cidrBlocks=["0.0.0.0/0"]),
        _inline(fromPort=80, toPort=80, prefixListIds=["pl-1"]),
        _inline(fromPort=8080, toPort=8080, cidrBlocks=["0.0.0.0/0"]),
        _inline(fromPort=22, toPort=22, ipv6CidrBlocks=["::/0"]),
        _inline(fromPort=443, toPort=8443, cidrBlocks=["10.0.0.0/16", "0.0.0.0/1"]),
        {"ingress": [{"protocol": "-1", "fromPort": 0, "toPort": 0, "securityGroups": ["sg-1"]}]},
    ),
)

SECURITY_GROUP_RULE_HTTPS_ONLY = ResourceRule(
    id="security-group-rule-https-only",
    **_common("A security group rule"),
    on=SECURITY_GROUP_RULE,
    keys=("cidrBlocks", "ipv6CidrBlocks", "fromPort", "toPort", "protocol", "type"),
    absent=Absent(means="the rule admits a security group or a prefix list", passes=True),
    check=_ingress_only(admits("cidrBlocks", "ipv6CidrBlocks")),
    passes=(
        {"type": "ingress", "protocol": "tcp", "fromPort": 8443, "toPort": 8443, "cidrBlocks": ["10.1.0.0/16"]},
        {"type": "ingress", "protocol": "tcp", "fromPort": 443, "toPort": 443, "cidrBlocks": ["0.0.0.0/0"]},
        {"type": "egress", "protocol": "-1", "fromPort": 0, "toPort": 0, "cidrBlocks": ["0.0.0.0/0"]},
    ),
    fails=(
        {"cidrBlocks": ["0.0.0.0/0"]},
        {"ipv6CidrBlocks": ["::/0"]},
        {"fromPort": 80, "toPort": 80},
        {"fromPort": 0, "toPort": 65535},
        {"protocol": "-1"},
    ),
)

SECURITY_GROUP_INGRESS_RULE_HTTPS_ONLY = ResourceRule(
    id="security-group-ingress-rule-https-only",
    deferred="AWS has yet to give the address; security-group-ingress-rule-source says at once where it comes from",
    **_common("A security group's ingress rule"),
    on=SECURITY_GROUP_INGRESS_RULE,
    keys=("cidrIpv4", "cidrIpv6", "fromPort", "toPort", "ipProtocol"),
    absent=Absent(means="the rule admits a security group or a prefix list", passes=True),
    check=admits("cidrIpv4", "cidrIpv6"),
    passes=(
        {"ipProtocol": "tcp", "fromPort": 8443, "toPort": 8443, "cidrIpv4": "10.1.0.0/16"},
        {"ipProtocol": "tcp", "fromPort": 443, "toPort": 443, "cidrIpv4": "0.0.0.0/0"},
        {"ipProtocol": "tcp", "fromPort": 443, "toPort": 443, "prefixListId": "pl-1"},
        {"ipProtocol": "tcp", "fromPort": 27017, "toPort": 27017, "referencedSecurityGroupId": "sg-1"},
    ),
    fails=(
        {"cidrIpv4": "0.0.0.0/0"},
        {"cidrIpv6": "::/0"},
        {"cidrIpv4": "128.0.0.0/1"},
        {"fromPort": 80, "toPort": 80},
        {"fromPort": 80, "toPort": 80, "cidrIpv4": None, "prefixListId": "pl-1"},
        {"ipProtocol": "-1", "fromPort": None, "toPort": None, "cidrIpv4": None, "referencedSecurityGroupId": "sg-1"},
    ),
)


def _source(rule: PolicyResource, stack: Stack) -> Iterator[str]:
    for key in ("cidrIpv4", "cidrIpv6"):
        made_from = rule.property_dependencies.get(key, [])
        if known(rule, key) is None and len(made_from) > len(stack.used(rule, key, ELASTIC_IP)):
            undecided(rule, key)
    yield from ()


def _from(*nodes: Node) -> Example:
    names = [node.name for node in nodes]
    rule = Node(SECURITY_GROUP_INGRESS_RULE[0], "rule", {"cidrIpv4": UNKNOWN}, {"cidrIpv4": names})
    return (*nodes, rule)


SECURITY_GROUP_INGRESS_RULE_SOURCE = StackRule(
    id="security-group-ingress-rule-source",
    title="A block of addresses that AWS has yet to give is an elastic address of the stack",
    why="Of any other the pack can't say whether it is the world.",
    severity=Severity.HIGH,
    on=SECURITY_GROUP_INGRESS_RULE,
    keys=("cidrIpv4", "cidrIpv6"),
    absent=Absent(means="the rule admits a security group or a prefix list", passes=True),
    fix="Admit a security group, a prefix list, a plain CIDR, or the stack's own NAT gateways' addresses.",
    controls={WELL_ARCHITECTED: ("SEC05-BP03",)},
    check=_source,
    passes=(
        _from(Node(ELASTIC_IP[0], "a"), Node(ELASTIC_IP[0], "b")),
        (Node(SECURITY_GROUP_INGRESS_RULE[0], "rule", {"cidrIpv4": "10.0.0.0/8"}),),
    ),
    fails=(),
    lacks=(Node(SECURITY_GROUP_INGRESS_RULE[0], "rule"),),
    unknown=_from(Node(ELASTIC_IP[0], "a"), Node("aws:ssm/parameter:Parameter", "b")),
)

DEFAULT_SECURITY_GROUP_EMPTY = ResourceRule(
    id="default-security-group-empty",
    title="The VPC's default security group admits nothing",
    why="Whatever is started without a group of its own lands in it.",
    severity=Severity.HIGH,
    on=DEFAULT_SECURITY_GROUP,
    keys=("ingress", "egress"),
    absent=Absent(means="adopting the group removes its rules", passes=True),
    fix="Leave the default group to prod_infra.network.vpc.Vpc, which empties it.",
    controls={
        FSBP: ("EC2.2",),
        CIS_5: ("5.5",),
        CIS_7: ("6.5",),
        CHECKOV: ("CKV2_AWS_12",),
        WELL_ARCHITECTED: ("SEC05-BP03",),
    },
    check=all_of(empty("ingress"), empty("egress")),
    passes=({"ingress": [], "egress": []},),
    fails=(
        {"ingress": [{"protocol": "-1", "fromPort": 0, "toPort": 0, "self": True}]},
        {"egress": [{"protocol": "-1", "fromPort": 0, "toPort": 0, "cidrBlocks": ["0.0.0.0/0"]}]},
    ),
)

SUBNET_NO_PUBLIC_IP = ResourceRule(
    id="subnet-no-auto-public-ip",
    title="A subnet gives out no public addresses by itself",
    why="What is started in it by mistake would face the internet.",
    severity=Severity.HIGH,
    on=SUBNET,
    keys=("mapPublicIpOnLaunch", "assignIpv6AddressOnCreation"),
    absent=Absent(means="AWS gives out none", passes=True),
    fix="Leave map_public_ip_on_launch to prod_infra.network.vpc.Vpc, which turns it off.",
    controls={FSBP: ("EC2.15",), CHECKOV: ("CKV_AWS_130",), WELL_ARCHITECTED: ("SEC05-BP01",)},
    check=all_of(
        equals("mapPublicIpOnLaunch", expected=False, absent_ok=True),
        # Every IPv6 address is a public one.
        equals("assignIpv6AddressOnCreation", expected=False, absent_ok=True),
    ),
    passes=({"mapPublicIpOnLaunch": False},),
    fails=({"mapPublicIpOnLaunch": True}, {"assignIpv6AddressOnCreation": True}),
)

ENDPOINT_PRIVATE_DNS = ResourceRule(
    id="vpc-endpoint-private-dns",
    title="An interface endpoint answers to the service's own name",
    why="Without private DNS every client goes on using the public endpoint through the NAT gateway.",
    severity=Severity.MEDIUM,
    on=VPC_ENDPOINT,
    keys=("privateDnsEnabled", "vpcEndpointType"),
    absent=Absent(means="the provider turns private DNS off"),
    fix="Set private_dns_enabled=True, as prod_infra.network.vpc_endpoints does.",
    controls={WELL_ARCHITECTED: ("SEC05-BP02",)},
    check=unless(
        "vpcEndpointType",
        ("Gateway", "GatewayLoadBalancer", MISSING),
        equals("privateDnsEnabled", expected=True),
    ),
    passes=(
        {"vpcEndpointType": "Interface", "privateDnsEnabled": True},
        {"vpcEndpointType": "Gateway"},
    ),
    fails=({"privateDnsEnabled": False},),
)

RULES = (
    SECURITY_GROUP_HTTPS_ONLY,
    SECURITY_GROUP_RULE_HTTPS_ONLY,
    SECURITY_GROUP_INGRESS_RULE_HTTPS_ONLY,
    SECURITY_GROUP_INGRESS_RULE_SOURCE,
    DEFAULT_SECURITY_GROUP_EMPTY,
    SUBNET_NO_PUBLIC_IP,
    ENDPOINT_PRIVATE_DNS,
)
