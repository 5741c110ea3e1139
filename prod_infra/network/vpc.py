"""The VPC: public and private subnets in each availability zone, one route table a subnet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from prod_infra.component import Component, ComponentArgs
from prod_infra.network.plan import plan_subnets

ANYWHERE = "0.0.0.0/0"


@dataclass(frozen=True, kw_only=True)
class VpcArgs(ComponentArgs):
    """Arguments of `Vpc`.

    Attributes:
        vpc_cidr: private IPv4 block, /16 to /23.
        availability_zones: names such as `eu-central-1a`; each gets a public and a private subnet.
    """

    vpc_cidr: str
    availability_zones: Sequence[str]


class Vpc(Component):
    """A VPC with an internet gateway and, in each zone, a public and a private subnet with a route table of its own.

    No subnet hands out public addresses by itself. Private tables have no way out until `Nat` gives them one. The
    default security group is emptied, so that what is placed into it by mistake reaches nothing (FSBP EC2.2).

    Attributes:
        vpc_id: the VPC's ID.
        default_acl_id: the network access list that AWS gave it at birth.
        internet_gateway: the gateway, for what AWS makes only once it is attached.
        public_subnet_ids: subnet ID by zone name.
        private_subnet_ids: subnet ID by zone name.
        private_route_table_ids: route table ID by zone name.
    """

    pulumi_type = "prod_infra:network:Vpc"

    vpc_id: pulumi.Output[str]
    default_acl_id: pulumi.Output[str]
    internet_gateway: aws.ec2.InternetGateway
    public_subnet_ids: dict[str, pulumi.Output[str]]
    private_subnet_ids: dict[str, pulumi.Output[str]]
    private_route_table_ids: dict[str, pulumi.Output[str]]

    def __init__(self, name: str, args: VpcArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args, opts)
        vpc = aws.ec2.Vpc(
            name,
            cidr_block=args.vpc_cidr,
            enable_dns_support=True,
            enable_dns_hostnames=True,
            tags=self._tags(name),
            opts=self._child(),
        )
        aws.ec2.DefaultSecurityGroup(
            f"{name}-default", vpc_id=vpc.id, tags=self._tags(f"{name}-default"), opts=self._child()
        )
        self.vpc_id = vpc.id
        self.default_acl_id = vpc.default_network_acl_id
        self.internet_gateway = aws.ec2.InternetGateway(
            f"{name}-igw", vpc_id=vpc.id, tags=self._tags(f"{name}-igw"), opts=self._child()
        )
        self.public_subnet_ids = {}
        self.private_subnet_ids = {}
        self.private_route_table_ids = {}
        for zone, plan in plan_subnets(args.vpc_cidr, args.availability_zones).items():
            public_table = self._subnet(f"{name}-public-{zone}", zone, plan.public, self.public_subnet_ids)
            aws.ec2.Route(
                f"{name}-public-{zone}-internet",
                route_table_id=public_table,
                destination_cidr_block=ANYWHERE,
                gateway_id=self.internet_gateway.id,
                opts=self._child(),
            )
            self.private_route_table_ids[zone] = self._subnet(
                f"{name}-private-{zone}", zone, plan.private, self.private_subnet_ids
            )
        self.register_outputs(
            {
                "vpcId": self.vpc_id,
                "publicSubnetIds": self.public_subnet_ids,
                "privateSubnetIds": self.private_subnet_ids,
            }
        )

    def _subnet(self, name: str, zone: str, cidr: str, ids: dict[str, pulumi.Output[str]]) -> pulumi.Output[str]:
        """Make a subnet and its route table, note the subnet's ID by zone, and return the table's."""
        subnet = aws.ec2.Subnet(
            name,
            vpc_id=self.vpc_id,
            availability_zone=zone,
            cidr_block=cidr,
            map_public_ip_on_launch=False,
            tags=self._tags(name),
            opts=self._child(),
        )
        table = aws.ec2.RouteTable(name, vpc_id=self.vpc_id, tags=self._tags(name), opts=self._child())
        aws.ec2.RouteTableAssociation(name, subnet_id=subnet.id, route_table_id=table.id, opts=self._child())
        ids[zone] = subnet.id
        return table.id
