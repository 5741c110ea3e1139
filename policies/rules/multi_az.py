"""What must stand in two availability zones, decided from the links between resources."""

from __future__ import annotations

from collections.abc import Iterator

from pulumi_policy import PolicyResource

from policies.graph import Stack, known, undecided, zone_of
from policies.rule import CHECKOV, FSBP, UNKNOWN, WELL_ARCHITECTED, Absent, Example, Node, Severity, StackRule
from policies.tokens import (
    DOCDB_CLUSTER,
    DOCDB_INSTANCE,
    ECS_SERVICE,
    LOAD_BALANCER,
    NAT_GATEWAY,
    ROUTE,
    ROUTE_TABLE,
    ROUTE_TABLE_ASSOCIATION,
    SUBNET,
)

MIN_ZONES = 2


def _docdb_zones(cluster: PolicyResource, stack: Stack) -> Iterator[str]:
    instances = stack.users(cluster, "clusterIdentifier", DOCDB_INSTANCE)
    if len(instances) < MIN_ZONES:
        yield f"the cluster has {len(instances)} instances; it must have at least {MIN_ZONES}"
    elif len({zone_of(instance) for instance in instances}) < MIN_ZONES:
        yield f"all instances stand in one availabilityZone; they must stand in at least {MIN_ZONES}"


def _subnet_zones(key: str) -> Iterator[str]:
    yield f"{key} lie in one availability zone; they must lie in at least {MIN_ZONES}"


def _balancer_zones(balancer: PolicyResource, stack: Stack) -> Iterator[str]:
    keys = [
        key for key in ("subnets", "subnetMappings") if key in balancer.property_dependencies or known(balancer, key)
    ]
    if not keys:
        yield f"subnets is absent; it must name subnets in at least {MIN_ZONES} availability zones"
    for key in keys:
        if len(stack.zones(balancer, key, SUBNET)) < MIN_ZONES:
            yield from _subnet_zones(key)


def _service_zones(service: PolicyResource, stack: Stack) -> Iterator[str]:
    key = "networkConfiguration"
    if key not in service.property_dependencies and not known(service, key):
        yield f"{key} is absent; it must name subnets in at least {MIN_ZONES} availability zones"
    elif len(stack.zones(service, key, SUBNET)) < MIN_ZONES:
        yield from _subnet_zones(f"{key}.subnets")


def _nat_gateways(table: PolicyResource, stack: Stack) -> list[PolicyResource]:
    found = stack.used(table, "routes", NAT_GATEWAY)
    for route in stack.users(table, "routeTableId", ROUTE):
        gateways = stack.used(route, "natGatewayId", NAT_GATEWAY)
        if not gateways and known(route, "natGatewayId"):
            undecided(route, "natGatewayId")
        found += gateways
    return found


def _same_zone_nat(association: PolicyResource, stack: Stack) -> Iterator[str]:
    for table in stack.used(association, "routeTableId", ROUTE_TABLE):
        for gateway in _nat_gateways(table, stack):
            # A regional gateway stands in every zone by itself.
            if known(gateway, "availabilityMode") == "regional":
                continue
            for subnet in stack.used(association, "subnetId", SUBNET):
                if stack.zones(gateway, "subnetId", SUBNET) != {zone_of(subnet)}:
                    yield "the subnet leaves through a NAT gateway in another availability zone"


def _subnet(name: str, zone: str) -> Node:
    return Node(SUBNET[0], name, {"availabilityZone": zone})


def _docdb(*zones: str) -> Example:
    instances = (
        Node(DOCDB_INSTANCE[0], f"i{index}", {"availabilityZone": zone} if zone else {}, {"clusterIdentifier": ["db"]})
        for index, zone in enumerate(zones)
    )
    return (Node(DOCDB_CLUSTER[0], "db"), *instances)


DOCDB_MULTI_AZ = StackRule(
    id="docdb-multi-az",
    title=f"DocumentDB has instances in at least {MIN_ZONES} zones",
    why="With one, a lost zone is an outage as long as it takes to make another instance.",
    severity=Severity.HIGH,
    on=DOCDB_CLUSTER,
    keys=("availabilityZone", "clusterIdentifier"),
    absent=Absent(means="the cluster has no instance and answers nobody"),
    fix=f"Keep Settings.instance_count at {MIN_ZONES} or more; prod_infra.data.docdb spreads them over the zones.",
    controls={WELL_ARCHITECTED: ("REL10-BP01",)},
    check=_docdb_zones,
    passes=(_docdb("a", "b"), _docdb("a", "b", "a")),
    fails=(_docdb("a"), _docdb("a", "a"), (*_docdb("a"), Node(DOCDB_INSTANCE[0], "other", {"availabilityZone": "b"}))),
    lacks=_docdb(),
    unknown=_docdb("a", UNKNOWN),
)


