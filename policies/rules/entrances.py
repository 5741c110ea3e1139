"""Who is let in: by way of CloudFront alone, to the database from tasks alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pulumi_policy import PolicyResource

from policies.checks import present, unless
from policies.graph import Stack, items, known, undecided
from policies.rule import UNKNOWN, WELL_ARCHITECTED, Absent, Example, Node, ResourceRule, Severity, StackRule
from policies.rules.audit_trail import companion
from policies.rules.network import is_world
from policies.tokens import (
    DEFAULT_NETWORK_ACL,
    DISTRIBUTION,
    DOCDB_CLUSTER,
    ECS_SERVICE,
    INTERNET_GATEWAY,
    LOAD_BALANCER,
    SECURITY_GROUP,
    SECURITY_GROUP_INGRESS_RULE,
    SECURITY_GROUP_RULE,
    TARGET_GROUP,
    VPC,
    Tokens,
)

_FIREWALL: Mapping[str, tuple[str, ...]] = {WELL_ARCHITECTED: ("SEC05-BP02",)}
_SOURCES = ("referencedSecurityGroupId", "sourceSecurityGroupId")
_CIDRS = ("cidrIpv4", "cidrIpv6", "cidrBlocks", "ipv6CidrBlocks")


def _groups(resource: PolicyResource, key: str, stack: Stack) -> list[PolicyResource]:
    """Return the security groups that a property names.

    Raises:
        UnknownValueError: they are not the stack's own.
    """
    found = stack.used(resource, key, SECURITY_GROUP)
    if not found and known(resource, key):
        undecided(resource, key)
    return found


def _ingress(group: PolicyResource, stack: Stack) -> list[PolicyResource]:
    """Return the rules of a group that are resources of their own and let somebody in."""
    rules = stack.users(group, "securityGroupId", (*SECURITY_GROUP_INGRESS_RULE, *SECURITY_GROUP_RULE))
    return [rule for rule in rules if known(rule, "type") != "egress"]


def _admitted(group: PolicyResource, stack: Stack) -> Iterator[tuple[str, Any]]:
    """Yield `(rule's name, block of addresses)` for each block that a group's rules admit; None for one unknown yet."""
    for rule in _ingress(group, stack):
        for key in _CIDRS:
            value = known(rule, key)
            blocks = [value] if isinstance(value, str) else list(items(value))
            if not blocks and rule.property_dependencies.get(key):
                blocks = [None]
            yield from ((rule.name, block) for block in blocks)
    for rule in items(known(group, "ingress")):
        for key in _CIDRS[2:]:
            yield from ((group.name, block) for block in items(rule.get(key)))


def _only_cloudfront(balancer: PolicyResource, stack: Stack) -> Iterator[str]:
    if known(balancer, "internal") is True or not stack.of(DISTRIBUTION):
        return
    for group in _groups(balancer, "securityGroups", stack):
        for name, block in _admitted(group, stack):
            if block is not None and is_world(block):
                yield f"rule {name} admits the world to the load balancer behind CloudFront"


def guarded(on: Tokens, key: str, rule: dict[str, Any], *extra: Node) -> Example:
    """Return an example: a resource whose property `key` names a group with one rule."""
    group = Node(SECURITY_GROUP[0], "group")
    source = Node(SECURITY_GROUP_INGRESS_RULE[0], "rule", rule, {"securityGroupId": ["group"]})
    return (*extra, group, source, Node(on[0], "it", {key: UNKNOWN}, {key: ["group"]}))


_CDN = Node(DISTRIBUTION[0], "cdn")
_ANYBODY = {"protocol": "tcp", "fromPort": 443, "toPort": 443, "cidrBlocks": ["0.0.0.0/0"]}

