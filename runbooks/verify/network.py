"""Checks of the network: addresses, zones, routes, security groups, endpoints."""

from __future__ import annotations

import json
from typing import Any, Final

from runbooks.verify.check import CheckFunction, Findings
from runbooks.verify.deployed import Deployed

ORIGIN_FACING: Final = "com.amazonaws.global.cloudfront.origin-facing"
"""AWS's prefix list of the addresses from which CloudFront calls origins."""

REMOTE_PORTS: Final = (22, 3389)
"""What FSBP EC2.21 lets no network access list open to the world."""


def vpc_cidr(env: Deployed, see: Findings) -> None:
    """The VPC has the settings' CIDR block."""
    see.equal("CIDR block", env.vpc["CidrBlock"], env.settings.vpc_cidr)


def subnets_in_each_zone(env: Deployed, see: Findings) -> None:
    """Each availability zone has a public and a private subnet."""
    zones = sorted(subnet["AvailabilityZone"] for subnet in env.public_subnets.values())
    see.equal("zones of private subnets", sorted(s["AvailabilityZone"] for s in env.private_subnets.values()), zones)
    see.equal("number of zones", len(set(zones)), len(zones))
    wanted = list(env.settings.availability_zones)
    see.equal("number of zones wanted", len(zones), len(wanted) or env.settings.availability_zone_count)
    if wanted:
        see.equal("zones", zones, sorted(wanted))


def no_public_addresses(env: Deployed, see: Findings) -> None:
    """No subnet hands out public addresses by itself."""
    open_subnets = [name for name, subnet in env.subnets.items() if subnet["MapPublicIpOnLaunch"]]
    see.equal("subnets with automatic public addresses", open_subnets, [])


def nat_gateways(env: Deployed, see: Findings) -> None:
    """Each availability zone has its own NAT gateway, in its public subnet."""
    zones = [env.subnets[nat["SubnetId"]]["AvailabilityZone"] for nat in env.nat_gateways.values()]
    public = sorted(subnet["AvailabilityZone"] for subnet in env.public_subnets.values())
    see.equal("zones with a NAT gateway", sorted(zones), public[:1] if env.settings.single_nat_gateway else public)
    misplaced = [name for name, nat in env.nat_gateways.items() if nat["SubnetId"] not in env.public_subnets]
    see.require(not misplaced, f"NAT gateways outside the public subnets: {', '.join(misplaced)}")


def private_routes(env: Deployed, see: Findings) -> None:
    """Each private subnet's default route leads through the NAT gateway of its own zone."""
    for name, subnet in env.private_subnets.items():
        zone = subnet["AvailabilityZone"]
        nat = env.nat_gateways.get(env.default_route(name).get("NatGatewayId", ""))
        if nat is None:
            see.require(None, f"{name} in {zone} has no default route through an available NAT gateway")
        elif env.settings.single_nat_gateway:
            see.saw(f"{zone} through {nat['NatGatewayId']}")
        else:
            see.equal(f"zone of the NAT gateway for {zone}", env.subnets[nat["SubnetId"]]["AvailabilityZone"], zone)


def _sources(permission: dict[str, Any]) -> list[str]:
    ranges = [item["CidrIp"] for item in permission.get("IpRanges", ())]
    ranges += [item["CidrIpv6"] for item in permission.get("Ipv6Ranges", ())]
    ranges += [item["GroupId"] for item in permission.get("UserIdGroupPairs", ())]
    return ranges + [item["PrefixListId"] for item in permission.get("PrefixListIds", ())]


def _admits(permission: dict[str, Any], port: int) -> bool:
    if permission["IpProtocol"] == "-1":
        return True
    return bool(permission["IpProtocol"] == "tcp" and permission["FromPort"] <= port <= permission["ToPort"])


def no_port_80(env: Deployed, see: Findings) -> None:
    """No security group admits port 80."""
    allowed = set(env.load_balancer["SecurityGroups"]) if env.settings.enable_http else set()
    admitting = [
        group["GroupName"]
        for group in env.security_groups.values()
        if group["GroupId"] not in allowed and any(_admits(rule, 80) for rule in group["IpPermissions"])
    ]
    see.equal("groups that admit port 80", admitting, [])


def closed_to_the_world(env: Deployed, see: Findings) -> None:
    """No security group admits the whole world."""
    admitting = [
        group["GroupName"]
        for group in env.security_groups.values()
        for rule in group["IpPermissions"]
        if {"0.0.0.0/0", "::/0"} & set(_sources(rule))
    ]
    see.equal("groups open to the world", admitting, [])


def default_group_is_empty(env: Deployed, see: Findings) -> None:
    """The VPC's default security group has no rules."""
    for group in env.security_groups.values():
        if group["GroupName"] == "default":
            see.equal("rules", len(group["IpPermissions"]) + len(group["IpPermissionsEgress"]), 0)


def _admitted(env: Deployed, groups: list[str], port: int) -> set[str]:
    rules = [rule for name in groups for rule in env.security_groups[name]["IpPermissions"]]
    return {source for rule in rules if _admits(rule, port) for source in _sources(rule)}


def load_balancer_group(env: Deployed, see: Findings) -> None:
    """The load balancer admits HTTPS from CloudFront alone."""
    lists = env.pages("ec2", "describe_managed_prefix_lists", "PrefixLists")
    cloudfront = {found["PrefixListId"] for found in lists if found["PrefixListName"] == ORIGIN_FACING}
    see.equal("sources admitted on 443", _admitted(env, env.load_balancer["SecurityGroups"], 443), cloudfront)


