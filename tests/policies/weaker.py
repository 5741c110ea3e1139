"""What the mutation proof writes in a value's place, and what it adds that the environment leaves out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

WEAKER: Final[Mapping[str, Sequence[str]]] = {
    "protocol": ("HTTP", "TCP"),
    "healthCheck.protocol": ("HTTP", "TCP"),
    "healthCheck.matcher": ("200-499", "404"),
    "healthCheck.path": ("/",),
    "deregistrationDelay": ("0",),
    "defaultActions(*).type": ("forward",),
    "defaultActions(*).redirect.protocol": ("HTTP", "#{protocol}"),
    "defaultActions(*).redirect.port": ("80", "#{port}"),
    "signingProtocol": ("none",),
    "ipProtocol": ("-1",),
    "ingress(*).protocol": ("-1",),
    "egress(*).protocol": ("-1",),
    "sslPolicy": ("ELBSecurityPolicy-2016-08", "ELBSecurityPolicy-TLS13-1-0-2021-06"),
    "*minimumProtocolVersion": ("TLSv1", "TLSv1.2_2018"),
    "*sslSupportMethod": ("vip",),
    "*viewerProtocolPolicy": ("allow-all",),
    "*originProtocolPolicy": ("http-only", "match-viewer"),
    "*originSslProtocols(*)": ("TLSv1", "SSLv3"),
    "*cachePolicyId": ("658327ea-f89d-4fab-a63d-7e88639e58f6",),
    "*responseHeadersPolicyId": ("",),
    "defaultRootObject": ("",),
    "signingBehavior": ("never", "no-override"),
    "cidrIpv4": ("0.0.0.0/0",),
    "ingress(*).cidrBlock": ("0.0.0.0/0",),
    "cidrBlock": ("10.1.0.0/16",),
    "versioningConfiguration.status": ("Suspended", "Disabled"),
    "rules(*).status": ("Disabled",),
    "*sseAlgorithm": ("none", "AES256"),
    "*objectOwnership": ("ObjectWriter", "BucketOwnerPreferred"),
    "*defaultRetention.mode": ("GOVERNANCE", "none"),
    "imageTagMutability": ("MUTABLE", "IMMUTABLE_WITH_EXCLUSION"),
    "*encryptionType": ("AES256",),
    "desyncMitigationMode": ("monitor",),
    "loadBalancingCrossZoneEnabled": ("false",),
    "validationMethod": ("EMAIL",),
    "trafficType": ("REJECT", "ACCEPT"),
    "parameters(tls).value": ("disabled", "enabled"),
    "parameters(audit_logs).value": ("disabled", "none"),
    "parameters(profiler).value": ("disabled",),
    "settings(containerInsights).value": ("disabled",),
    "deploymentController.type": ("ECS",),
    "deploymentStyle.deploymentType": ("IN_PLACE",),
    "deploymentStyle.deploymentOption": ("WITHOUT_TRAFFIC_CONTROL",),
    "deploymentConfigName": ("CodeDeployDefault.ECSAllAtOnce",),
    "preferred*Window": ("",),
    "availabilityZone": ("eu-central-1a", "eu-central-1b"),
    "instanceClass": ("db.t3.medium",),
    "engineVersion": ("3.6.0",),
    "launchType": ("EC2",),
    "networkMode": ("host", "bridge"),
    "policyType": ("StepScaling",),
    "*predefinedMetricType": ("ECSServiceAverageMemoryUtilization",),
    "treatMissingData": ("ignore", "notBreaching"),
    "comparisonOperator": ("LessThanThreshold", "GreaterThanThreshold"),
    "statistic": ("SampleCount",),
    "extendedStatistic": ("p1",),
    "description": ("", "Managed by Pulumi"),
    "policyArn": ("arn:aws:iam::aws:policy/AdministratorAccess", "arn:aws:iam::aws:policy/IAMFullAccess"),
    "serviceName": ("com.amazonaws.eu-central-1.ec2",),
}
"""By a pattern of the path in the inputs, the strings that take the place of the one that is there."""

_ALLOW: Final[dict[str, Any]] = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}


def _document(*others: dict[str, Any], **statement: Any) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [*others, {**_ALLOW, **statement}]}


_TLS: Final[dict[str, Any]] = {
    "Effect": "Deny",
    "Principal": "*",
    "Action": "s3:*",
    "Resource": "*",
    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
}
_ROOT: Final = "arn:aws:iam::123456789012:root"
_FOR_US: Final[dict[str, Any]] = {"Condition": {"StringEquals": {"aws:SourceAccount": "123456789012"}}}
_REST: Final[dict[str, Any]] = {"Effect": "Allow", "Action": "s3:GetObject"}
_OPEN: Final[dict[str, Any]] = {
    "a policy that admits anyone": _document(_TLS, Principal="*"),
    "a policy that admits every account": _document(_TLS, Principal={"AWS": "*"}),
}


def _containers(**changes: Any) -> list[dict[str, Any]]:
    good = {
        "name": "app",
        "image": f"app@sha256:{'0' * 64}",
        "user": "10001",
        "readonlyRootFilesystem": True,
        "privileged": False,
        "logConfiguration": {"logDriver": "awslogs"},
    }
    return [{key: value for key, value in {**good, **changes}.items() if value is not None}]


def _images(count: int) -> dict[str, Any]:
    selection = {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": count}
    return {"rules": [{"rulePriority": 1, "selection": selection, "action": {"type": "expire"}}]}


DOCUMENTS: Final[Mapping[str, Mapping[str, Any]]] = {
    "s3/bucketPolicy:BucketPolicy.policy": {
        **_OPEN,
        "a policy that lets CloudFront act for anyone": _document(
            _TLS, Principal={"Service": "cloudfront.amazonaws.com"}
        ),
        "a policy that allows plain HTTP": _document(Principal={"Service": "logs.amazonaws.com"}),
        "a policy that admits all but one": _document(_TLS, NotPrincipal={"AWS": _ROOT}),
        "a policy that admits whoever says where he comes from": _document(
            _TLS, Principal="*", Condition={"StringLike": {"aws:Referer": "https://*"}}
        ),
        "a policy that admits another account": _document(_TLS, Principal={"AWS": "arn:aws:iam::999999999999:root"}),
        "a policy that lets CloudFront write": _document(
            _TLS, **_FOR_US, Principal={"Service": "cloudfront.amazonaws.com"}, Action="s3:*"
        ),
        "a policy that wants TLS of objects alone": _document({**_TLS, "Resource": "arn:aws:s3:::one/*"}, **_FOR_US),
    },
    "kms/key:Key.policy": {
        **_OPEN,
        "a policy that admits another account": _document(
            Principal={"AWS": "arn:aws:iam::999999999999:root"}, Action="kms:*"
        ),
        "a policy that nobody can change": _document(Principal={"AWS": _ROOT}, Action="kms:Decrypt"),
    },
    "sns/topic:Topic.policy": _OPEN,
    "iam/rolePolicy:RolePolicy.policy": {
        "a policy that allows everything": _document(Action="*"),
        "a policy that allows all but some": {"Statement": [{"Effect": "Allow", "NotAction": "iam:*"}]},
        "a policy that allows all of S3": _document(Action="s3:*"),
        "a policy that passes any role": _document(Action="iam:PassRole"),
        "a policy that allows all buckets but one": {"Statement": [{**_REST, "NotResource": "arn:aws:s3:::one/*"}]},
        "a policy that decrypts with every key": _document(Action="kms:Decrypt"),
        "a policy that reads every secret": _document(Action="secretsmanager:BatchGetSecretValue"),
        "a policy that gives itself rights": _document(
            Action="iam:PutRolePolicy", Resource="arn:aws:iam::123456789012:role/one"
        ),
    },
    "ecr/lifecyclePolicy:LifecyclePolicy.policy": {"a policy that keeps one image": _images(1)},
    "iam/role:Role.assumeRolePolicy": {
        "a trust in anyone": _document(Action="sts:AssumeRole", Principal="*"),
        "a trust in every account": _document(Action="sts:AssumeRole", Principal={"AWS": "*"}),
        "a trust in a service for anyone": _document(
            Action="sts:AssumeRole", Principal={"Service": "ecs-tasks.amazonaws.com"}
        ),
        "a trust in another account": _document(
            Action="sts:AssumeRole", Principal={"AWS": "arn:aws:iam::999999999999:root"}
        ),
    },
    "ecs/taskDefinition:TaskDefinition.containerDefinitions": {
        "a container that runs as root": _containers(user="root"),
        "a container without a user": _containers(user=None),
        "a container that writes to its root": _containers(readonlyRootFilesystem=False),
        "a privileged container": _containers(privileged=True),
        "a container without logs": _containers(logConfiguration=None),
        "a container with a password in its command": _containers(command=["serve", "--password=x"]),
        "a container with a signing key": _containers(environment=[{"name": "JWT_SIGNING_KEY", "value": "x"}]),
        "a container with a password": _containers(environment=[{"name": "DB_PASSWORD", "value": "x"}]),
        "a container with a secret of dev": _containers(secrets=[{"name": "A", "valueFrom": "arn:dev"}]),
        "a container of the latest image": _containers(image="app:latest"),
        "a container that may trace others": _containers(linuxParameters={"capabilities": {"add": ["SYS_PTRACE"]}}),
    },
}
"""By the place, what takes the place of a JSON document."""

_WORLD: Final[dict[str, Any]] = {"protocol": "-1", "fromPort": 0, "toPort": 0, "cidrBlocks": ["0.0.0.0/0"]}

ADDED: Final[Mapping[str, Sequence[dict[str, Any]]]] = {
    "acm/certificate:Certificate": (
        {"options": {"certificateTransparencyLoggingPreference": "DISABLED"}},
        {"keyAlgorithm": "RSA_1024"},
    ),
    "appautoscaling/target:Target": ({"suspendedState": {"dynamicScalingOutSuspended": True}},),
    "cloudfront/distribution:Distribution": (
        {"customErrorResponses": [{"errorCode": 404, "responseCode": 200, "responsePagePath": "/index.html"}]},
    ),
    "cloudwatch/metricAlarm:MetricAlarm": ({"actionsEnabled": False},),
    "docdb/clusterInstance:ClusterInstance": ({"caCertIdentifier": "rds-ca-2019"},),
    "ec2/defaultSecurityGroup:DefaultSecurityGroup": ({"ingress": [_WORLD]}, {"egress": [_WORLD]}),
    "ec2/securityGroup:SecurityGroup": ({"ingress": [_WORLD]}, {"egress": [_WORLD]}),
    "ecs/service:Service": (
        {"deploymentMinimumHealthyPercent": 0},
        {"enableExecuteCommand": True},
        {"forceDelete": True},
        {"platformVersion": "1.3.0"},
        {"capacityProviderStrategies": [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]},
    ),
    "ecs/taskDefinition:TaskDefinition": ({"pidMode": "host"}, {"ipcMode": "host"}),
    "ec2/subnet:Subnet": ({"assignIpv6AddressOnCreation": True},),
    "iam/role:Role": (
        {"managedPolicyArns": ["arn:aws:iam::aws:policy/AdministratorAccess"]},
        {"managedPolicyArns": ["arn:aws:iam::aws:policy/AmazonS3FullAccess"]},
        {"inlinePolicies": [{"name": "all", "policy": "{}"}]},
    ),
    "kms/key:Key": (
        {"isEnabled": False},
        {"bypassPolicyLockoutSafetyCheck": True},
        {"rotationPeriodInDays": 2560},
    ),
    "s3/bucket:Bucket": (
        {"acl": "public-read"},
        {"website": {"indexDocument": "index.html"}},
    ),
    "wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration": ({"loggingFilter": {"defaultBehavior": "DROP"}},),
    "lb/loadBalancer:LoadBalancer": ({"enableWafFailOpen": True},),
    "vpc/securityGroupEgressRule:SecurityGroupEgressRule": ({"cidrIpv6": "::/0", "fromPort": 22, "toPort": 22},),
    "vpc/securityGroupIngressRule:SecurityGroupIngressRule": (
        {"cidrIpv4": "0.0.0.0/0"},
        {"cidrIpv6": "::/0"},
        {"cidrIpv4": "0.0.0.0/0", "fromPort": 22, "toPort": 22},
        {"cidrIpv6": "::/0", "fromPort": 22, "toPort": 22},
    ),
}
"""By type, inputs that the environment leaves out and that would make it weaker."""
