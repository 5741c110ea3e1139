"""What to draw: the resources that carry traffic, where they stand, and who may call whom.

Everything is read from registrations: the zone from the subnets that a resource depends on, the flows from the security
group rules, origins from the distribution's dependencies. Nothing here knows this project's own program.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from prod_infra.deployment.program.registration import Registration
from prod_infra.properties import plain

EDGE, PUBLIC, PRIVATE, DATA, REGION = "edge", "public", "private", "data", "region"
TIERS: Final = {
    EDGE: "Edge (CloudFront)",
    PUBLIC: "Public subnets",
    PRIVATE: "Private subnets",
    DATA: "Data (private subnets)",
    REGION: "Regional services",
}
"""Tiers from the outside in, with their titles."""

BUCKET: Final = "aws:s3/bucket:Bucket"
DRAWN: Final = {
    "aws:cloudfront/distribution:Distribution": ("CloudFront distribution", EDGE),
    BUCKET: ("S3 bucket", EDGE),
    "aws:lb/loadBalancer:LoadBalancer": ("Application Load Balancer", PUBLIC),
    "aws:ec2/natGateway:NatGateway": ("NAT gateway", PUBLIC),
    "aws:ecs/service:Service": ("ECS Fargate service", PRIVATE),
    "aws:ec2/vpcEndpoint:VpcEndpoint": ("VPC endpoint", PRIVATE),
    "aws:docdb/clusterInstance:ClusterInstance": ("DocumentDB instance", DATA),
    "aws:ecr/repository:Repository": ("ECR repository", REGION),
    "aws:secretsmanager/secret:Secret": ("Secrets Manager secret", REGION),
    "aws:codedeploy/deploymentGroup:DeploymentGroup": ("CodeDeploy group", REGION),
    "aws:appautoscaling/target:Target": ("Auto Scaling target", REGION),
    "aws:acm/certificate:Certificate": ("ACM certificate", REGION),
}
"""Type tokens that stand in the picture: title and tier."""

SERVICE, ROUTE_TABLE = "aws:ecs/service:Service", "aws:ec2/routeTable:RouteTable"
SUBNET, VPC = "aws:ec2/subnet:Subnet", "aws:ec2/vpc:Vpc"
GROUP, INGRESS = "aws:ec2/securityGroup:SecurityGroup", "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"


@dataclass(frozen=True, kw_only=True)
class Node:
    """One resource in the picture.

    Attributes:
        zones: availability zones that it stands in; empty for what is regional or global.
        detail: a second line, such as a CIDR or a service name.
    """

    urn: str
    name: str
    title: str
    tier: str
    zones: tuple[str, ...] = ()
    detail: str = ""


@dataclass(frozen=True, kw_only=True)
class Edge:
    """Traffic that is allowed from one node to another; `label` is the port."""

    source: str
    target: str
    label: str = ""


@dataclass(frozen=True, kw_only=True)
class Picture:
    """Everything to draw, in the order in which the program registers it."""

    vpc_cidr: str
    zones: tuple[str, ...]
    subnets: tuple[tuple[str, str, str], ...]
    """Availability zone, tier and CIDR of each subnet."""
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]


class _Reader:
    """Looks registrations up by URN and follows their dependencies."""

    def __init__(self, registrations: Sequence[Registration]) -> None:
        self.all = registrations
        self.by_urn = {found.urn: found for found in registrations}

    def of_type(self, *tokens: str) -> list[Registration]:
        return [found for found in self.all if found.type in tokens]

    def reached(self, found: Registration, token: str, properties: Iterable[str] | None = None) -> list[Registration]:
        """Return the resources of a type that these properties (all, if left out) depend on."""
        names = found.property_dependencies if properties is None else properties
        urns = dict.fromkeys(urn for name in names for urn in found.property_dependencies.get(name, ()))
        return [self.by_urn[urn] for urn in urns if urn in self.by_urn and self.by_urn[urn].type == token]

    def subnets(self, found: Registration) -> list[Registration]:
        return self.reached(found, SUBNET)

    def zones(self, found: Registration) -> tuple[str, ...]:
        own = plain(found.inputs).get("availabilityZone")
        if isinstance(own, str):
            return (own,)
        zones = [str(plain(subnet.inputs).get("availabilityZone")) for subnet in self.subnets(found)]
        return tuple(dict.fromkeys(zones))


def _tier(reader: _Reader, found: Registration) -> str:
    """Return where a resource stands; a bucket that no distribution reads is a regional service like any other."""
    tier = DRAWN[found.type][1]
    if found.type != BUCKET:
        return tier
    distributions = reader.of_type("aws:cloudfront/distribution:Distribution")
    return tier if any(found in reader.reached(front, BUCKET) for front in distributions) else REGION


def _detail(found: Registration) -> str:
    inputs = plain(found.inputs)
    if found.type.endswith(":VpcEndpoint"):
        return str(inputs.get("serviceName", "")).rsplit("amazonaws.", 1)[-1].split(".", 1)[-1]
    if found.type.endswith(":Target"):
        return f"{inputs.get('minCapacity')} to {inputs.get('maxCapacity')} tasks"
    if found.type.endswith(":Certificate"):
        return str(inputs.get("region") or "regional")
    name = inputs.get("name")
    return name if isinstance(name, str) else ""


def _flows(reader: _Reader, nodes: Sequence[Registration]) -> list[Edge]:
    """Return who may call whom, from the ingress rules between security groups."""
    members: dict[str, list[Registration]] = {}
    for node in nodes:
        for group in reader.reached(node, GROUP):
            members.setdefault(group.urn, []).append(node)
    edges: list[Edge] = []
    distributions = reader.of_type("aws:cloudfront/distribution:Distribution")
    for rule in reader.of_type(INGRESS):
        inputs = plain(rule.inputs)
        admitting = reader.reached(rule, GROUP, ["securityGroupId"])
        callers = [
            m for g in reader.reached(rule, GROUP, ["referencedSecurityGroupId"]) for m in members.get(g.urn, [])
        ]
        if "prefixListId" in inputs:
            callers = distributions
        edges += [
            Edge(source=caller.urn, target=node.urn, label=str(inputs.get("toPort", "")))
            for group in admitting
            for node in members.get(group.urn, [])
            for caller in callers
        ]
    for distribution in distributions:
        edges += [
            Edge(source=distribution.urn, target=bucket.urn, label="OAC")
            for bucket in reader.reached(distribution, BUCKET)
        ]
    return list(dict.fromkeys(edges))


def _egress(reader: _Reader, nodes: Sequence[Registration]) -> list[Edge]:
    """Return which NAT gateways the services' subnets send their traffic through."""
    edges: list[Edge] = []
    for route in reader.of_type("aws:ec2/route:Route"):
        for gateway in reader.reached(route, "aws:ec2/natGateway:NatGateway"):
            tables = reader.reached(route, ROUTE_TABLE)
            subnets = {
                subnet.urn
                for association in reader.of_type("aws:ec2/routeTableAssociation:RouteTableAssociation")
                if any(table in tables for table in reader.reached(association, ROUTE_TABLE))
                for subnet in reader.subnets(association)
            }
            edges += [
                Edge(source=node.urn, target=gateway.urn, label="egress")
                for node in nodes
                if node.type == SERVICE and any(subnet.urn in subnets for subnet in reader.subnets(node))
            ]
    return list(dict.fromkeys(edges))


