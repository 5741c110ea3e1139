"""The pieces that several tests of the local AWS build on."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from botocore.exceptions import ClientError

from prod_infra.local_aws.clients import Clients


def refused(call: Callable[..., Any], **arguments: Any) -> str:
    """Return the code of the error that a call must end with."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    code: str = caught.value.response["Error"]["Code"]
    return code


class Network(NamedTuple):
    """IDs of a VPC with one subnet in each of the zones a and b, and a security group."""

    vpc: str
    subnets: list[str]
    group: str


def network(clients: Clients) -> Network:
    """Create a small network."""
    ec2 = clients("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.1.{number}.0/24", AvailabilityZone=f"eu-central-1{zone}")
        for number, zone in enumerate("ab")
    ]
    group = ec2.create_security_group(GroupName="tasks", Description="tasks", VpcId=vpc)["GroupId"]
    return Network(vpc, [subnet["Subnet"]["SubnetId"] for subnet in subnets], group)


def load_balancer(clients: Clients, where: Network) -> dict[str, Any]:
    """Create a load balancer whose HTTP listener forwards to one target group; return their ARNs by kind."""
    elbv2 = clients("elbv2")
    balancer = elbv2.create_load_balancer(Name="alb", Subnets=where.subnets)["LoadBalancers"][0]["LoadBalancerArn"]
    target_group = elbv2.create_target_group(
        Name="blue", Protocol="HTTPS", Port=8443, VpcId=where.vpc, TargetType="ip"
    )["TargetGroups"][0]["TargetGroupArn"]
    listener = elbv2.create_listener(
        LoadBalancerArn=balancer,
        Protocol="HTTP",
        Port=80,
        DefaultActions=[{"Type": "forward", "TargetGroupArn": target_group}],
    )["Listeners"][0]["ListenerArn"]
    return {"balancer": balancer, "target_group": target_group, "listener": listener}


def issued_certificate(clients: Clients, domain: str = "example.com", region: str = "us-east-1") -> str:
    """Request a certificate, prove its domain in Route 53, and return its ARN."""
    acm, route53 = clients("acm", region), clients("route53")
    arn: str = acm.request_certificate(
        DomainName=domain, SubjectAlternativeNames=[f"*.{domain}"], ValidationMethod="DNS"
    )["CertificateArn"]
    zone = route53.list_hosted_zones_by_name(DNSName="example.com")["HostedZones"][0]["Id"]
    for option in acm.describe_certificate(CertificateArn=arn)["Certificate"]["DomainValidationOptions"]:
        record = option["ResourceRecord"]
        entry = {
            "Name": record["Name"],
            "Type": record["Type"],
            "TTL": 60,
            "ResourceRecords": [{"Value": record["Value"]}],
        }
        route53.change_resource_record_sets(
            HostedZoneId=zone, ChangeBatch={"Changes": [{"Action": "UPSERT", "ResourceRecordSet": entry}]}
        )
    return arn


def role(clients: Clients, name: str, service: str) -> str:
    """Create a role that a service, such as `ecs-tasks.amazonaws.com`, can assume, and return its ARN."""
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    arn: str = clients("iam").create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    return arn
