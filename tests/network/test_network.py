"""Ways in and out of the network, as the whole environment registers them."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, given
from hypothesis import settings as profile

from prod_infra.properties import plain
from prod_infra.settings import Settings
from tests.recording import Recording, production, record_environment
from tests.strategies import settings as any_settings

patient = profile(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""Each example is a whole environment."""


def _environment(settings: Settings) -> Recording:
    return record_environment(**settings.model_dump())


@given(any_settings())
@patient
def test_private_tables_leave_through_their_own_zone(settings: Settings) -> None:
    """Each private route table's way out is its own zone's NAT gateway, or the single one's if that was asked for."""
    found = _environment(settings)
    routes = [route for route in found.of("ec2/route:Route") if "natGatewayId" in route.inputs]
    gateways = {route.name: found.targets(route, "natGatewayId") for route in routes}
    zones = settings.availability_zones
    home = {zone: zones[0] if settings.single_nat_gateway else zone for zone in zones}
    assert gateways == {f"prod-nat-{zone}": [f"prod-nat-{home[zone]}"] for zone in zones}
    assert {found.targets(route, "routeTableId")[0] for route in routes} == {
        f"prod-vpc-private-{zone}" for zone in zones
    }


@given(any_settings())
@patient
def test_only_cloudfront_and_our_own_addresses_get_in(settings: Settings) -> None:
    """No group admits the world: sources are the CloudFront list, a NAT gateway's address or another group."""
    found = _environment(settings)
    for rule in found.of("vpc/securityGroupIngressRule:SecurityGroupIngressRule"):
        sources = {"prefixListId", "referencedSecurityGroupId", "cidrIpv4"} & rule.inputs.keys()
        assert len(sources) == 1
        if "cidrIpv4" in sources:
            assert plain(rule.inputs)["fromPort"] == settings.test_listener_port
            assert {name.partition("-nat-")[1] for name in found.targets(rule, "cidrIpv4")} == {"-nat-"}


def _ports(found: Recording) -> dict[str, Any]:
    rules = found.of("vpc/securityGroupIngressRule:SecurityGroupIngressRule")
    return {rule.name: plain(rule.inputs)["fromPort"] for rule in rules}


def test_port_80_is_closed_by_default() -> None:
    """With `enable_http=False` no group admits port 80."""
    assert 80 not in _ports(production()).values()


def test_port_80_has_a_group_of_its_own() -> None:
    """With `enable_http=True` the load balancer gets a second group, as the CloudFront list nearly fills one."""
    found = record_environment(enable_http=True)
    assert _ports(found)["prod-sg-alb-http"] == 80
    assert found.targets(found.named("lb/loadBalancer:LoadBalancer"), "securityGroups") == [
        "prod-sg-alb",
        "prod-sg-alb-http",
    ]


def test_the_chain_names_its_neighbours() -> None:
    """The load balancer reaches tasks alone, tasks reach the database, and the database reaches nothing."""
    found = production()
    rules = found.of("vpc/securityGroupEgressRule:SecurityGroupEgressRule")
    ways = {
        (found.targets(rule, "securityGroupId")[0], *found.targets(rule, "referencedSecurityGroupId"))
        for rule in rules
        if "referencedSecurityGroupId" in rule.inputs
    }
    assert ways == {
        ("prod-sg-alb", "prod-sg-tasks"),
        ("prod-sg-tasks", "prod-sg-database"),
        ("prod-sg-tasks", "prod-endpoints"),
    }
    others = [rule for rule in rules if "referencedSecurityGroupId" not in rule.inputs]
    assert {found.targets(rule, "securityGroupId")[0] for rule in others} == {"prod-sg-tasks"}
    assert {plain(rule.inputs)["fromPort"] for rule in others} == {443}


def test_rules_are_never_inline() -> None:
    """Groups hold no rules of their own, and the default group is emptied."""
    found = production()
    groups = [*found.of("ec2/securityGroup:SecurityGroup"), *found.of("ec2/defaultSecurityGroup:DefaultSecurityGroup")]
    assert len(groups) == 5
    assert not any({"ingress", "egress"} & group.inputs.keys() for group in groups)