ALB_ONLY_CLOUDFRONT = StackRule(
    id="alb-only-from-cloudfront",
    title="A load balancer behind CloudFront doesn't admit the world",
    why="Whoever finds its address would go around the distribution and its firewall.",
    severity=Severity.HIGH,
    on=LOAD_BALANCER,
    keys=("securityGroups", *_CIDRS),
    absent=Absent(means="AWS takes the VPC's default group; alb-own-security-group objects", passes=True),
    fix="Admit CloudFront's prefix list, as prod_infra.network.security_groups does.",
    controls={WELL_ARCHITECTED: ("SEC05-BP01",)},
    check=_only_cloudfront,
    passes=(
        guarded(LOAD_BALANCER, "securityGroups", {"prefixListId": "pl-1"}, _CDN),
        guarded(LOAD_BALANCER, "securityGroups", {"cidrIpv4": "10.0.0.0/8"}, _CDN),
        guarded(LOAD_BALANCER, "securityGroups", {"cidrIpv4": "0.0.0.0/0"}),
    ),
    fails=(
        guarded(LOAD_BALANCER, "securityGroups", {"cidrIpv4": "0.0.0.0/0"}, _CDN),
        guarded(LOAD_BALANCER, "securityGroups", {"cidrIpv6": "::/0"}, _CDN),
    ),
    lacks=(_CDN, Node(LOAD_BALANCER[0], "it")),
    unknown=(_CDN, Node(LOAD_BALANCER[0], "it", {"securityGroups": ["sg-1"]})),
)


def _only_balancers(group: PolicyResource, stack: Stack) -> Iterator[str]:
    if known(group, "ingress") is None and group.property_dependencies.get("ingress"):
        undecided(group, "ingress")
    if stack.users(group, "securityGroups", LOAD_BALANCER):
        return
    for name, block in _admitted(group, stack):
        if block is not None and is_world(block):
            yield f"rule {name} admits the world to something that is no load balancer"


_OPEN = Node(SECURITY_GROUP_INGRESS_RULE[0], "rule", {"cidrIpv6": "::/0"}, {"securityGroupId": ["group"]})

WORLD_ONLY_BALANCERS = StackRule(
    id="world-only-to-load-balancers",
    title="The world is admitted to load balancers alone",
    why="Tasks, endpoints and databases have nothing in front of them that looks at requests.",
    severity=Severity.HIGH,
    on=SECURITY_GROUP,
    keys=("ingress", *_CIDRS),
    absent=Absent(means="the group admits nobody by itself", passes=True),
    fix="Admit a security group or a prefix list, as prod_infra.network.security_groups does.",
    controls=_FIREWALL,
    check=_only_balancers,
    passes=(
        guarded(LOAD_BALANCER, "securityGroups", {"cidrIpv4": "0.0.0.0/0"}),
        guarded(ECS_SERVICE, "networkConfiguration", {"cidrIpv4": "10.0.0.0/8"}),
    ),
    fails=((Node(SECURITY_GROUP[0], "group"), _OPEN), (Node(SECURITY_GROUP[0], "group", {"ingress": [_ANYBODY]}),)),
    lacks=(Node(SECURITY_GROUP[0], "group"),),
    unknown=(
        Node("aws:ssm/parameter:Parameter", "elsewhere"),
        Node(SECURITY_GROUP[0], "group", {"ingress": UNKNOWN}, {"ingress": ["elsewhere"]}),
    ),
)


def only_groups(key: str, what: str) -> Callable[[PolicyResource, Stack], Iterator[str]]:
    """Return the check that the security groups in `key` admit no block of addresses."""

    def check(resource: PolicyResource, stack: Stack) -> Iterator[str]:
        for group in _groups(resource, key, stack):
            for name, _ in _admitted(group, stack):
                yield f"rule {name} admits a block of addresses to {what}; it must admit a security group"

    return check


DOCDB_ONLY_GROUPS = StackRule(
    id="docdb-only-from-security-groups",
    title="DocumentDB admits security groups, and no block of addresses",
    why="In a block of addresses anything may stand one day.",
    severity=Severity.HIGH,
    on=DOCDB_CLUSTER,
    keys=("vpcSecurityGroupIds", *_CIDRS),
    absent=Absent(means="AWS takes the VPC's default group; docdb-own-security-group objects", passes=True),
    fix="Admit the tasks' group, as prod_infra.network.security_groups does.",
    controls={WELL_ARCHITECTED: ("SEC05-BP02",)},
    check=only_groups("vpcSecurityGroupIds", "the database"),
    passes=(guarded(DOCDB_CLUSTER, "vpcSecurityGroupIds", {"referencedSecurityGroupId": "sg-1"}),),
    fails=(guarded(DOCDB_CLUSTER, "vpcSecurityGroupIds", {"cidrIpv4": "10.1.0.0/16"}),),
    lacks=(Node(DOCDB_CLUSTER[0], "it"),),
    unknown=(Node(DOCDB_CLUSTER[0], "it", {"vpcSecurityGroupIds": ["sg-1"]}),),
)


