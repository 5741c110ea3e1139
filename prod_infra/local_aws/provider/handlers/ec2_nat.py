"""Elastic IP addresses and the NAT gateways that use them."""

from __future__ import annotations

from typing import Any

from prod_infra.errors import ProdInfraError
from prod_infra.local_aws import ACCOUNT_ID
from prod_infra.local_aws.provider.handlers.common import absent_is_fine, compact, tag_state, tags_of, wait_until
from prod_infra.local_aws.provider.handlers.ec2_common import Ec2Handler, filters, one_with_tags
from prod_infra.properties import Props


class Eip(Ec2Handler):
    """An Elastic IP address in a VPC."""

    token = "aws:ec2/eip:Eip"
    kind = "elastic-ip"
    not_found = "InvalidAllocationID.NotFound"
    inputs = frozenset({"domain", "tags"})
    replace_on = frozenset({"domain"})
    # What it is associated with is left out: the NAT gateway that takes it later would look like drift.
    outputs = frozenset({"allocationId", "arn", "domain", "publicDns", "publicIp", "tagsAll"})

    def create(self, inputs: Props) -> str:
        """Allocate the address."""
        answer = self.clients("ec2").allocate_address(
            Domain=inputs.get("domain") or "vpc", **self.tag_specification(inputs)
        )
        return str(answer["AllocationId"])

    def read(self, resource_id: str, state: Props) -> Props | None:
        """Return the address."""
        del state
        address = self.describe("describe_addresses", "Addresses", "AllocationIds", resource_id)
        if address is None:
            return None
        region = self.clients.region
        # https://docs.aws.amazon.com/vpc/latest/userguide/vpc-dns.html#vpc-dns-hostnames
        zone = "compute-1" if region == "us-east-1" else f"{region}.compute"
        return {
            "domain": address["Domain"],
            "allocationId": resource_id,
            "arn": f"arn:aws:ec2:{region}:{ACCOUNT_ID}:elastic-ip/{resource_id}",
            "publicDns": f"ec2-{address['PublicIp'].replace('.', '-')}.{zone}.amazonaws.com",
            "publicIp": address["PublicIp"],
            **tag_state(tags_of(address.get("Tags"))),
        }

    def find(self, inputs: Props) -> str | None:
        """Return the address with these tags, if they are any: addresses have no other mark."""
        if not inputs.get("tags"):
            return None
        return one_with_tags(self.clients("ec2").describe_addresses()["Addresses"], "AllocationId", inputs["tags"])

    def update(self, resource_id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Set the tags."""
        del changed
        self.update_tags(resource_id, old, new)

    def delete(self, resource_id: str, state: Props) -> None:
        """Release the address."""
        del state
        with absent_is_fine(self.not_found):
            self.clients("ec2").release_address(AllocationId=resource_id)


class NatGateway(Ec2Handler):
    """A NAT gateway in one subnet."""

    token = "aws:ec2/natGateway:NatGateway"
    kind = "natgateway"
    not_found = "NatGatewayNotFound"
    inputs = frozenset({"allocationId", "connectivityType", "privateIp", "subnetId", "tags"})
    replace_on = frozenset({"allocationId", "connectivityType", "privateIp", "subnetId"})
    defaults = {"connectivityType": "public"}
    outputs = frozenset({"associationId", "networkInterfaceId", "privateIp", "publicIp", "tagsAll"})

    def faults(self, inputs: Props) -> dict[str, str]:
        """A public gateway needs an address, a private one takes none."""
        kind, address = inputs.get("connectivityType"), inputs.get("allocationId")
        if kind == "public" and not address:
            return {"allocationId": "a public NAT gateway needs the allocation ID of an Elastic IP address"}
        if kind == "private" and address:
            return {"allocationId": "a private NAT gateway takes no Elastic IP address"}
        return {}

    def create(self, inputs: Props) -> str:
        """Create the gateway and wait until it is available."""
        answer = self.clients("ec2").create_nat_gateway(
            **compact(
                {
                    "SubnetId": inputs["subnetId"],
                    "AllocationId": inputs.get("allocationId"),
                    "ConnectivityType": inputs.get("connectivityType"),
                    "PrivateIpAddress": inputs.get("privateIp"),
                }
            ),
            **self.tag_specification(inputs),
        )
        gateway_id = self.made(answer["NatGateway"]["NatGatewayId"])
        self.complete(gateway_id, inputs)
        return gateway_id

    def complete(self, resource_id: str, inputs: Props) -> None:
        """Wait until the gateway is available."""
        del inputs

        def available() -> bool:
            gateway = self._described(resource_id) or {}
            if gateway.get("State") == "failed":
                raise ProdInfraError(
                    f"NAT gateway {resource_id} failed: {gateway.get('FailureMessage', 'no reason given')}"
                )
            return gateway.get("State") == "available"

        wait_until(f"NAT gateway {resource_id} is available", available)

    def _described(self, resource_id: str) -> dict[str, Any] | None:
        gateway = self.describe("describe_nat_gateways", "NatGateways", "NatGatewayIds", resource_id)
        # AWS shows a deleted gateway for about an hour.
        return dict(gateway) if gateway and gateway["State"] != "deleted" else None

    def read(self, resource_id: str, state: Props) -> Props | None:
        """Return the gateway with its first address."""
        del state
        gateway = self._described(resource_id)
        if gateway is None or gateway["State"] == "deleting":
            return None
        address = (gateway.get("NatGatewayAddresses") or [{}])[0]
        return {
            "allocationId": address.get("AllocationId"),
            "connectivityType": gateway.get("ConnectivityType", "public"),
            "privateIp": address.get("PrivateIp"),
            "subnetId": gateway["SubnetId"],
            "associationId": address.get("AssociationId"),
            "networkInterfaceId": address.get("NetworkInterfaceId"),
            "publicIp": address.get("PublicIp"),
            **tag_state(tags_of(gateway.get("Tags"))),
        }

    def find(self, inputs: Props) -> str | None:
        """Return the living gateway in this subnet with these tags."""
        answer = self.clients("ec2").describe_nat_gateways(
            Filters=[*filters(subnet_id=inputs["subnetId"]), {"Name": "state", "Values": ["pending", "available"]}]
        )
        return one_with_tags(answer["NatGateways"], "NatGatewayId", inputs.get("tags"))

    def update(self, resource_id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Set the tags."""
        del changed
        self.update_tags(resource_id, old, new)

    def delete(self, resource_id: str, state: Props) -> None:
        """Delete the gateway and wait, for its address and subnet are free only then."""
        del state
        with absent_is_fine(self.not_found):
            self.clients("ec2").delete_nat_gateway(NatGatewayId=resource_id)
        wait_until(f"NAT gateway {resource_id} is deleted", lambda: self._described(resource_id) is None)


HANDLERS = (Eip, NatGateway)