def picture(registrations: Sequence[Registration]) -> Picture:
    """Return what to draw of the environment that these registrations make."""
    reader = _Reader(registrations)
    drawn = [found for found in registrations if found.type in DRAWN]
    subnets = reader.of_type(SUBNET)
    gateways = {s.urn for nat in reader.of_type("aws:ec2/natGateway:NatGateway") for s in reader.subnets(nat)}
    balancers = {s.urn for lb in reader.of_type("aws:lb/loadBalancer:LoadBalancer") for s in reader.subnets(lb)}
    public = gateways | balancers
    # Instances of one cluster share its security groups, which only the cluster names.
    flowing = [*drawn, *reader.of_type("aws:docdb/cluster:Cluster")]
    clusters = {
        cluster.urn: [i.urn for i in drawn if i in _instances(reader, cluster)]
        for cluster in reader.of_type("aws:docdb/cluster:Cluster")
    }
    edges = [
        Edge(source=edge.source, target=target, label=edge.label)
        for edge in _flows(reader, flowing)
        for target in clusters.get(edge.target, [edge.target])
    ]
    return Picture(
        vpc_cidr=next((str(plain(vpc.inputs).get("cidrBlock", "")) for vpc in reader.of_type(VPC)), ""),
        zones=tuple(sorted({zone for subnet in subnets for zone in reader.zones(subnet)})),
        subnets=tuple(
            (zone, PUBLIC if subnet.urn in public else PRIVATE, str(plain(subnet.inputs).get("cidrBlock", "")))
            for subnet in subnets
            for zone in reader.zones(subnet)
        ),
        nodes=tuple(
            Node(
                urn=found.urn,
                name=found.name,
                title=DRAWN[found.type][0],
                tier=_tier(reader, found),
                zones=reader.zones(found),
                detail=_detail(found),
            )
            for found in drawn
        ),
        edges=(*edges, *_egress(reader, drawn)),
    )


def _instances(reader: _Reader, cluster: Registration) -> list[Registration]:
    instances = reader.of_type("aws:docdb/clusterInstance:ClusterInstance")
    return [found for found in instances if cluster in reader.reached(found, cluster.type)]