def _not_balancers(cluster: PolicyResource, stack: Stack) -> Iterator[str]:
    for group in _groups(cluster, "vpcSecurityGroupIds", stack):
        sources = [(group, "ingress"), *((rule, key) for rule in _ingress(group, stack) for key in _SOURCES)]
        for holder, key in sources:
            for source in stack.used(holder, key, SECURITY_GROUP):
                if stack.users(source, "securityGroups", LOAD_BALANCER):
                    yield f"{holder.name} admits the load balancer's group to the database"


def _admits_group(key: str, *of: Node) -> Example:
    cluster = Node(DOCDB_CLUSTER[0], "it", {"vpcSecurityGroupIds": UNKNOWN}, {"vpcSecurityGroupIds": ["group"]})
    token = SECURITY_GROUP_INGRESS_RULE if key == _SOURCES[0] else SECURITY_GROUP_RULE
    rule = Node(token[0], "rule", {key: UNKNOWN}, {"securityGroupId": ["group"], key: ["source"]})
    return (*of, Node(SECURITY_GROUP[0], "source"), Node(SECURITY_GROUP[0], "group"), rule, cluster)


_BALANCED = Node(LOAD_BALANCER[0], "alb", {"securityGroups": UNKNOWN}, {"securityGroups": ["source"]})

DOCDB_NOT_FROM_BALANCERS = StackRule(
    id="docdb-not-from-load-balancers",
    title="DocumentDB does not admit the group of a load balancer",
    why="The load balancer takes requests from outside; from it no way leads past the application.",
    severity=Severity.HIGH,
    on=DOCDB_CLUSTER,
    keys=("vpcSecurityGroupIds", *_SOURCES),
    absent=Absent(means="AWS takes the VPC's default group; docdb-own-security-group objects", passes=True),
    fix="Admit the tasks' group alone, as prod_infra.network.security_groups does.",
    controls=_FIREWALL,
    check=_not_balancers,
    passes=(_admits_group(_SOURCES[0]), _admits_group(_SOURCES[1])),
    fails=(_admits_group(_SOURCES[0], _BALANCED), _admits_group(_SOURCES[1], _BALANCED)),
    lacks=(Node(DOCDB_CLUSTER[0], "it"),),
    unknown=(Node(DOCDB_CLUSTER[0], "it", {"vpcSecurityGroupIds": ["sg-1"]}),),
)


IN_OWN_VPC = ResourceRule(
    id="in-own-vpc",
    title="What belongs to a VPC says to which",
    why="Without a word AWS takes the account's default VPC, which is open and which nobody looks after.",
    severity=Severity.MEDIUM,
    on=(*SECURITY_GROUP, *TARGET_GROUP, *INTERNET_GATEWAY),
    keys=("targetType", "vpcId"),
    absent=Absent(means="it belongs to a VPC like any other", passes=True),
    fix="Give it the VPC of prod_infra.network.vpc.",
    controls=_FIREWALL,
    check=unless("targetType", ("lambda",), present("vpcId")),
    passes=({"targetType": "ip", "vpcId": UNKNOWN}, {"targetType": "lambda"}),
    fails=({"vpcId": None}, {"vpcId": ""}),
)

VPC_ADOPTS_DEFAULT_LIST = StackRule(
    id="vpc-default-network-acl",
    title="A VPC's default network ACL is adopted, and so emptied",
    why="AWS makes it with entries that admit everything, and a subnet that nobody thought of lands under it.",
    severity=Severity.LOW,
    absent=Absent(means="AWS lets everything in and out"),
    fix="Leave the default list to prod_infra.network.network_acls, which empties it.",
    controls=_FIREWALL,
    **companion(VPC, DEFAULT_NETWORK_ACL, "defaultNetworkAclId", "DefaultNetworkAcl"),
)

RULES = (
    VPC_ADOPTS_DEFAULT_LIST,
    ALB_ONLY_CLOUDFRONT,
    WORLD_ONLY_BALANCERS,
    DOCDB_ONLY_GROUPS,
    DOCDB_NOT_FROM_BALANCERS,
    IN_OWN_VPC,
)
