"""Which way packets go: subnets' routes, and the endpoints on the way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network
from itertools import pairwise
from typing import Any

from pulumi_policy import PolicyResource

from policies.graph import Stack, known, undecided
from policies.rule import UNKNOWN, WELL_ARCHITECTED, Absent, Example, Node, Severity, StackRule
from policies.tokens import (
    DOCDB_CLUSTER,
    DOCDB_SUBNET_GROUP,
    ECS_SERVICE,
    INTERNET_GATEWAY,
    LOAD_BALANCER,
    NAT_GATEWAY,
    ROUTE,
    ROUTE_TABLE,
    ROUTE_TABLE_ASSOCIATION,
    SUBNET,
    VPC,
    VPC_ENDPOINT,
    Tokens,
)

MIN_ZONES = 2
EVERYWHERE = "0.0.0.0/0"
PRIVATE_WAYS = ("natGatewayId", "transitGatewayId", "networkInterfaceId", "coreNetworkArn")
PUBLIC_WAYS = ("gatewayId",)


def _tables(subnet: PolicyResource, stack: Stack) -> list[PolicyResource]:
    links = stack.users(subnet, "subnetId", ROUTE_TABLE_ASSOCIATION)
    return [table for link in links for table in stack.used(link, "routeTableId", ROUTE_TABLE)]


def _leaves(subnet: PolicyResource, stack: Stack, ways: Sequence[str], inline: Tokens) -> bool:
    """Whether a subnet's default route goes one of `ways`; routes written into the table name the `inline` types."""
    for table in _tables(subnet, stack):
        if stack.used(table, "routes", inline):
            return True
        for route in stack.users(table, "routeTableId", ROUTE):
            given = any(route.property_dependencies.get(way) or known(route, way) for way in ways)
            if given and known(route, "destinationCidrBlock") == EVERYWHERE:
                return True
    return False


def _is_public(subnet: PolicyResource, stack: Stack) -> bool:
    return _leaves(subnet, stack, PUBLIC_WAYS, INTERNET_GATEWAY)


def _faces_internet(subnet: PolicyResource, stack: Stack) -> bool:
    """Whether any route of a subnet leads to an internet gateway, to whatever addresses, IPv6 among them."""
    for table in _tables(subnet, stack):
        for route in stack.users(table, "routeTableId", ROUTE):
            named = str(known(route, "gatewayId")).startswith("igw-")
            if named or stack.used(route, "gatewayId", INTERNET_GATEWAY):
                return True
    return _is_public(subnet, stack)


def _subnets(resource: PolicyResource, key: str, stack: Stack) -> list[PolicyResource]:
    """Return the subnets of the stack that `key` names.

    Raises:
        UnknownValueError: where it names others.
    """
    found = stack.used(resource, key, SUBNET)
    if not found and (known(resource, key) or resource.property_dependencies.get(key)):
        undecided(resource, key)
    return found


def _private(service: PolicyResource, stack: Stack) -> Iterator[str]:
    for subnet in _subnets(service, "networkConfiguration", stack):
        if _faces_internet(subnet, stack):
            yield f"subnet {subnet.name} is public: a route of it leads to an internet gateway"
        elif not _leaves(subnet, stack, PRIVATE_WAYS, NAT_GATEWAY):
            yield f"subnet {subnet.name} has no default route through a NAT gateway"


def _public(key: str) -> Any:
    def check(resource: PolicyResource, stack: Stack) -> Iterator[str]:
        if known(resource, "internal") is True or known(resource, "connectivityType") == "private":
            return
        for subnet in _subnets(resource, key, stack):
            if not _is_public(subnet, stack):
                yield f"subnet {subnet.name} has no default route to an internet gateway"

    return check


def _net(on: Tokens, key: str, way: str = "", *, zones: str = "a", endpoint: bool = True, **props: Any) -> Example:
    """Return a resource in one subnet a zone, whose routes go `way`."""
    parts: list[Node] = [Node(INTERNET_GATEWAY[0], "igw"), Node(NAT_GATEWAY[0], "gateway")]
    for zone in zones:
        target = "igw" if way == "gatewayId" else "gateway"
        parts += [
            Node(SUBNET[0], f"s{zone}", {"availabilityZone": zone}),
            Node(ROUTE_TABLE[0], f"t{zone}"),
            Node(ROUTE_TABLE_ASSOCIATION[0], f"l{zone}", {}, {"subnetId": [f"s{zone}"], "routeTableId": [f"t{zone}"]}),
        ]
        if way:
            route = {"destinationCidrBlock": EVERYWHERE}
            parts.append(Node(ROUTE[0], f"r{zone}", route, {"routeTableId": [f"t{zone}"], way: [target]}))
    if endpoint:
        tables = [f"t{zone}" for zone in zones]
        parts.append(Node(VPC_ENDPOINT[0], "s3", {"vpcEndpointType": "Gateway"}, {"routeTableIds": tables}))
    return (*parts, Node(on[0], "it", {key: UNKNOWN, **props}, {key: [f"s{zone}" for zone in zones]}))


