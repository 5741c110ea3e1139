"""VPC endpoints: AWS services reached without leaving the VPC."""

from __future__ import annotations

import json
from typing import Any

from prod_infra.errors import ProdInfraError
from prod_infra.local_aws.provider.handlers.common import absent_is_fine, compact, tag_state, tags_of, wait_until
from prod_infra.local_aws.provider.handlers.ec2_common import Ec2Handler, filters, one_with_tags
from prod_infra.properties import Props

_LISTS = {"routeTableIds": "RouteTableIds", "subnetIds": "SubnetIds", "securityGroupIds": "SecurityGroupIds"}


class VpcEndpoint(Ec2Handler):
    """A gateway or interface endpoint."""

    token = "aws:ec2/vpcEndpoint:VpcEndpoint"
    kind = "vpc-endpoint"
    not_found = "InvalidVpcEndpointId.NotFound"
    inputs = frozenset({"policy", "privateDnsEnabled", "serviceName", "tags", "vpcEndpointType", "vpcId", *_LISTS})
    replace_on = frozenset({"serviceName", "vpcEndpointType", "vpcId"})
    defaults = {"vpcEndpointType": "Gateway"}
    json_inputs = frozenset({"policy"})
    set_inputs = frozenset(_LISTS)
    outputs = frozenset(
        {
            "arn",
            "cidrBlocks",
            "dnsEntries",
            "networkInterfaceIds",
            "ownerId",
            "policy",
            "prefixListId",
            "privateDnsEnabled",
            "requesterManaged",
            "state",
            "tagsAll",
            *_LISTS,
        }
    )

    def create(self, inputs: Props) -> str:
        """Create the endpoint and wait until it is available."""
        answer = self.clients("ec2").create_vpc_endpoint(
            **compact(
                {
                    "VpcId": inputs["vpcId"],
                    "ServiceName": inputs["serviceName"],
                    "VpcEndpointType": inputs["vpcEndpointType"],
                    "PrivateDnsEnabled": inputs.get("privateDnsEnabled"),
                    "PolicyDocument": inputs.get("policy"),
                    **{argument: inputs.get(name) or None for name, argument in _LISTS.items()},
                }
            ),
            **self.tag_specification(inputs),
        )
        endpoint_id = self.made(answer["VpcEndpoint"]["VpcEndpointId"])
        self.complete(endpoint_id, inputs)
        return endpoint_id

    def complete(self, resource_id: str, inputs: Props) -> None:
        """Wait until the endpoint is available."""
        del inputs

        def available() -> bool:
            state = str((self._described(resource_id) or {}).get("State", "")).lower()
            if state in {"failed", "rejected", "expired"}:
                raise ProdInfraError(f"VPC endpoint {resource_id} is {state}")
            return state == "available"

        wait_until(f"VPC endpoint {resource_id} is available", available)

    def _described(self, resource_id: str) -> dict[str, Any] | None:
        endpoint = self.describe("describe_vpc_endpoints", "VpcEndpoints", "VpcEndpointIds", resource_id)
        return dict(endpoint) if endpoint and endpoint["State"].lower() != "deleted" else None

    def read(self, resource_id: str, state: Props) -> Props | None:
        """Return the endpoint; a gateway's with the prefix list that route tables see."""
        del state
        endpoint = self._described(resource_id)
        if endpoint is None or endpoint["State"].lower() == "deleting":
            return None
        gateway = endpoint["VpcEndpointType"] == "Gateway"
        prefix_lists = (
            self.clients("ec2").describe_prefix_lists(Filters=filters(prefix_list_name=endpoint["ServiceName"]))
            if gateway
            else {"PrefixLists": []}
        )["PrefixLists"]
        return {
            "policy": json.dumps(json.loads(endpoint["PolicyDocument"])) if endpoint.get("PolicyDocument") else None,
            # A gateway has no DNS names of its own, whatever the flag says.
            "privateDnsEnabled": bool(endpoint.get("PrivateDnsEnabled")) and not gateway,
            "serviceName": endpoint["ServiceName"],
            "vpcEndpointType": endpoint["VpcEndpointType"],
            "vpcId": endpoint["VpcId"],
            "routeTableIds": sorted(endpoint.get("RouteTableIds", [])),
            "subnetIds": sorted(endpoint.get("SubnetIds", [])),
            "securityGroupIds": sorted(group["GroupId"] for group in endpoint.get("Groups", [])),
            "arn": self.arn(endpoint["OwnerId"], resource_id),
            "cidrBlocks": [cidr for item in prefix_lists for cidr in item.get("Cidrs", [])],
            "dnsEntries": [
                {"dnsName": entry.get("DnsName"), "hostedZoneId": entry.get("HostedZoneId")}
                for entry in endpoint.get("DnsEntries", [])
            ],
            "networkInterfaceIds": endpoint.get("NetworkInterfaceIds", []),
            "ownerId": endpoint["OwnerId"],
            "prefixListId": prefix_lists[0]["PrefixListId"] if prefix_lists else None,
            "requesterManaged": bool(endpoint.get("RequesterManaged")),
            "state": endpoint["State"].lower(),
            **tag_state(tags_of(endpoint.get("Tags"))),
        }

    def find(self, inputs: Props) -> str | None:
        """Return the living endpoint for this service in this VPC with these tags."""
        found = self.clients("ec2").describe_vpc_endpoints(
            Filters=filters(vpc_id=inputs["vpcId"], service_name=inputs["serviceName"])
        )["VpcEndpoints"]
        alive = [item for item in found if item["State"].lower() not in {"deleting", "deleted"}]
        return one_with_tags(alive, "VpcEndpointId", inputs.get("tags"))

    def update(self, resource_id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Change policy, DNS, route tables, subnets and groups in one call; set the tags."""
        arguments: dict[str, Any] = {}
        if "policy" in changed:
            arguments |= {"PolicyDocument": new["policy"]} if new.get("policy") else {"ResetPolicy": True}
        if "privateDnsEnabled" in changed:
            arguments["PrivateDnsEnabled"] = bool(new.get("privateDnsEnabled"))
        for name, argument in _LISTS.items():
            if name in changed:
                before, after = set(old.get(name) or ()), set(new.get(name) or ())
                arguments |= {f"Add{argument}": sorted(after - before), f"Remove{argument}": sorted(before - after)}
        if arguments:
            self.clients("ec2").modify_vpc_endpoint(
                VpcEndpointId=resource_id, **{key: value for key, value in arguments.items() if value != []}
            )
        self.update_tags(resource_id, old, new)

    def delete(self, resource_id: str, state: Props) -> None:
        """Delete the endpoint and wait, for its subnets and groups are free only then."""
        del state
        with absent_is_fine(self.not_found):
            self.clients("ec2").delete_vpc_endpoints(VpcEndpointIds=[resource_id])
        wait_until(f"VPC endpoint {resource_id} is deleted", lambda: self._described(resource_id) is None)


HANDLERS = (VpcEndpoint,)
