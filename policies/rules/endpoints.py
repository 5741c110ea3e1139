"""Interface endpoints: in every zone, behind a security group of their own."""

from __future__ import annotations

from collections.abc import Iterator

from pulumi_policy import PolicyResource

from policies.checks import Props, present, satisfies, unless
from policies.documents import allows, document, listed, narrowed
from policies.graph import Stack, known
from policies.rule import UNKNOWN, WELL_ARCHITECTED, Absent, Example, Node, ResourceRule, Severity, StackRule
from policies.rules.identity import DEFERRED
from policies.tokens import SUBNET, VPC_ENDPOINT

MIN_ZONES = 2


def _endpoint_zones(endpoint: PolicyResource, stack: Stack) -> Iterator[str]:
    if known(endpoint, "vpcEndpointType") != "Interface":
        return
    if "subnetIds" not in endpoint.property_dependencies and not known(endpoint, "subnetIds"):
        yield f"subnetIds is absent; it must name subnets in at least {MIN_ZONES} availability zones"
    elif len(stack.zones(endpoint, "subnetIds", SUBNET)) < MIN_ZONES:
        yield f"subnetIds lie in one availability zone; they must lie in at least {MIN_ZONES}"


def _interface(zones: str) -> Example:
    subnets = tuple(Node(SUBNET[0], f"s{zone}", {"availabilityZone": zone}) for zone in zones)
    uses = {"subnetIds": [subnet.name for subnet in subnets]}
    return (*subnets, Node(VPC_ENDPOINT[0], "it", {"vpcEndpointType": "Interface", "subnetIds": UNKNOWN}, uses))


ENDPOINT_MULTI_AZ = StackRule(
    id="vpc-endpoint-multi-az",
    title=f"An interface endpoint stands in at least {MIN_ZONES} zones",
    why="A lost zone would take every secret, log and image with it.",
    severity=Severity.HIGH,
    on=VPC_ENDPOINT,
    keys=("subnetIds", "vpcEndpointType"),
    absent=Absent(means="AWS makes it in no subnet, and nobody can reach it"),
    fix="Give prod_infra.network.vpc_endpoints the private subnets of every zone.",
    controls={WELL_ARCHITECTED: ("REL10-BP01",)},
    check=_endpoint_zones,
    passes=(_interface("ab"), (Node(VPC_ENDPOINT[0], "s3", {"vpcEndpointType": "Gateway"}),)),
    fails=(_interface("a"),),
    lacks=(Node(VPC_ENDPOINT[0], "it", {"vpcEndpointType": "Interface"}),),
    unknown=(Node(VPC_ENDPOINT[0], "it", {"vpcEndpointType": "Interface", "subnetIds": ["subnet-1"]}),),
)

ENDPOINT_OWN_GROUP = ResourceRule(
    id="vpc-endpoint-own-security-group",
    title="An interface endpoint has a security group of its own",
    why="Without one it lands in the VPC's default group, which admits nobody, or everybody.",
    severity=Severity.MEDIUM,
    on=VPC_ENDPOINT,
    keys=("securityGroupIds", "vpcEndpointType"),
    absent=Absent(means="AWS puts it into the VPC's default group"),
    fix="Leave the group to prod_infra.network.vpc_endpoints.",
    controls={WELL_ARCHITECTED: ("SEC05-BP02",)},
    check=unless(
        "vpcEndpointType",
        ("Gateway", "GatewayLoadBalancer"),
        satisfies("securityGroupIds", lambda groups: len(groups) > 0, "name a security group"),
    ),
    passes=({"vpcEndpointType": "Interface", "securityGroupIds": ["sg-1"]}, {"vpcEndpointType": "Gateway"}),
    fails=({"securityGroupIds": []},),
)


def _unbounded(props: Props) -> Iterator[str]:
    yield from present("policy")(props)
    yield from allows(
        lambda statement: "*" in listed(statement.get("Action")) and not narrowed(statement),
        "lets everyone do everything; it must have a condition on the account",
    )(props)


ENDPOINT_POLICY = ResourceRule(
    id="vpc-endpoint-policy",
    title="An endpoint lets through what concerns the account, and nothing else",
    why="An intruder could send the data to a bucket of his own, by our own endpoint.",
    severity=Severity.MEDIUM,
    on=VPC_ENDPOINT,
    keys=("policy",),
    absent=Absent(means="AWS lets everything through"),
    deferred=DEFERRED,
    fix="Leave the policies to prod_infra.network.vpc_endpoints.",
    controls={WELL_ARCHITECTED: ("SEC03-BP05", "SEC05-BP02")},
    check=_unbounded,
    passes=(
        document(Principal="*", Action="*", Condition={"StringEquals": {"aws:PrincipalAccount": "123456789012"}}),
        document(Principal="*", Resource="arn:aws:s3:::prod-eu-central-1-starport-layer-bucket/*"),
    ),
    fails=(document(Principal="*", Action="*"), {"policy": ""}),
)

RULES = (ENDPOINT_MULTI_AZ, ENDPOINT_OWN_GROUP, ENDPOINT_POLICY)