def _in_subnets(token: str, key: str, *zones: str) -> Example:
    subnets = tuple(_subnet(f"s{index}", zone) for index, zone in enumerate(zones))
    return (*subnets, Node(token, "it", {key: UNKNOWN}, {key: [subnet.name for subnet in subnets]}))


ALB_MULTI_AZ = StackRule(
    id="alb-multi-az",
    title=f"A load balancer stands in at least {MIN_ZONES} zones",
    why="A lost zone would take the address that customers use.",
    severity=Severity.HIGH,
    on=LOAD_BALANCER,
    keys=("subnets", "subnetMappings"),
    absent=Absent(means="AWS refuses a load balancer without subnets, and says so late"),
    fix="Give prod_infra.compute.alb.Alb a public subnet of each zone.",
    controls={FSBP: ("ELB.13",), WELL_ARCHITECTED: ("REL10-BP01",)},
    check=_balancer_zones,
    passes=(
        _in_subnets(LOAD_BALANCER[0], "subnets", "a", "b"),
        _in_subnets(LOAD_BALANCER[1], "subnetMappings", "a", "b"),
    ),
    fails=(_in_subnets(LOAD_BALANCER[0], "subnets", "a"), _in_subnets(LOAD_BALANCER[1], "subnets", "a", "a")),
    lacks=(Node(LOAD_BALANCER[0], "it"),),
    unknown=(Node(LOAD_BALANCER[0], "it", {"subnets": ["subnet-1", "subnet-2"]}),),
)

SERVICE_MULTI_AZ = StackRule(
    id="ecs-multi-az",
    title=f"A service's tasks run in at least {MIN_ZONES} zones",
    why="A lost zone would take every task at once.",
    severity=Severity.HIGH,
    on=ECS_SERVICE,
    keys=("networkConfiguration.subnets",),
    absent=Absent(means="the tasks are bound to hosts, wherever those stand"),
    fix="Give prod_infra.compute.ecs a private subnet of each zone.",
    controls={WELL_ARCHITECTED: ("REL10-BP01",)},
    check=_service_zones,
    passes=(_in_subnets(ECS_SERVICE[0], "networkConfiguration", "a", "b"),),
    fails=(
        _in_subnets(ECS_SERVICE[0], "networkConfiguration", "a"),
        _in_subnets(ECS_SERVICE[0], "networkConfiguration", "a", "a"),
    ),
    lacks=(Node(ECS_SERVICE[0], "it"),),
    unknown=_in_subnets(ECS_SERVICE[0], "networkConfiguration", "a", UNKNOWN),
)


def _nat(subnet_zone: str, gateway_zone: str, *, mode: str = "", inline: bool = False) -> Example:
    route = (
        Node(ROUTE_TABLE[0], "table", {"routes": UNKNOWN}, {"routes": ["nat"]}),
        Node(ROUTE_TABLE[0], "table"),
        Node(ROUTE[0], "route", {"natGatewayId": UNKNOWN}, {"routeTableId": ["table"], "natGatewayId": ["nat"]}),
    )
    return (
        _subnet("private", subnet_zone),
        _subnet("public", gateway_zone),
        Node(NAT_GATEWAY[0], "nat", {"availabilityMode": mode} if mode else {}, {"subnetId": ["public"]}),
        *(route[:1] if inline else route[1:]),
        Node(ROUTE_TABLE_ASSOCIATION[0], "it", {}, {"subnetId": ["private"], "routeTableId": ["table"]}),
    )


NAT_PER_AZ = StackRule(
    id="nat-per-az",
    title="Each subnet leaves through a NAT gateway in its own zone",
    why="When one gateway's zone is lost, the other zones lose their way out too.",
    severity=Severity.HIGH,
    on=ROUTE_TABLE_ASSOCIATION,
    keys=("natGatewayId", "subnetId", "routeTableId"),
    absent=Absent(means="the subnet has no way out through a NAT gateway", passes=True),
    fix="Keep Settings.single_nat_gateway=False.",
    controls={CHECKOV: ("CKV2_AWS_35",), WELL_ARCHITECTED: ("REL10-BP01",)},
    check=_same_zone_nat,
    passes=(_nat("a", "a"), _nat("a", "a", inline=True), _nat("a", "b", mode="regional")),
    fails=(_nat("a", "b"), _nat("a", "b", inline=True), _nat("a", "b", mode="zonal")),
    lacks=(
        _subnet("private", "a"),
        Node(ROUTE_TABLE[0], "table"),
        Node(ROUTE_TABLE_ASSOCIATION[0], "it", {}, {"subnetId": ["private"], "routeTableId": ["table"]}),
    ),
    unknown=_nat("a", UNKNOWN),
)

RULES = (DOCDB_MULTI_AZ, ALB_MULTI_AZ, SERVICE_MULTI_AZ, NAT_PER_AZ)
