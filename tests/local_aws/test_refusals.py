"""What AWS refuses the local AWS refuses, too: each mistake that costs a real deploy has AWS's own code."""

from __future__ import annotations

import json
from typing import Any

import pytest

from prod_infra.local_aws.clients import Clients
from tests.local_aws.environment import issued_certificate, load_balancer, network, refused, role

TOO_MANY = [{"Key": f"key{number}", "Value": "x"} for number in range(51)]
RESERVED = [{"Key": "aws:mine", "Value": "x"}]
FIXED = [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "403"}}]
NAMES = [
    ("elbv2", "create_target_group", {"Name": "a" * 33, "Protocol": "HTTP", "Port": 80}, "ValidationError"),
    ("iam", "create_role", {"RoleName": "a" * 65, "AssumeRolePolicyDocument": "{}"}, "ValidationError"),
    ("iam", "create_role", {"RoleName": "app", "AssumeRolePolicyDocument": "{}"}, "MalformedPolicyDocument"),
    ("s3", "create_bucket", {"Bucket": "My_Bucket"}, "InvalidBucketName"),
    ("s3", "create_bucket", {"Bucket": "192.168.1.1"}, "InvalidBucketName"),
    ("logs", "create_log_group", {"logGroupName": "with space"}, "InvalidParameterException"),
    ("logs", "put_retention_policy", {"logGroupName": "x", "retentionInDays": 42}, "InvalidParameterException"),
    ("secretsmanager", "create_secret", {"Name": "a b", "SecretString": "x"}, "ValidationException"),
    ("ecs", "create_cluster", {"clusterName": "a b"}, "InvalidParameterException"),
    ("kms", "create_alias", {"AliasName": "alias/aws/x", "TargetKeyId": "x"}, "InvalidAliasNameException"),
    ("codedeploy", "create_application", {"applicationName": "a" * 101}, "InvalidApplicationNameException"),
    ("ec2", "create_security_group", {"GroupName": "sg-x", "Description": "x"}, "InvalidParameterValue"),
    ("ec2", "create_vpc", {"CidrBlock": "10.0.0.0/8"}, "InvalidVpc.Range"),
]
TAGS: list[tuple[str, str, dict[str, Any], list[dict[str, str]], str]] = [
    ("secretsmanager", "create_secret", {"Name": "x"}, TOO_MANY, "InvalidParameterException"),
    ("secretsmanager", "create_secret", {"Name": "x"}, RESERVED, "InvalidParameterException"),
    ("ec2", "create_tags", {"Resources": ["vpc-1"]}, RESERVED, "InvalidParameterValue"),
    ("ec2", "create_tags", {"Resources": ["vpc-1"]}, TOO_MANY, "TagLimitExceeded"),
    ("sns", "create_topic", {"Name": "x"}, TOO_MANY, "TagLimitExceeded"),
    ("iam", "tag_role", {"RoleName": "x"}, RESERVED, "InvalidInput"),
    ("elbv2", "add_tags", {"ResourceArns": ["arn:x"]}, TOO_MANY, "TooManyTags"),
    ("acm", "request_certificate", {"DomainName": "a.example.com"}, RESERVED, "InvalidTagException"),
]


@pytest.mark.parametrize(("service", "call", "given", "code"), NAMES)
def test_names_and_limits(clients: Clients, service: str, call: str, given: dict[str, Any], code: str) -> None:
    """Too long, or with characters that the service does not take."""
    assert refused(getattr(clients(service), call), **given) == code


@pytest.mark.parametrize("case", TAGS)
def test_tags(clients: Clients, case: tuple[str, str, dict[str, Any], list[dict[str, str]], str]) -> None:
    """More than fifty, and AWS's own prefix."""
    service, call, given, tags, code = case
    assert refused(getattr(clients(service), call), **given, Tags=tags) == code


def test_subnets_that_overlap_or_lie_outside(clients: Clients) -> None:
    """A subnet is a free part of its VPC, and not too small."""
    where, ec2 = network(clients), clients("ec2")
    codes = {
        "10.1.0.0/25": "InvalidSubnet.Conflict",
        "10.2.0.0/24": "InvalidSubnet.Range",
        "10.1.9.0/29": "InvalidSubnet.Range",
    }
    assert {cidr: refused(ec2.create_subnet, VpcId=where.vpc, CidrBlock=cidr) for cidr in codes} == codes


def test_a_listener_takes_issued_certificates_of_its_region(clients: Clients) -> None:
    """Neither one of us-east-1, nor one that waits for DNS, nor none."""
    arn = load_balancer(clients, network(clients))["balancer"]
    pending = clients("acm").request_certificate(DomainName="p.example.com", ValidationMethod="DNS")["CertificateArn"]

    def code(**members: Any) -> str:
        given = {"LoadBalancerArn": arn, "Protocol": "HTTPS", "Port": 443, "DefaultActions": FIXED}
        return refused(clients("elbv2").create_listener, **given, **members)

    assert code(Certificates=[{"CertificateArn": pending}]) == "UnsupportedCertificate"
    assert code(Certificates=[{"CertificateArn": issued_certificate(clients)}]) == "CertificateNotFound"
    assert code() == "ValidationError"


