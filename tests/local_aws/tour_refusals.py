"""The stop of the tour where everything is refused."""

from __future__ import annotations

import contextlib
from typing import Any

from botocore.exceptions import ClientError

from prod_infra.local_aws.clients import Clients
from tests.local_aws.environment import load_balancer, network


def refusals(clients: Clients) -> None:
    """Each operation that has a check of its own, refused by it."""
    where, allowed = (
        network(clients),
        '{"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}]}',
    )
    made = load_balancer(clients, where)
    ec2, elbv2, secret = clients("ec2"), clients("elbv2"), clients("secretsmanager")
    interface = ec2.create_network_interface(SubnetId=where.subnets[0], Groups=[where.group])
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    nat = ec2.create_nat_gateway(SubnetId=where.subnets[0], AllocationId=address)["NatGateway"]
    gateway = nat["NatGatewayAddresses"][0]["NetworkInterfaceId"]
    internet = [ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"] for _ in range(2)]
    ec2.attach_internet_gateway(VpcId=where.vpc, InternetGatewayId=internet[0])
    table = ec2.create_route_table(VpcId=where.vpc)["RouteTable"]["RouteTableId"]
    nowhere = {"RouteTableId": table, "DestinationCidrBlock": "0.0.0.0/0", "NatGatewayId": "nat-0123456789abcdef0"}
    elbv2.modify_load_balancer_attributes(
        LoadBalancerArn=made["balancer"], Attributes=[{"Key": "deletion_protection.enabled", "Value": "true"}]
    )
    pending = clients("acm").request_certificate(DomainName="a.example.com", ValidationMethod="DNS")["CertificateArn"]
    shown = {"Certificates": [{"CertificateArn": pending}]}
    secret.create_secret(Name="gone", SecretString="x")
    secret.delete_secret(SecretId="gone")
    clients("iam").create_role(RoleName="app", AssumeRolePolicyDocument=allowed)
    nobody = "arn:aws:iam::123456789012:role/nobody"
    group = {"applicationName": "app", "serviceRoleArn": nobody}
    forward = [{"Type": "forward", "TargetGroupArn": made["target_group"]}]
    listener = {"LoadBalancerArn": made["balancer"], "Protocol": "HTTPS", "Port": 443, "DefaultActions": forward}
    calls: list[tuple[str, str, dict[str, Any]]] = [
        ("cloudwatch", "put_metric_alarm", {"AlarmName": "x", "EvaluationPeriods": 1, "Period": 61,
                                            "ComparisonOperator": "GreaterThanThreshold"}),
        ("codedeploy", "create_application", {"applicationName": "a" * 101}),
        ("codedeploy", "create_deployment_group", group | {"deploymentGroupName": "x"}),
        ("codedeploy", "update_deployment_group", group | {"currentDeploymentGroupName": "x"}),
        ("ec2", "attach_internet_gateway", {"VpcId": where.vpc, "InternetGatewayId": internet[1]}),
        ("ec2", "create_route", nowhere),
        ("ec2", "replace_route", nowhere),
        ("ec2", "create_security_group", {"GroupName": "sg-x", "Description": "x"}),
        ("ec2", "create_subnet", {"VpcId": where.vpc, "CidrBlock": "10.1.9.0/29"}),
        ("ec2", "delete_network_interface", {"NetworkInterfaceId": gateway}),
        ("ec2", "delete_security_group", {"GroupId": where.group}),
        ("ec2", "delete_subnet", {"SubnetId": interface["NetworkInterface"]["SubnetId"]}),
        ("ec2", "delete_vpc", {"VpcId": where.vpc}),
        ("ec2", "modify_security_group_rules", {"GroupId": where.group,
                                                "SecurityGroupRules": [{"SecurityGroupRuleId": "sgr-1"}]}),
        ("ec2", "release_address", {"AllocationId": address}),
        ("ecs", "create_cluster", {"clusterName": "a b"}),
        ("ecs", "create_service", {"serviceName": "a b"}),
        ("ecs", "register_task_definition", {"family": "x", "containerDefinitions": [], "taskRoleArn": nobody}),
        ("elbv2", "create_load_balancer", {"Name": "one", "Subnets": where.subnets[:1]}),
        ("elbv2", "create_target_group", {"Name": "-"}),
        ("elbv2", "delete_load_balancer", {"LoadBalancerArn": made["balancer"]}),
        ("elbv2", "create_listener", listener | shown),
        ("elbv2", "modify_listener", {"ListenerArn": made["listener"], **shown}),
        ("elbv2", "add_listener_certificates", {"ListenerArn": made["listener"], **shown}),
        ("iam", "create_role", {"RoleName": "x", "AssumeRolePolicyDocument": "{}"}),
        ("iam", "update_assume_role_policy", {"RoleName": "app", "PolicyDocument": "{}"}),
        ("kms", "create_alias", {"AliasName": "alias/aws/x", "TargetKeyId": "x"}),
        ("logs", "put_retention_policy", {"logGroupName": "x", "retentionInDays": 42}),
        ("s3", "create_bucket", {"Bucket": "My_Bucket"}),
        ("secretsmanager", "create_secret", {"Name": "a b"}),
        ("secretsmanager", "tag_resource", {"SecretId": "gone", "Tags": [{"Key": "x", "Value": "x"}]}),
        ("secretsmanager", "untag_resource", {"SecretId": "gone", "TagKeys": ["x"]}),
        ("secretsmanager", "put_resource_policy", {"SecretId": "gone", "ResourcePolicy": "{}"}),
        ("secretsmanager", "delete_resource_policy", {"SecretId": "gone"}),
    ]  # fmt: skip
    for service, call, given in calls:
        with contextlib.suppress(ClientError):
            getattr(clients(service), call)(**given)
            raise AssertionError(f"{service}.{call} was not refused")
