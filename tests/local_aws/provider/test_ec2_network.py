"""VPCs, subnets, gateways and routes."""

from __future__ import annotations

import pytest

from prod_infra.local_aws.clients import Clients
from tests.local_aws.provider.lifecycle import Resource, made, run_lifecycle

VPC = "aws:ec2/vpc:Vpc"
SUBNET = "aws:ec2/subnet:Subnet"
GATEWAY = "aws:ec2/internetGateway:InternetGateway"
TABLE = "aws:ec2/routeTable:RouteTable"
ROUTE = "aws:ec2/route:Route"
ASSOCIATION = "aws:ec2/routeTableAssociation:RouteTableAssociation"
EIP = "aws:ec2/eip:Eip"
NAT = "aws:ec2/natGateway:NatGateway"
ENDPOINT = "aws:ec2/vpcEndpoint:VpcEndpoint"


@pytest.fixture
def vpc_id(clients: Clients) -> str:
    """A VPC, 10.1.0.0/16."""
    return made(clients, VPC, {"cidrBlock": "10.1.0.0/16"}).id


def subnet(clients: Clients, vpc_id: str, cidr: str = "10.1.1.0/24") -> str:
    """Return the ID of a new subnet."""
    return made(clients, SUBNET, {"vpcId": vpc_id, "cidrBlock": cidr, "availabilityZone": "eu-central-1a"}).id


def test_vpc(clients: Clients) -> None:
    """A VPC lives, and its attributes and tags change in place."""
    inputs = {"cidrBlock": "10.1.0.0/16", "enableDnsHostnames": True, "tags": {"Name": "prod", "Project": "p"}}
    state = run_lifecycle(
        clients, VPC, inputs, inputs | {"enableDnsHostnames": False}, inputs | {"tags": {"Name": "x"}}
    )
    assert state["arn"] == f"arn:aws:ec2:eu-central-1:123456789012:vpc/{state['id']}"
    assert state["tagsAll"] == {"Name": "x"}
    assert state["defaultSecurityGroupId"].startswith("sg-")
    assert state["mainRouteTableId"].startswith("rtb-")
    assert state["defaultNetworkAclId"].startswith("acl-")


def test_vpc_cidr_replaces(clients: Clients) -> None:
    """Another CIDR is another VPC."""
    vpc = made(clients, VPC, {"cidrBlock": "10.1.0.0/16"})
    vpc.check({"cidrBlock": "10.2.0.0/16"})
    assert vpc.diff().replaces == ["cidrBlock"]


def test_subnet(clients: Clients, vpc_id: str) -> None:
    """A subnet lives; its public-IP flag changes in place."""
    inputs = {"vpcId": vpc_id, "cidrBlock": "10.1.1.0/24", "availabilityZone": "eu-central-1b", "tags": {"Name": "b"}}
    state = run_lifecycle(clients, SUBNET, inputs, inputs | {"mapPublicIpOnLaunch": True}, inputs)
    assert state["availabilityZoneId"].startswith("euc1-az")
    assert state["mapPublicIpOnLaunch"] is False


def test_subnet_without_zone_is_not_moved(clients: Clients, vpc_id: str) -> None:
    """Where the program leaves the zone to AWS, AWS's choice is no change."""
    assert run_lifecycle(clients, SUBNET, {"vpcId": vpc_id, "cidrBlock": "10.1.9.0/24"})["availabilityZone"]


def test_internet_gateway(clients: Clients, vpc_id: str) -> None:
    """An internet gateway is attached, and its tags change in place."""
    state = run_lifecycle(clients, GATEWAY, {"vpcId": vpc_id, "tags": {"Name": "a"}}, {"vpcId": vpc_id})
    assert state["vpcId"] == vpc_id


def test_route_table_with_routes(clients: Clients, vpc_id: str) -> None:
    """Routes given with the table are created, exchanged and removed."""
    gateway = made(clients, GATEWAY, {"vpcId": vpc_id}).id
    inputs = {"vpcId": vpc_id, "tags": {"Name": "public"}}
    run_lifecycle(
        clients,
        TABLE,
        inputs | {"routes": [{"cidrBlock": "0.0.0.0/0", "gatewayId": gateway}]},
        inputs | {"routes": [{"cidrBlock": "192.0.2.0/24", "gatewayId": gateway}]},
        inputs | {"routes": []},
    )


def test_route_table_leaves_foreign_routes_alone(clients: Clients, vpc_id: str) -> None:
    """A table that says nothing of routes has no change when a Route resource adds one."""
    gateway = made(clients, GATEWAY, {"vpcId": vpc_id}).id
    table = made(clients, TABLE, {"vpcId": vpc_id})
    made(clients, ROUTE, {"routeTableId": table.id, "destinationCidrBlock": "0.0.0.0/0", "gatewayId": gateway})
    assert table.read() == table.state
    assert not table.diff().changes


def test_route(clients: Clients, vpc_id: str) -> None:
    """A route lives, and moves from one NAT gateway to another in place."""
    table = made(clients, TABLE, {"vpcId": vpc_id}).id
    place = subnet(clients, vpc_id)
    nat = [made(clients, NAT, {"subnetId": place, "allocationId": made(clients, EIP, {}).id}).id for _ in range(2)]
    inputs = {"routeTableId": table, "destinationCidrBlock": "0.0.0.0/0"}
    state = run_lifecycle(clients, ROUTE, inputs | {"natGatewayId": nat[0]}, inputs | {"natGatewayId": nat[1]})
    assert state["state"] == "active"
    assert state["id"] == f"r-{table}1080289494", "the same ID as pulumi-aws gives"