def test_roles_that_their_service_can_not_assume(clients: Clients) -> None:
    """Task definitions and deployment groups need roles that exist and trust them."""
    wrong = role(clients, "wrong", "ec2.amazonaws.com")
    container = {"name": "app", "image": "example", "memory": 512}
    register = clients("ecs").register_task_definition
    for arn in (wrong, f"{wrong}-absent"):
        for member in ("executionRoleArn", "taskRoleArn"):
            given = {"family": "app", "containerDefinitions": [container], member: arn}
            assert refused(register, **given) == "ClientException"
    assert (
        refused(
            clients("codedeploy").create_deployment_group,
            applicationName="app",
            deploymentGroupName="group",
            serviceRoleArn=wrong,
        )
        == "InvalidRoleException"
    )
    register(
        family="app", containerDefinitions=[container], taskRoleArn=role(clients, "right", "ecs-tasks.amazonaws.com")
    )


def test_a_flow_log_whose_role_can_not_be_assumed_fails(clients: Clients) -> None:
    """AWS makes it, and says that it has no access."""
    where, ec2 = network(clients), clients("ec2")
    clients("logs").create_log_group(logGroupName="flow")
    ec2.create_flow_logs(
        ResourceIds=[where.vpc],
        ResourceType="VPC",
        TrafficType="ALL",
        LogGroupName="flow",
        DeliverLogsPermissionArn=role(clients, "wrong", "ec2.amazonaws.com"),
    )
    flow_log = ec2.describe_flow_logs()["FlowLogs"][0]
    assert (flow_log["DeliverLogsStatus"], flow_log["DeliverLogsErrorMessage"]) == ("FAILED", "Access error")


def test_a_secret_pending_deletion_is_out_of_reach(clients: Clients) -> None:
    """Its name is taken and its value, tags and policy can't be had until it is restored."""
    secrets = clients("secretsmanager")
    secrets.create_secret(Name="prod/app", SecretString="x")
    secrets.delete_secret(SecretId="prod/app")
    calls: dict[str, dict[str, Any]] = {
        "create_secret": {"Name": "prod/app", "SecretString": "y"},
        "get_secret_value": {"SecretId": "prod/app"},
        "put_secret_value": {"SecretId": "prod/app", "SecretString": "y"},
        "tag_resource": {"SecretId": "prod/app", "Tags": [{"Key": "a", "Value": "b"}]},
        "put_resource_policy": {"SecretId": "prod/app", "ResourcePolicy": json.dumps({"Statement": []})},
    }
    codes = {call: refused(getattr(secrets, call), **given) for call, given in calls.items()}
    assert set(codes.values()) == {"InvalidRequestException"}
    secrets.restore_secret(SecretId="prod/app")
    assert secrets.get_secret_value(SecretId="prod/app")["SecretString"] == "x"


def test_network_parts_in_use_stay(clients: Clients) -> None:
    """Subnets, groups, addresses and VPCs that something depends on can't be deleted."""
    where, ec2 = network(clients), clients("ec2")
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    ec2.create_nat_gateway(SubnetId=where.subnets[0], AllocationId=address)
    interface = ec2.create_network_interface(SubnetId=where.subnets[1], Groups=[where.group])
    assert refused(ec2.delete_subnet, SubnetId=where.subnets[0]) == "DependencyViolation"
    assert refused(ec2.delete_subnet, SubnetId=where.subnets[1]) == "DependencyViolation"
    assert refused(ec2.delete_security_group, GroupId=where.group) == "DependencyViolation"
    assert refused(ec2.release_address, AllocationId=address) == "InvalidIPAddress.InUse"
    assert refused(ec2.delete_vpc, VpcId=where.vpc) == "DependencyViolation"
    ec2.delete_network_interface(NetworkInterfaceId=interface["NetworkInterface"]["NetworkInterfaceId"])
    ec2.delete_subnet(SubnetId=where.subnets[1])
    ec2.delete_security_group(GroupId=where.group)


def test_balancers_under_protection_and_target_groups_in_use_stay(clients: Clients) -> None:
    """Until the protection is off and the listener gone."""
    made, elbv2 = load_balancer(clients, network(clients)), clients("elbv2")
    protect = [{"Key": "deletion_protection.enabled", "Value": "true"}]
    elbv2.modify_load_balancer_attributes(LoadBalancerArn=made["balancer"], Attributes=protect)
    assert refused(elbv2.delete_load_balancer, LoadBalancerArn=made["balancer"]) == "OperationNotPermitted"
    assert refused(elbv2.delete_target_group, TargetGroupArn=made["target_group"]) == "ResourceInUse"
    given = {"LoadBalancerArn": made["balancer"], "Protocol": "HTTP", "Port": 80, "DefaultActions": FIXED}
    assert refused(elbv2.create_listener, **given) == "DuplicateListener"


def test_an_error_never_repeats_a_secret(clients: Clients) -> None:
    """Not even one that is too long."""
    with pytest.raises(clients("secretsmanager").exceptions.ClientError) as caught:
        clients("secretsmanager").create_secret(Name="x", SecretString="hunter2" * 10_000)
    assert "hunter2" not in str(caught.value)
