"""A VPC as a team may have it already, in plain pulumi_aws: a public and a private subnet in each of two zones."""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

CIDR = "10.20.0.0/16"
ZONES = ("eu-central-1a", "eu-central-1b")


@dataclass(frozen=True)
class Network:
    """What the components want to know of the VPC; mappings are by zone."""

    vpc: aws.ec2.Vpc
    internet_gateway: aws.ec2.InternetGateway
    public_subnet_ids: dict[str, pulumi.Output[str]]
    private_subnet_ids: dict[str, pulumi.Output[str]]
    private_route_table_ids: dict[str, pulumi.Output[str]]


def network() -> Network:
    """Make the VPC."""
    vpc = aws.ec2.Vpc("team", cidr_block=CIDR, enable_dns_support=True, enable_dns_hostnames=True)
    aws.ec2.DefaultSecurityGroup("team-default", vpc_id=vpc.id)
    gateway = aws.ec2.InternetGateway("team", vpc_id=vpc.id)
    made = Network(vpc, gateway, {}, {}, {})
    for number, zone in enumerate(ZONES):
        public, table = _subnet(vpc, f"team-public-{zone}", zone, f"10.20.{number}.0/24")
        aws.ec2.Route(
            f"team-public-{zone}", route_table_id=table.id, destination_cidr_block="0.0.0.0/0", gateway_id=gateway.id
        )
        private, private_table = _subnet(vpc, f"team-private-{zone}", zone, f"10.20.{number + 10}.0/24")
        made.public_subnet_ids[zone] = public.id
        made.private_subnet_ids[zone] = private.id
        made.private_route_table_ids[zone] = private_table.id
    return made


def _subnet(vpc: aws.ec2.Vpc, name: str, zone: str, cidr: str) -> tuple[aws.ec2.Subnet, aws.ec2.RouteTable]:
    subnet = aws.ec2.Subnet(name, vpc_id=vpc.id, availability_zone=zone, cidr_block=cidr, map_public_ip_on_launch=False)
    table = aws.ec2.RouteTable(name, vpc_id=vpc.id)
    aws.ec2.RouteTableAssociation(name, subnet_id=subnet.id, route_table_id=table.id)
    return subnet, table