_NETWORK = "networkConfiguration"

SERVICE_WAY_OUT = StackRule(
    id="ecs-private-subnets",
    title="A service's subnets are private, and each has a way out through a NAT gateway",
    why="In a public subnet one mistake shows a task to the internet; without a way out it can't call other services.",
    severity=Severity.HIGH,
    on=ECS_SERVICE,
    keys=(_NETWORK, "subnetId", "routeTableId", "destinationCidrBlock", *PRIVATE_WAYS, *PUBLIC_WAYS),
    absent=Absent(means="AWS refuses a Fargate service without it; ecs-multi-az objects", passes=True),
    fix="Give prod_infra.compute.ecs the private subnets of prod_infra.network.vpc, and keep prod_infra.network.nat.",
    controls={WELL_ARCHITECTED: ("SEC05-BP01", "REL02-BP02")},
    check=_private,
    passes=(_net(ECS_SERVICE, _NETWORK, "natGatewayId"), _net(ECS_SERVICE, _NETWORK, "transitGatewayId")),
    fails=(_net(ECS_SERVICE, _NETWORK), _net(ECS_SERVICE, _NETWORK, "gatewayId")),
    lacks=(Node(ECS_SERVICE[0], "it"),),
    unknown=(Node(ECS_SERVICE[0], "it", {_NETWORK: {"subnets": ["subnet-1"]}}),),
)


def _way_in(id_: str, what: str, on: Tokens, key: str, private: dict[str, Any]) -> StackRule:
    return StackRule(
        id=id_,
        title=f"{what} stands in subnets with a route to the internet",
        why="Without it, no answer finds its way back.",
        severity=Severity.HIGH,
        on=on,
        keys=(key, "gatewayId", "routeTableId", "destinationCidrBlock"),
        absent=Absent(means="AWS refuses it, and says so late", passes=True),
        fix="Give it the public subnets of prod_infra.network.vpc.",
        controls={WELL_ARCHITECTED: ("REL02-BP02",)},
        check=_public(key),
        passes=(_net(on, key, "gatewayId"), _net(on, key, **private)),
        fails=(_net(on, key), _net(on, key, "natGatewayId")),
        lacks=(Node(on[0], "it"),),
        unknown=(Node(on[0], "it", {key: ["subnet-1"]}),),
    )


ALB_WAY_IN = _way_in("alb-public-subnets", "A public load balancer", LOAD_BALANCER, "subnets", {"internal": True})
NAT_WAY_OUT = _way_in("nat-public-subnet", "A NAT gateway", NAT_GATEWAY, "subnetId", {"connectivityType": "private"})


def _s3(service: PolicyResource, stack: Stack) -> Iterator[str]:
    for subnet in _subnets(service, _NETWORK, stack):
        for table in _tables(subnet, stack):
            if not stack.users(table, "routeTableIds", VPC_ENDPOINT):
                yield f"no gateway endpoint serves the route table of subnet {subnet.name}"


SERVICE_S3 = StackRule(
    id="ecs-s3-endpoint",
    title="Each of a service's subnets reaches S3 through a gateway endpoint",
    why="Every layer of every image would cross the NAT gateway: dearer, and an outage when the way out is lost.",
    severity=Severity.MEDIUM,
    on=ECS_SERVICE,
    keys=(_NETWORK, "routeTableIds", "routeTableId", "subnetId"),
    absent=Absent(means="AWS refuses a Fargate service without it; ecs-multi-az objects", passes=True),
    fix="Give prod_infra.network.vpc_endpoints every private route table.",
    controls={WELL_ARCHITECTED: ("SEC05-BP02",)},
    check=_s3,
    passes=(_net(ECS_SERVICE, _NETWORK, zones="ab"),),
    fails=(
        _net(ECS_SERVICE, _NETWORK, endpoint=False),
        (*_net(ECS_SERVICE, _NETWORK)[:-1], *_net(ECS_SERVICE, _NETWORK, zones="b", endpoint=False)[2:]),
    ),
    lacks=(Node(ECS_SERVICE[0], "it"),),
    unknown=(Node(ECS_SERVICE[0], "it", {_NETWORK: {"subnets": ["subnet-1"]}}),),
)


def _own_subnets(cluster: PolicyResource, stack: Stack) -> Iterator[str]:
    key = "dbSubnetGroupName"
    if not stack.used(cluster, key, DOCDB_SUBNET_GROUP):
        if known(cluster, key):
            undecided(cluster, key)
        yield f"{key} names no subnet group of this stack; without one AWS takes the default VPC, which is public"


