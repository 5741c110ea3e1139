"""VPCs, their subnets and their internet gateways."""

from __future__ import annotations

from prod_infra.local_aws.provider.handlers.common import absent_is_fine, compact, tag_state, tags_of
from prod_infra.local_aws.provider.handlers.ec2_common import Ec2Handler, filters, one_with_tags
from prod_infra.properties import Props


def _upper_first(name: str) -> str:
    return name[0].upper() + name[1:]


class Vpc(Ec2Handler):
    """A VPC with IPv4; what AWS puts into it at birth (ACL, route table, security group) is shown as outputs."""

    token = "aws:ec2/vpc:Vpc"
    kind = "vpc"
    not_found = "InvalidVpcID.NotFound"
    inputs = frozenset(
        {
            "cidrBlock",
            "enableDnsHostnames",
            "enableDnsSupport",
            "enableNetworkAddressUsageMetrics",
            "instanceTenancy",
            "tags",
        }
    )
    replace_on = frozenset({"cidrBlock", "instanceTenancy"})
    defaults = {"enableDnsSupport": True, "instanceTenancy": "default"}
    outputs = frozenset(
        {
            "arn",
            "defaultNetworkAclId",
            "defaultRouteTableId",
            "defaultSecurityGroupId",
            "dhcpOptionsId",
            "mainRouteTableId",
            "ownerId",
            "tagsAll",
        }
    )
    attributes = ("enableDnsSupport", "enableDnsHostnames", "enableNetworkAddressUsageMetrics")

    def create(self, inputs: Props) -> str:
        """Create the VPC, wait for it, and set its attributes."""
        ec2 = self.clients("ec2")
        vpc = ec2.create_vpc(
            CidrBlock=inputs["cidrBlock"], InstanceTenancy=inputs["instanceTenancy"], **self.tag_specification(inputs)
        )["Vpc"]
        vpc_id = self.made(vpc["VpcId"])
        ec2.get_waiter("vpc_available").wait(VpcIds=[vpc_id])
        for name in self.attributes:
            if inputs.get(name) is not None:
                ec2.modify_vpc_attribute(VpcId=vpc_id, **{_upper_first(name): {"Value": inputs[name]}})
        return vpc_id

    def read(self, resource_id: str, state: Props) -> Props | None:
        """Return the VPC, its attributes, and the IDs of its default parts."""
        del state
        ec2 = self.clients("ec2")
        vpc = self.describe("describe_vpcs", "Vpcs", "VpcIds", resource_id)
        if vpc is None:
            return None
        tables = ec2.describe_route_tables(Filters=filters(**{"vpc-id": resource_id, "association.main": "true"}))
        main = [table["RouteTableId"] for table in tables["RouteTables"]]
        acls = ec2.describe_network_acls(Filters=filters(vpc_id=resource_id, default="true"))["NetworkAcls"]
        groups = ec2.describe_security_groups(Filters=filters(vpc_id=resource_id, group_name="default"))
        return {
            "cidrBlock": vpc["CidrBlock"],
            "instanceTenancy": vpc["InstanceTenancy"],
            **{
                name: ec2.describe_vpc_attribute(VpcId=resource_id, Attribute=name)[_upper_first(name)]["Value"]
                for name in self.attributes
            },
            "arn": self.arn(vpc["OwnerId"], resource_id),
            "defaultNetworkAclId": acls[0]["NetworkAclId"] if acls else "",
            "defaultRouteTableId": main[0] if main else "",
            "mainRouteTableId": main[0] if main else "",
            "defaultSecurityGroupId": groups["SecurityGroups"][0]["GroupId"] if groups["SecurityGroups"] else "",
            "dhcpOptionsId": vpc["DhcpOptionsId"],
            "ownerId": vpc["OwnerId"],
            **tag_state(tags_of(vpc.get("Tags"))),
        }

    def find(self, inputs: Props) -> str | None:
        """Return the VPC with this CIDR and these tags."""
        vpcs = self.clients("ec2").describe_vpcs(Filters=filters(cidr=inputs["cidrBlock"]))["Vpcs"]
        return one_with_tags(vpcs, "VpcId", inputs.get("tags"))

    def update(self, resource_id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Set the attributes and tags."""
        for name in self.attributes:
            if name in changed:
                self.clients("ec2").modify_vpc_attribute(
                    VpcId=resource_id, **{_upper_first(name): {"Value": bool(new.get(name))}}
                )
        self.update_tags(resource_id, old, new)

    def delete(self, resource_id: str, state: Props) -> None:
        """Delete the VPC, which must be empty."""
        del state
        with absent_is_fine(self.not_found):
            self.clients("ec2").delete_vpc(VpcId=resource_id)


class InternetGateway(Ec2Handler):
    """An internet gateway, attached to its VPC."""

    token = "aws:ec2/internetGateway:InternetGateway"
    kind = "internet-gateway"
    not_found = "InvalidInternetGatewayID.NotFound"
    inputs = frozenset({"tags", "vpcId"})
    outputs = frozenset({"arn", "ownerId", "tagsAll", "vpcId"})

    def create(self, inputs: Props) -> str:
        """Create the gateway and attach it."""
        ec2 = self.clients("ec2")
        gateway = ec2.create_internet_gateway(**self.tag_specification(inputs))["InternetGateway"]
        gateway_id = self.made(gateway["InternetGatewayId"])
        if inputs.get("vpcId"):
            ec2.attach_internet_gateway(InternetGatewayId=gateway_id, VpcId=inputs["vpcId"])
        return gateway_id

    def read(self, resource_id: str, state: Props) -> Props | None:
        """Return the gateway with the VPC that it is attached to."""
        del state
        gateway = self.describe("describe_internet_gateways", "InternetGateways", "InternetGatewayIds", resource_id)
        if gateway is None:
            return None
        attached = [item["VpcId"] for item in gateway.get("Attachments", [])]
        return {
            "vpcId": attached[0] if attached else "",
            "arn": self.arn(gateway["OwnerId"], resource_id),
            "ownerId": gateway["OwnerId"],
            **tag_state(tags_of(gateway.get("Tags"))),
        }

    def find(self, inputs: Props) -> str | None:
        """Return the gateway with these tags that is attached to this VPC or, a kill came between, to none."""
        gateways = self.clients("ec2").describe_internet_gateways()["InternetGateways"]
        free = [
            gateway
            for gateway in gateways
            if all(item["VpcId"] == inputs.get("vpcId") for item in gateway.get("Attachments", []))
        ]
        return one_with_tags(free, "InternetGatewayId", inputs.get("tags"))

    def update(self, resource_id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Move the gateway to another VPC; set the tags."""
        ec2 = self.clients("ec2")
        if "vpcId" in changed:
            if old.get("vpcId"):
                ec2.detach_internet_gateway(InternetGatewayId=resource_id, VpcId=old["vpcId"])
            if new.get("vpcId"):
                ec2.attach_internet_gateway(InternetGatewayId=resource_id, VpcId=new["vpcId"])
        self.update_tags(resource_id, old, new)

    def delete(self, resource_id: str, state: Props) -> None:
        """Detach and delete the gateway."""
        ec2 = self.clients("ec2")
        if state.get("vpcId"):
            with absent_is_fine(self.not_found, "Gateway.NotAttached"):
                ec2.detach_internet_gateway(InternetGatewayId=resource_id, VpcId=state["vpcId"])
        with absent_is_fine(self.not_found):
            ec2.delete_internet_gateway(InternetGatewayId=resource_id)


class Subnet(Ec2Handler):
    """An IPv4 subnet in one Availability Zone."""

    token = "aws:ec2/subnet:Subnet"
    kind = "subnet"
    not_found = "InvalidSubnetID.NotFound"
    inputs = frozenset(
        {
            "availabilityZone",
            "availabilityZoneId",
            "cidrBlock",
            "enableResourceNameDnsARecordOnLaunch",
            "mapPublicIpOnLaunch",
            "tags",
            "vpcId",
        }
    )
    replace_on = frozenset({"availabilityZone", "availabilityZoneId", "cidrBlock", "vpcId"})
    outputs = frozenset({"arn", "availabilityZone", "availabilityZoneId", "ownerId", "tagsAll"})
    attributes = ("mapPublicIpOnLaunch", "enableResourceNameDnsARecordOnLaunch")

    def create(self, inputs: Props) -> str:
        """Create the subnet, wait for it, and set its attributes."""
        ec2 = self.clients("ec2")
        subnet = ec2.create_subnet(
            **compact(
                {
                    "VpcId": inputs["vpcId"],
                    "CidrBlock": inputs.get("cidrBlock"),
                    "AvailabilityZone": inputs.get("availabilityZone"),
                    "AvailabilityZoneId": inputs.get("availabilityZoneId"),
                }
            ),
            **self.tag_specification(inputs),
        )["Subnet"]
        subnet_id = self.made(subnet["SubnetId"])
        ec2.get_waiter("subnet_available").wait(SubnetIds=[subnet_id])
        self._set(subnet_id, inputs, frozenset(name for name in self.attributes if inputs.get(name)))
        return subnet_id

    def _set(self, resource_id: str, inputs: Props, names: frozenset[str]) -> None:
        # AWS takes one attribute a call.
        for name in self.attributes:
            if name in names:
                self.clients("ec2").modify_subnet_attribute(
                    SubnetId=resource_id, **{_upper_first(name): {"Value": bool(inputs.get(name))}}
                )

    def read(self, resource_id: str, state: Props) -> Props | None:
        """Return the subnet."""
        del state
        subnet = self.describe("describe_subnets", "Subnets", "SubnetIds", resource_id)
        if subnet is None:
            return None
        dns = subnet.get("PrivateDnsNameOptionsOnLaunch", {})
        return {
            "availabilityZone": subnet["AvailabilityZone"],
            "availabilityZoneId": subnet["AvailabilityZoneId"],
            "cidrBlock": subnet["CidrBlock"],
            "enableResourceNameDnsARecordOnLaunch": bool(dns.get("EnableResourceNameDnsARecord")),
            "mapPublicIpOnLaunch": subnet["MapPublicIpOnLaunch"],
            "vpcId": subnet["VpcId"],
            "arn": subnet["SubnetArn"],
            "ownerId": subnet["OwnerId"],
            **tag_state(tags_of(subnet.get("Tags"))),
        }

    def find(self, inputs: Props) -> str | None:
        """Return the subnet with this CIDR in this VPC; there can be only one."""
        found = self.clients("ec2").describe_subnets(
            Filters=filters(vpc_id=inputs["vpcId"], cidr_block=inputs["cidrBlock"])
        )["Subnets"]
        return str(found[0]["SubnetId"]) if found else None

    def update(self, resource_id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Set the attributes and tags."""
        self._set(resource_id, new, changed)
        self.update_tags(resource_id, old, new)

    def delete(self, resource_id: str, state: Props) -> None:
        """Delete the subnet, which must be empty."""
        del state
        with absent_is_fine(self.not_found):
            self.clients("ec2").delete_subnet(SubnetId=resource_id)


HANDLERS = (Vpc, InternetGateway, Subnet)