def test_subnets_hand_out_no_public_address() -> None:
    """Neither public nor private subnets give an address of the internet by themselves."""
    subnets = production().of("ec2/subnet:Subnet")
    assert [plain(subnet.inputs)["mapPublicIpOnLaunch"] for subnet in subnets] == [False] * 4


def test_every_subnet_has_a_table_of_its_own() -> None:
    """One route table a subnet."""
    found = production()
    pairs = [
        (found.targets(item, "subnetId"), found.targets(item, "routeTableId"))
        for item in found.of("ec2/routeTableAssociation:RouteTableAssociation")
    ]
    assert sorted(subnet for [subnet], _ in pairs) == sorted(table for _, [table] in pairs)
    assert len(pairs) == 4


def test_tasks_reach_aws_without_the_internet() -> None:
    """S3 has a gateway endpoint, and logs, images and secrets have interface endpoints with private names."""
    found = production()
    endpoints = {
        plain(item.inputs)["serviceName"]: plain(item.inputs) for item in found.of("ec2/vpcEndpoint:VpcEndpoint")
    }
    services = {name.removeprefix("com.amazonaws.eu-central-1."): item for name, item in endpoints.items()}
    assert services.pop("s3")["vpcEndpointType"] == "Gateway"
    assert services.keys() == {"logs", "ecr.api", "ecr.dkr", "secretsmanager"}
    assert all(item["privateDnsEnabled"] for item in services.values())


def test_access_lists_admit_what_the_tiers_need() -> None:
    """The private tier takes requests, queries and answers; neither tier opens shells or desktops to the world."""
    tiers = {item.name: plain(item.inputs) for item in production().of("ec2/networkAcl:NetworkAcl")}
    assert tiers.keys() == {"prod-acl-public", "prod-acl-private"}
    private = {(rule["cidrBlock"], rule["fromPort"]) for rule in tiers["prod-acl-private"]["ingress"]}
    assert {("10.1.0.0/16", 8080), ("10.1.0.0/16", 27017), ("10.1.0.0/16", 443), ("0.0.0.0/0", 32768)} == private
    for tier in tiers.values():
        for rule in tier["ingress"]:
            open_ports = range(rule["fromPort"], rule["toPort"] + 1) if rule["cidrBlock"] == "0.0.0.0/0" else ()
            assert not {22, 3389} & set(open_ports)
        for side in ("ingress", "egress"):
            numbers = [rule["ruleNo"] for rule in tier[side]]
            assert len(numbers) == len(set(numbers))


def test_the_list_of_birth_is_emptied_last() -> None:
    """A subnet that nobody placed reaches nothing, and no subnet of ours passes through that on its way."""
    emptied = production().named("ec2/defaultNetworkAcl:DefaultNetworkAcl")
    assert not {"ingress", "egress"} & emptied.inputs.keys()
    assert production().targets(emptied, "defaultNetworkAclId") == ["prod-vpc"]
    needs = {urn.rpartition("::")[2] for urn in emptied.dependencies}
    assert {"prod-acl-public", "prod-acl-private"} <= needs


def test_endpoints_serve_this_account_alone() -> None:
    """Who brings keys of another account gets through no endpoint; ECR's links to image layers do."""
    for endpoint in production().of("ec2/vpcEndpoint:VpcEndpoint"):
        own, *others = json.loads(plain(endpoint.inputs)["policy"])["Statement"]
        assert own["Condition"] == {"StringEquals": {"aws:PrincipalAccount": "123456789012"}}
        layers = "arn:aws:s3:::prod-eu-central-1-starport-layer-bucket/*"
        allowed = [("s3:GetObject", layers)] if endpoint.name.endswith("-s3") else []
        assert [(item["Action"], item["Resource"]) for item in others] == allowed