def test_route_needs_one_target(clients: Clients) -> None:
    """A route without a target, or with two, is refused before anything is created."""
    route = Resource(clients, ROUTE)
    assert (
        "exactly one target" in route.check({"routeTableId": "rtb-1", "destinationCidrBlock": "0.0.0.0/0"})["gatewayId"]
    )
    both = {"routeTableId": "rtb-1", "destinationCidrBlock": "0.0.0.0/0", "gatewayId": "igw-1", "natGatewayId": "nat-1"}
    assert "has 2" in route.check(both)["gatewayId"]


def test_route_table_association(clients: Clients, vpc_id: str) -> None:
    """An association lives; another table replaces it, old one first."""
    place = subnet(clients, vpc_id)
    tables = [made(clients, TABLE, {"vpcId": vpc_id}).id for _ in range(2)]
    run_lifecycle(clients, ASSOCIATION, {"subnetId": place, "routeTableId": tables[0]})
    association = made(clients, ASSOCIATION, {"subnetId": place, "routeTableId": tables[0]})
    association.check({"subnetId": place, "routeTableId": tables[1]})
    assert association.diff().replaces == ["routeTableId"]
    assert association.diff().delete_before_replace


def test_eip(clients: Clients) -> None:
    """An address lives; tags change in place."""
    state = run_lifecycle(
        clients, EIP, {"domain": "vpc", "tags": {"Name": "a"}}, {"domain": "vpc", "tags": {"Name": "b"}}
    )
    assert state["allocationId"] == state["id"]
    assert state["publicIp"]


def test_eip_taken_by_a_nat_gateway_has_no_change(clients: Clients, vpc_id: str) -> None:
    """What takes an address later is no drift of the address."""
    address = made(clients, EIP, {"domain": "vpc"})
    made(clients, NAT, {"subnetId": subnet(clients, vpc_id), "allocationId": address.id})
    assert address.read() == address.state


def test_nat_gateway(clients: Clients, vpc_id: str) -> None:
    """A NAT gateway lives with its address."""
    address = made(clients, EIP, {"domain": "vpc"})
    inputs = {"subnetId": subnet(clients, vpc_id), "allocationId": address.id, "tags": {"Name": "nat-a"}}
    state = run_lifecycle(clients, NAT, inputs, inputs | {"tags": {"Name": "nat-b"}})
    assert state["publicIp"] == address.state["publicIp"]
    assert state["connectivityType"] == "public"


def test_public_nat_gateway_needs_an_address(clients: Clients) -> None:
    """A public NAT gateway without an address is refused before anything is created."""
    assert "allocation ID" in Resource(clients, NAT).check({"subnetId": "subnet-1"})["allocationId"]


def test_gateway_endpoint(clients: Clients, vpc_id: str) -> None:
    """A gateway endpoint lives, moves to other tables, and its route is no drift of theirs."""
    tables = [made(clients, TABLE, {"vpcId": vpc_id}, name) for name in ("a", "b")]
    inputs = {"vpcId": vpc_id, "serviceName": "com.amazonaws.eu-central-1.s3", "tags": {"Name": "s3"}}
    endpoint = made(clients, ENDPOINT, inputs | {"routeTableIds": [tables[0].id]})
    assert tables[0].read() == tables[0].state
    endpoint.delete()
    state = run_lifecycle(
        clients,
        ENDPOINT,
        inputs | {"routeTableIds": [tables[0].id]},
        inputs | {"routeTableIds": [tables[1].id, tables[0].id]},
        inputs | {"routeTableIds": [tables[1].id]},
    )
    assert state["vpcEndpointType"] == "Gateway"
    assert state["prefixListId"].startswith("pl-")


def test_interface_endpoint(clients: Clients, vpc_id: str) -> None:
    """An interface endpoint lives; groups and policy change in place; the policy's text may differ in form."""
    group = made(clients, "aws:ec2/securityGroup:SecurityGroup", {"vpcId": vpc_id}).id
    inputs = {
        "vpcId": vpc_id,
        "serviceName": "com.amazonaws.eu-central-1.logs",
        "vpcEndpointType": "Interface",
        "privateDnsEnabled": True,
        "subnetIds": [subnet(clients, vpc_id), subnet(clients, vpc_id, "10.1.2.0/24")],
        "securityGroupIds": [group],
        "tags": {"Name": "logs"},
    }
    policy = (
        '{"Version": "2012-10-17",   "Statement": [{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}'
    )
    state = run_lifecycle(clients, ENDPOINT, inputs, inputs | {"policy": policy})
    assert state["dnsEntries"][0]["dnsName"]


def test_interface_endpoint_stands_behind_its_groups(clients: Clients, vpc_id: str) -> None:
    """Each network interface of an endpoint has the endpoint's groups, and not the VPC's default one."""
    groups = [made(clients, "aws:ec2/securityGroup:SecurityGroup", {"vpcId": vpc_id}, name).id for name in "ab"]
    inputs = {
        "vpcId": vpc_id,
        "serviceName": "com.amazonaws.eu-central-1.logs",
        "vpcEndpointType": "Interface",
        "subnetIds": [subnet(clients, vpc_id)],
        "securityGroupIds": groups[:1],
    }
    endpoint = made(clients, ENDPOINT, inputs)
    [interface] = endpoint.state["networkInterfaceIds"]

    def held() -> list[str]:
        [found] = clients("ec2").describe_network_interfaces(NetworkInterfaceIds=[interface])["NetworkInterfaces"]
        return [group["GroupId"] for group in found["Groups"]]

    assert held() == groups[:1]
    endpoint.check(inputs | {"securityGroupIds": groups[1:]})
    endpoint.update()
    assert held() == groups[1:]
