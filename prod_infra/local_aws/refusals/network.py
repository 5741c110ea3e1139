"""What EC2 refuses and moto takes: sizes and names, and deletes of what something else depends on.

Follows https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any, Final

from moto.ec2.models import ec2_backends
from moto.elbv2.models import elbv2_backends
from moto.rds.models import rds_backends

from prod_infra.local_aws import ACCOUNT_ID
from prod_infra.local_aws.calls import Call
from prod_infra.local_aws.refusals.checks import refuses
from prod_infra.local_aws.refusals.refused import Refused

GROUP_TEXT: Final = re.compile(r"[a-zA-Z0-9 ._\-:/()#,@\[\]+=&;{}!$*]{1,255}")


def _dependency(message: str) -> Refused:
    return Refused("DependencyViolation", message)


def _subnet_size(_: Call, given: Any) -> None:
    try:
        network = ip_network(given.get("CidrBlock") or "10.0.0.0/16", strict=False)
    except ValueError:
        return  # moto refuses that itself
    if not 16 <= network.prefixlen <= 28:  # noqa: PLR2004  AWS's own bounds
        raise Refused("InvalidSubnet.Range", f"The CIDR '{network}' is invalid: a subnet is a /16 to a /28.")


def _group_text(_: Call, given: Any) -> None:
    name, description = given.get("GroupName") or "", given.get("Description") or ""
    if name.startswith("sg-") or not GROUP_TEXT.fullmatch(name):
        raise Refused("InvalidParameterValue", f"Value ({name}) for parameter GroupName is invalid.")
    if not GROUP_TEXT.fullmatch(description):
        raise Refused(
            "InvalidParameterValue",
            f"Value ({description}) for parameter GroupDescription is invalid. Character sets beyond ASCII are not"
            " supported.",
        )


def _second_gateway(call: Call, given: Any) -> None:
    for gateway in ec2_backends[ACCOUNT_ID][call.region].internet_gateways.values():
        if gateway.vpc is not None and gateway.vpc.id == given["VpcId"]:
            raise Refused("InvalidParameterValue", f"Network {given['VpcId']} already has an internet gateway attached")


def _vpc_in_use(call: Call, given: Any) -> None:
    backend, vpc = ec2_backends[ACCOUNT_ID][call.region], given["VpcId"]
    gateways = any(each.vpc is not None and each.vpc.id == vpc for each in backend.internet_gateways.values())
    groups = any(not group.is_default and group.name != "default" for group in backend.groups.get(vpc, {}).values())
    endpoints = any(
        each.vpc_id == vpc and getattr(each, "state", "") != "deleted" for each in backend.vpc_end_points.values()
    )
    if gateways or groups or endpoints:
        raise _dependency(f"The vpc '{vpc}' has dependencies and cannot be deleted.")


def _endpoints(region: str) -> Iterator[Any]:
    for each in ec2_backends[ACCOUNT_ID][region].vpc_end_points.values():
        if getattr(each, "state", "") != "deleted":
            yield each


def _subnet_users(region: str, subnet: str) -> Iterator[str]:
    backend = ec2_backends[ACCOUNT_ID][region]
    yield from (eni.id for eni in backend.enis.values() if eni.subnet.id == subnet)
    yield from (nat.id for nat in backend.nat_gateways.values() if nat.subnet_id == subnet and nat._state != "deleted")
    yield from (each.id for each in _endpoints(region) if subnet in (each.subnet_ids or ()))
    for balancer in elbv2_backends[ACCOUNT_ID][region].load_balancers.values():
        if subnet in [each.id for each in balancer.subnets]:
            yield balancer.arn


def _subnet_in_use(call: Call, given: Any) -> None:
    subnet = given["SubnetId"]
    if users := list(_subnet_users(call.region, subnet)):
        raise _dependency(f"The subnet '{subnet}' has dependencies and cannot be deleted: {', '.join(users)}")


def _group_users(region: str, group_id: str) -> Iterator[str]:
    backend = ec2_backends[ACCOUNT_ID][region]
    yield from (eni.id for eni in backend.enis.values() if group_id in [each.id for each in eni.group_set])
    yield from (each.id for each in _endpoints(region) if group_id in each.security_group_ids)
    for groups in backend.groups.values():
        for group in groups.values():
            rules = [*group.ingress_rules, *group.egress_rules]
            if group.id != group_id and any((rule.source_group or {}).get("GroupId") == group_id for rule in rules):
                yield group.id
    for balancer in elbv2_backends[ACCOUNT_ID][region].load_balancers.values():
        if group_id in (balancer.security_groups or ()):
            yield balancer.arn
    for cluster in rds_backends[ACCOUNT_ID][region].clusters.values():
        # Only what runs has interfaces with the group; all clusters do for as long as they exist.
        if group_id in cluster.vpc_security_group_ids:
            yield cluster.db_cluster_arn


def _group_in_use(call: Call, given: Any) -> None:
    group_id = given.get("GroupId")
    if group_id and (users := list(_group_users(call.region, group_id))):
        raise _dependency(f"resource {group_id} has a dependent object: {', '.join(users)}")


def _address_in_use(call: Call, given: Any) -> None:
    for address in ec2_backends[ACCOUNT_ID][call.region].addresses:
        if address.allocation_id == given.get("AllocationId") and address.association_id:
            raise Refused("InvalidIPAddress.InUse", f"Address {address.public_ip} is in use.")


def _interface_in_use(call: Call, given: Any) -> None:
    wanted = given["NetworkInterfaceId"]
    for nat in ec2_backends[ACCOUNT_ID][call.region].nat_gateways.values():
        if nat._state != "deleted" and nat._eni.id == wanted:
            raise Refused("InvalidParameterValue", f"Network interface '{wanted}' is currently in use.")


def _no_gateway(call: Call, given: Any) -> None:
    wanted = given.get("NatGatewayId")
    gateway = ec2_backends[ACCOUNT_ID][call.region].nat_gateways.get(wanted)
    if wanted and (gateway is None or gateway._state == "deleted"):
        raise Refused("InvalidNatGatewayID.NotFound", f"The natGateway ID '{wanted}' does not exist")


def _rules_told(_: Call, given: Any) -> None:
    if not all(each.get("SecurityGroupRule") for each in given["SecurityGroupRules"]):
        raise Refused("MissingParameter", "The request must contain the parameter SecurityGroupRule")


def register() -> None:
    """Add the checks of EC2."""
    refuses("ec2", "CreateSubnet")(_subnet_size)
    refuses("ec2", "CreateSecurityGroup")(_group_text)
    refuses("ec2", "AttachInternetGateway")(_second_gateway)
    refuses("ec2", "DeleteVpc")(_vpc_in_use)
    refuses("ec2", "DeleteSubnet")(_subnet_in_use)
    refuses("ec2", "DeleteSecurityGroup")(_group_in_use)
    refuses("ec2", "ReleaseAddress")(_address_in_use)
    refuses("ec2", "DeleteNetworkInterface")(_interface_in_use)
    refuses("ec2", "CreateRoute", "ReplaceRoute")(_no_gateway)
    refuses("ec2", "ModifySecurityGroupRules")(_rules_told)