DOCDB_OWN_SUBNETS = StackRule(
    id="docdb-own-subnet-group",
    title="DocumentDB stands in subnets of the stack",
    why="Without a subnet group AWS puts the database into the account's default VPC.",
    severity=Severity.HIGH,
    on=DOCDB_CLUSTER,
    keys=("dbSubnetGroupName",),
    absent=Absent(means="AWS takes the default VPC"),
    fix="Leave the subnet group to prod_infra.data.docdb.",
    controls={WELL_ARCHITECTED: ("SEC05-BP01",)},
    check=_own_subnets,
    passes=((Node(DOCDB_SUBNET_GROUP[0], "g"), Node(DOCDB_CLUSTER[0], "db", {}, {"dbSubnetGroupName": ["g"]})),),
    fails=((Node(DOCDB_SUBNET_GROUP[0], "g"), Node(DOCDB_CLUSTER[0], "db")),),
    lacks=(Node(DOCDB_CLUSTER[0], "db"),),
    unknown=(Node(DOCDB_CLUSTER[0], "db", {"dbSubnetGroupName": "made-elsewhere"}),),
)


def _database_subnets(group: PolicyResource, stack: Stack) -> Iterator[str]:
    if "subnetIds" not in group.property_dependencies and not known(group, "subnetIds"):
        yield f"subnetIds is absent; it must name subnets in at least {MIN_ZONES} availability zones"
    elif len(stack.zones(group, "subnetIds", SUBNET)) < MIN_ZONES:
        yield f"subnetIds lie in one availability zone; they must lie in at least {MIN_ZONES}"
    for subnet in stack.used(group, "subnetIds", SUBNET):
        if _is_public(subnet, stack):
            yield f"subnet {subnet.name} is public: its default route leads to an internet gateway"


DOCDB_SUBNETS = StackRule(
    id="docdb-private-subnets",
    title=f"DocumentDB's subnets are private and lie in at least {MIN_ZONES} zones",
    why="A database in a public subnet is one mistake away from the internet; in one zone it has nowhere to fail over.",
    severity=Severity.HIGH,
    on=DOCDB_SUBNET_GROUP,
    keys=("subnetIds", "availabilityZone", "gatewayId"),
    absent=Absent(means="AWS refuses a group without subnets, and says so late"),
    fix="Give prod_infra.data.docdb the private subnets of prod_infra.network.vpc.",
    controls={WELL_ARCHITECTED: ("SEC05-BP01", "REL10-BP01")},
    check=_database_subnets,
    passes=(_net(DOCDB_SUBNET_GROUP, "subnetIds", "natGatewayId", zones="ab"),),
    fails=(
        _net(DOCDB_SUBNET_GROUP, "subnetIds", "natGatewayId"),
        _net(DOCDB_SUBNET_GROUP, "subnetIds", "gatewayId", zones="ab"),
    ),
    lacks=(Node(DOCDB_SUBNET_GROUP[0], "it"),),
    unknown=(Node(DOCDB_SUBNET_GROUP[0], "it", {"subnetIds": ["subnet-1", "subnet-2"]}),),
)

Block = IPv4Network | IPv6Network


def _blocks_apart(vpc: PolicyResource, stack: Stack) -> Iterator[str]:
    found = [
        (ip_network(str(subnet.props.get("cidrBlock")), strict=False), subnet.name)
        for subnet in stack.users(vpc, "vpcId", SUBNET)
    ]
    # In order of address, only neighbours can overlap.
    found.sort(key=lambda pair: (int(pair[0].network_address), pair[0].prefixlen))
    for (block, name), (following, other) in pairwise(found):
        if int(block.broadcast_address) >= int(following.network_address):
            yield f"cidrBlock of subnet {name} overlaps that of {other}"


def _blocks(*blocks: str) -> Example:
    subnets = (
        Node(SUBNET[0], f"s{index}", {"cidrBlock": block}, {"vpcId": ["vpc"]}) for index, block in enumerate(blocks)
    )
    return (Node(VPC[0], "vpc"), *subnets)


SUBNETS_APART = StackRule(
    id="subnet-blocks-apart",
    title="No two subnets of a VPC share addresses",
    why="AWS refuses the second one, in the middle of an update.",
    severity=Severity.MEDIUM,
    on=VPC,
    keys=("cidrBlock", "vpcId"),
    absent=Absent(means="the VPC has no subnet", passes=True),
    fix="Leave the plan of addresses to prod_infra.network.plan.",
    controls={WELL_ARCHITECTED: ("REL02-BP05",)},
    check=_blocks_apart,
    passes=(_blocks("10.1.16.0/20", "10.1.0.0/20"),),
    fails=(_blocks("10.1.0.0/20", "10.1.0.0/20"), _blocks("10.1.0.0/16", "10.1.16.0/20")),
    lacks=_blocks(),
    unknown=_blocks("10.1.0.0/20", UNKNOWN),
)


RULES = (
    SERVICE_WAY_OUT,
    ALB_WAY_IN,
    NAT_WAY_OUT,
    SERVICE_S3,
    DOCDB_OWN_SUBNETS,
    DOCDB_SUBNETS,
    SUBNETS_APART,
)