def chain_of_groups(env: Deployed, see: Findings) -> None:
    """Tasks admit the load balancer alone, and the database the tasks alone."""
    tasks = env.service["networkConfiguration"]["awsvpcConfiguration"]["securityGroups"]
    balancer = set(env.load_balancer["SecurityGroups"])
    see.equal("sources admitted by tasks", _admitted(env, tasks, env.settings.app_port), balancer)
    database = [group["VpcSecurityGroupId"] for group in env.database["VpcSecurityGroups"]]
    see.equal("sources admitted by the database", _admitted(env, database, env.settings.database_port), set(tasks))


def vpc_endpoints(env: Deployed, see: Findings) -> None:
    """S3, CloudWatch Logs, ECR API, ECR Docker and Secrets Manager are reached by endpoints, on 443 alone."""
    wanted = {"s3", "logs", "ecr.api", "ecr.dkr", "secretsmanager"}
    see.equal("endpoints", set(env.vpc_endpoints) & wanted, wanted)
    for name in sorted(wanted & set(env.vpc_endpoints)):
        endpoint = env.vpc_endpoints[name]
        see.equal(f"{name} type", endpoint["VpcEndpointType"], "Gateway" if name == "s3" else "Interface")
        if name == "s3":
            tables = {env.route_tables[subnet]["RouteTableId"] for subnet in env.private_subnets}
            see.require(
                tables <= set(endpoint["RouteTableIds"]), "a private route table does not lead to s3's endpoint"
            )
            continue
        see.equal(f"{name} subnets", set(endpoint["SubnetIds"]), set(env.private_subnets))
        see.require(endpoint.get("PrivateDnsEnabled"), f"{name} has no private DNS")
        for group in endpoint["Groups"]:
            rules = env.security_groups[group["GroupId"]]["IpPermissions"]
            ports = {(rule.get("FromPort"), rule.get("ToPort")) for rule in rules}
            see.require(ports == {(443, 443)}, f"{name} admits the ports {sorted(map(str, ports))}")


def network_acls(env: Deployed, see: Findings) -> None:
    """Each tier has an access list of its own, and none opens remote shells or desktops to the world."""
    lists = {subnet: acl for acl in env.network_acls for use in acl["Associations"] for subnet in [use["SubnetId"]]}
    tiers = [{lists[subnet]["NetworkAclId"] for subnet in tier} for tier in (env.public_subnets, env.private_subnets)]
    see.equal("lists of each tier", [len(tier) for tier in tiers], [1, 1])
    see.require(tiers[0].isdisjoint(tiers[1]), "the tiers share a list")
    for acl in lists.values():
        see.require(not acl["IsDefault"], f"{acl['NetworkAclId']} is the VPC's default list")
        for entry in acl["Entries"]:
            admits = entry["RuleAction"] == "allow" and not entry["Egress"] and entry.get("CidrBlock") == "0.0.0.0/0"
            ports = entry.get("PortRange", {"From": 0, "To": 65535})
            for port in REMOTE_PORTS:
                open_port = admits and ports["From"] <= port <= ports["To"]
                see.require(not open_port, f"{acl['NetworkAclId']} opens port {port} to the world")
    see.saw(f"{len(lists)} subnets")


def default_network_acl(env: Deployed, see: Findings) -> None:
    """The VPC's default access list lets nothing through, and no subnet uses it."""
    for acl in env.network_acls:
        if acl["IsDefault"]:
            allowing = [entry["RuleNumber"] for entry in acl["Entries"] if entry["RuleAction"] == "allow"]
            see.equal("entries that allow", allowing, [])
            see.equal("subnets", [use["SubnetId"] for use in acl["Associations"]], [])


def egress(env: Deployed, see: Findings) -> None:
    """Nothing but HTTPS is let out to the world."""
    for group in env.security_groups.values():
        for rule in group["IpPermissionsEgress"]:
            world = {"0.0.0.0/0", "::/0"} & set(_sources(rule))
            ports = (rule["IpProtocol"], rule.get("FromPort"), rule.get("ToPort"))
            see.require(not world or ports == ("tcp", 443, 443), f"{group['GroupName']} lets more than HTTPS out")
        see.saw(group["GroupName"])


def endpoint_policies(env: Deployed, see: Findings) -> None:
    """Endpoints let through what concerns the account, or what a statement names, and nothing else."""
    for name, endpoint in env.vpc_endpoints.items():
        for statement in json.loads(endpoint.get("PolicyDocument") or '{"Statement": [{}]}')["Statement"]:
            accounts = statement.get("Condition", {}).get("StringEquals", {}).get("aws:PrincipalAccount")
            bounded = accounts == env.account or statement.get("Resource", "*") != "*"
            see.require(bounded, f"{name} lets every account through")
        see.saw(name)


CHECKS: tuple[CheckFunction, ...] = (
    vpc_cidr,
    subnets_in_each_zone,
    no_public_addresses,
    nat_gateways,
    private_routes,
    no_port_80,
    closed_to_the_world,
    default_group_is_empty,
    load_balancer_group,
    chain_of_groups,
    vpc_endpoints,
    network_acls,
    default_network_acl,
    egress,
    endpoint_policies,
)
