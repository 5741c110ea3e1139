"""NAT gateways: the private subnets' way out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from prod_infra.component import Component, ComponentArgs
from prod_infra.network.vpc import ANYWHERE


@dataclass(frozen=True, kw_only=True)
class NatArgs(ComponentArgs):
    """Arguments of `Nat`.

    Attributes:
        public_subnet_ids: subnet ID by zone name.
        private_route_table_ids: route table ID by zone name; the same zones.
        single_nat_gateway: one gateway, in the first zone, for all zones: cheaper, and lost with that zone.
        internet_gateway: AWS makes a NAT gateway only once this is attached to the VPC.
    """

    public_subnet_ids: Mapping[str, pulumi.Input[str]]
    private_route_table_ids: Mapping[str, pulumi.Input[str]]
    single_nat_gateway: bool = False
    internet_gateway: pulumi.Resource


class Nat(Component):
    """A NAT gateway in each public subnet; each private route table leaves through its own zone's.

    Attributes:
        public_ips: fixed public address by name of the zone that has a gateway: where the environment's traffic
            comes from.
        gateway_ids: gateway ID by name of the same zones.
    """

    pulumi_type = "prod_infra:network:Nat"

    public_ips: dict[str, pulumi.Output[str]]
    gateway_ids: dict[str, pulumi.Output[str]]

    def __init__(self, name: str, args: NatArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args, opts)
        zones = list(args.private_route_table_ids)
        gateway_zones = zones[:1] if args.single_nat_gateway else zones
        gateways: dict[str, aws.ec2.NatGateway] = {}
        self.public_ips = {}
        for zone in gateway_zones:
            address = aws.ec2.Eip(f"{name}-{zone}", domain="vpc", tags=self._tags(f"{name}-{zone}"), opts=self._child())
            gateways[zone] = aws.ec2.NatGateway(
                f"{name}-{zone}",
                subnet_id=args.public_subnet_ids[zone],
                allocation_id=address.id,
                tags=self._tags(f"{name}-{zone}"),
                opts=self._child(depends_on=[args.internet_gateway]),
            )
            self.public_ips[zone] = address.public_ip
        self.gateway_ids = {zone: gateway.id for zone, gateway in gateways.items()}
        for zone in zones:
            aws.ec2.Route(
                f"{name}-{zone}",
                route_table_id=args.private_route_table_ids[zone],
                destination_cidr_block=ANYWHERE,
                nat_gateway_id=gateways[gateway_zones[0] if args.single_nat_gateway else zone].id,
                opts=self._child(),
            )
        self.register_outputs({"publicIps": self.public_ips})
