"""What a deployer may do, by kind of resource: the deploy role is made of this, and a deployer is held against it.

Actions and the resources they can be limited to: https://docs.aws.amazon.com/service-authorization/latest/reference/.
Names are the environment's own, so that the role of one environment can't touch another's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

EDGE_REGION: Final = "us-east-1"
"""Of CloudFront's certificate and web ACL, and of requests to global services."""


@dataclass(frozen=True, kw_only=True)
class Permission:
    """Actions for some types of resource.

    Attributes:
        sid: says what for, as IAM wants it: letters and digits.
        policy: name of the managed policy that holds it; IAM takes 6144 characters for each.
        types: type tokens, all that begin so; empty for what every deploy needs.
        actions: without the service, separated by blanks; `*` only at the end of reads.
        service: prefix of the actions.
        resources: ARNs with `{account}` and `{name}`, the environment's name.
        passed_to: service to which alone roles may be passed.
    """

    sid: str
    policy: str
    types: tuple[str, ...]
    service: str
    actions: str
    resources: tuple[str, ...] = ("*",)
    passed_to: str = ""

    @property
    def full_actions(self) -> list[str]:
        """With the service, as `ec2:CreateVpc`."""
        return [f"{self.service}:{action}" for action in self.actions.split()]

    def arns(self, account: str, name: str) -> list[str]:
        """Return the resources of one environment in one account."""
        return [arn.format(account=account, name=name) for arn in self.resources]

    def statement(self, account: str, name: str, regions: Iterable[str]) -> dict[str, Any]:
        """Return the statement of an IAM policy."""
        condition: dict[str, Any] = {"StringEquals": {"aws:RequestedRegion": sorted({*regions, EDGE_REGION})}}
        if self.passed_to:
            # PassRole is no request of its own: it has no region.
            condition = {"StringEquals": {"iam:PassedToService": self.passed_to}}
        return {
            "Sid": self.sid,
            "Effect": "Allow",
            "Action": self.full_actions,
            "Resource": self.arns(account, name),
            "Condition": condition,
        }

    def is_for(self, types: Iterable[str]) -> bool:
        """Whether any of the types needs it."""
        return not self.types or any(found.startswith(self.types) for found in types)


def _pass_role(sid: str, types: tuple[str, ...], passed_to: str) -> Permission:
    return Permission(
        sid=sid, policy="identity", types=types, service="iam", actions="PassRole",
        resources=("arn:aws:iam::{account}:role/{name}-*",), passed_to=passed_to,
    )  # fmt: skip


PERMISSIONS: Final = (
    Permission(
        sid="ReadNetwork", policy="network", types=("aws:ec2/", "aws:vpc/"), service="ec2",
        actions="Describe* GetManagedPrefixListEntries",
    ),
    Permission(
        sid="MakeVpcAndSubnets", policy="network", types=("aws:ec2/",), service="ec2",
        actions="CreateVpc DeleteVpc ModifyVpcAttribute CreateSubnet DeleteSubnet ModifySubnetAttribute "
        "CreateInternetGateway DeleteInternetGateway AttachInternetGateway DetachInternetGateway "
        "CreateTags DeleteTags",
    ),
    Permission(
        sid="RouteAndTranslateAddresses", policy="network", types=("aws:ec2/",), service="ec2",
        actions="AllocateAddress ReleaseAddress AssociateAddress DisassociateAddress CreateNatGateway "
        "DeleteNatGateway CreateRouteTable DeleteRouteTable AssociateRouteTable DisassociateRouteTable "
        "ReplaceRouteTableAssociation CreateRoute ReplaceRoute DeleteRoute",
    ),
    Permission(
        sid="FilterTraffic", policy="network", types=("aws:ec2/", "aws:vpc/"), service="ec2",
        actions="CreateNetworkAcl DeleteNetworkAcl CreateNetworkAclEntry ReplaceNetworkAclEntry "
        "DeleteNetworkAclEntry ReplaceNetworkAclAssociation CreateSecurityGroup DeleteSecurityGroup "
        "AuthorizeSecurityGroupIngress AuthorizeSecurityGroupEgress RevokeSecurityGroupIngress "
        "RevokeSecurityGroupEgress ModifySecurityGroupRules UpdateSecurityGroupRuleDescriptionsIngress "
        "UpdateSecurityGroupRuleDescriptionsEgress",
    ),
    Permission(
        sid="ReachServicesPrivately", policy="network", types=("aws:ec2/vpcEndpoint",), service="ec2",
        actions="CreateVpcEndpoint ModifyVpcEndpoint DeleteVpcEndpoints",
    ),
    Permission(
        sid="LogTraffic", policy="network", types=("aws:ec2/flowLog",), service="ec2",
        actions="CreateFlowLogs DeleteFlowLogs",
    ),
    Permission(
        sid="ReadLoadBalancing", policy="compute", types=("aws:lb/",), service="elasticloadbalancing",
        actions="Describe*",
    ),
    Permission(
        sid="BalanceLoad", policy="compute", types=("aws:lb/",), service="elasticloadbalancing",
        actions="CreateLoadBalancer DeleteLoadBalancer ModifyLoadBalancerAttributes SetSecurityGroups SetSubnets "
        "CreateTargetGroup DeleteTargetGroup ModifyTargetGroup ModifyTargetGroupAttributes CreateListener "
        "DeleteListener ModifyListener ModifyListenerAttributes CreateRule DeleteRule ModifyRule AddTags RemoveTags",
        resources=tuple(
            f"arn:aws:elasticloadbalancing:*:{{account}}:{kind}/{{name}}-*"
            for kind in ("loadbalancer/app", "targetgroup", "listener/app", "listener-rule/app")
        ),
    ),
    Permission(
        sid="ProtectLoadBalancer", policy="compute", types=("aws:wafv2/webAclAssociation",),
        service="elasticloadbalancing", actions="SetWebACL",
        resources=("arn:aws:elasticloadbalancing:*:{account}:loadbalancer/app/{name}-*",),
    ),
    Permission(
        sid="RunContainers", policy="compute", types=("aws:ecs/",), service="ecs",
        actions="CreateCluster DeleteCluster UpdateCluster UpdateClusterSettings DescribeClusters "
        "PutClusterCapacityProviders CreateService UpdateService DeleteService DescribeServices TagResource "
        "UntagResource ListTagsForResource",
        resources=("arn:aws:ecs:*:{account}:cluster/{name}-*", "arn:aws:ecs:*:{account}:service/{name}-*"),
    ),
    Permission(
        sid="DefineTasks", policy="compute", types=("aws:ecs/taskDefinition",), service="ecs",
        # These take no resource: the service authorization reference lists none for them.
        actions="RegisterTaskDefinition DeregisterTaskDefinition DescribeTaskDefinition",
    ),
    Permission(
        sid="KeepImages", policy="compute", types=("aws:ecr/",), service="ecr",
        actions="CreateRepository DeleteRepository DescribeRepositories PutImageScanningConfiguration "
        "PutImageTagMutability PutLifecyclePolicy GetLifecyclePolicy DeleteLifecyclePolicy TagResource "
        "UntagResource ListTagsForResource",
        resources=("arn:aws:ecr:*:{account}:repository/{name}-*",),
    ),
    Permission(
        sid="DeployBlueGreen", policy="compute", types=("aws:codedeploy/",), service="codedeploy",
        actions="CreateApplication DeleteApplication GetApplication UpdateApplication CreateDeploymentGroup "
        "DeleteDeploymentGroup GetDeploymentGroup UpdateDeploymentGroup TagResource UntagResource "
        "ListTagsForResource",
        resources=(
            "arn:aws:codedeploy:*:{account}:application:{name}-*",
            "arn:aws:codedeploy:*:{account}:deploymentgroup:{name}-*",
        ),
    ),
    Permission(
        sid="ScaleService", policy="compute", types=("aws:appautoscaling/",), service="application-autoscaling",
        actions="RegisterScalableTarget DeregisterScalableTarget DescribeScalableTargets PutScalingPolicy "
        "DeleteScalingPolicy DescribeScalingPolicies ListTagsForResource TagResource UntagResource",
    ),
    Permission(
        sid="ReadDatabase", policy="data", types=("aws:docdb/",), service="rds",
        # DocumentDB's API is RDS's, and so are its actions and ARNs:
        # https://docs.aws.amazon.com/documentdb/latest/developerguide/UsingWithRDS.IAM.html
        actions="DescribeDBClusters DescribeDBInstances DescribeDBClusterParameterGroups "
        "DescribeDBClusterParameters DescribeDBSubnetGroups DescribeGlobalClusters ListTagsForResource",
    ),
    Permission(
        sid="RunDatabase", policy="data", types=("aws:docdb/",), service="rds",
        actions="CreateDBCluster ModifyDBCluster DeleteDBCluster CreateDBInstance ModifyDBInstance DeleteDBInstance "
        "CreateDBClusterParameterGroup ModifyDBClusterParameterGroup DeleteDBClusterParameterGroup "
        "ResetDBClusterParameterGroup CreateDBSubnetGroup ModifyDBSubnetGroup DeleteDBSubnetGroup "
        "CreateDBClusterSnapshot AddTagsToResource RemoveTagsFromResource",
        resources=tuple(
            f"arn:aws:rds:*:{{account}}:{kind}:{{name}}-*"
            for kind in ("cluster", "db", "cluster-pg", "subgrp", "cluster-snapshot")
        ),
    ),
    Permission(
        sid="KeepSecrets", policy="data", types=("aws:secretsmanager/",), service="secretsmanager",
        actions="CreateSecret DeleteSecret DescribeSecret UpdateSecret GetSecretValue PutSecretValue "
        "UpdateSecretVersionStage GetResourcePolicy RestoreSecret TagResource UntagResource",
        resources=("arn:aws:secretsmanager:*:{account}:secret:{name}/*",),
    ),
    Permission(
        sid="MakeEncryptionKeys", policy="data", types=("aws:kms/",), service="kms",
        actions="CreateKey ListAliases ListKeys",
    ),
    Permission(
        sid="ManageEncryptionKeys", policy="data", types=("aws:kms/",), service="kms",
        # A key has no name; tags take minutes to count in conditions, so they can't tell a new key from others:
        # https://docs.aws.amazon.com/kms/latest/developerguide/tag-authorization.html
        actions="DescribeKey EnableKeyRotation DisableKeyRotation GetKeyPolicy GetKeyRotationStatus "
        "ListResourceTags PutKeyPolicy ScheduleKeyDeletion CancelKeyDeletion TagResource UntagResource "
        "UpdateKeyDescription CreateAlias UpdateAlias DeleteAlias",
        resources=("arn:aws:kms:*:{account}:key/*", "arn:aws:kms:*:{account}:alias/{name}-*"),
    ),
    Permission(
        sid="UseKeysForServices", policy="data",
        types=("aws:kms/", "aws:docdb/", "aws:secretsmanager/"), service="kms",
        actions="CreateGrant Decrypt Encrypt GenerateDataKey",
        resources=("arn:aws:kms:*:{account}:key/*",),
    ),
    Permission(
        sid="KeepFiles", policy="data", types=("aws:s3/",), service="s3",
        actions="CreateBucket DeleteBucket ListBucket GetBucket* PutBucketAcl PutBucketLogging "
        "PutBucketNotification PutBucketObjectLockConfiguration PutBucketOwnershipControls PutBucketPolicy "
        "DeleteBucketPolicy PutBucketPublicAccessBlock PutBucketTagging PutBucketVersioning "
        "GetAccelerateConfiguration GetEncryptionConfiguration PutEncryptionConfiguration "
        "GetLifecycleConfiguration PutLifecycleConfiguration GetReplicationConfiguration ListTagsForResource "
        "TagResource UntagResource",
        resources=("arn:aws:s3:::{name}-*",),
    ),
    Permission(
        sid="RecordEvidence", policy="data", types=(), service="s3",
        actions="PutObject GetObject PutObjectRetention",
        resources=("arn:aws:s3:::{name}-evidence-*/*",),
    ),
    Permission(
        sid="ReadCertificates", policy="edge", types=("aws:acm/",), service="acm",
        actions="DescribeCertificate ListCertificates ListTagsForCertificate",
    ),
    Permission(
        sid="OrderCertificates", policy="edge", types=("aws:acm/",), service="acm",
        actions="RequestCertificate DeleteCertificate UpdateCertificateOptions AddTagsToCertificate "
        "RemoveTagsFromCertificate",
    ),
    Permission(
        sid="DeliverContent", policy="edge", types=("aws:cloudfront/",), service="cloudfront",
        actions="CreateDistribution UpdateDistribution DeleteDistribution GetDistribution GetDistributionConfig "
        "CreateFunction UpdateFunction DeleteFunction DescribeFunction GetFunction PublishFunction "
        "CreateOriginAccessControl UpdateOriginAccessControl DeleteOriginAccessControl GetOriginAccessControl "
        "ListCachePolicies GetCachePolicy ListOriginRequestPolicies GetOriginRequestPolicy "
        "ListResponseHeadersPolicies GetResponseHeadersPolicy ListTagsForResource TagResource UntagResource "
        "AllowVendedLogDeliveryForResource",
    ),
    Permission(
        sid="NameTheSite", policy="edge", types=("aws:route53/",), service="route53",
        actions="ChangeResourceRecordSets GetHostedZone ListResourceRecordSets ListTagsForResource",
        resources=("arn:aws:route53:::hostedzone/*",),
    ),
    Permission(
        sid="FollowNames", policy="edge", types=("aws:route53/",), service="route53",
        actions="ListHostedZones ListHostedZonesByName GetChange",
    ),
    Permission(
        sid="FilterRequests", policy="edge", types=("aws:wafv2/",), service="wafv2",
        actions="CreateWebACL UpdateWebACL DeleteWebACL GetWebACL AssociateWebACL DisassociateWebACL "
        "GetWebACLForResource PutLoggingConfiguration GetLoggingConfiguration DeleteLoggingConfiguration "
        "ListTagsForResource TagResource UntagResource",
        # Managed rule groups are resources of the web ACLs that use them, and have AWS's names.
        resources=("arn:aws:wafv2:*:*:*/*",),
    ),
    Permission(
        sid="ReadAlarmsAndLogs", policy="operations", types=("aws:cloudwatch/",), service="cloudwatch",
        actions="DescribeAlarms ListTagsForResource",
    ),
    Permission(
        sid="Alarm", policy="operations", types=("aws:cloudwatch/metricAlarm",), service="cloudwatch",
        actions="PutMetricAlarm DeleteAlarms TagResource UntagResource",
        resources=("arn:aws:cloudwatch:*:{account}:alarm:{name}-*",),
    ),
    Permission(
        sid="FindLogs", policy="operations", types=("aws:cloudwatch/log", "aws:ec2/flowLog", "aws:wafv2/webAclLogging"),
        service="logs",
        actions="DescribeLogGroups DescribeDeliveries DescribeResourcePolicies PutResourcePolicy CreateLogDelivery "
        "GetLogDelivery UpdateLogDelivery DeleteLogDelivery ListLogDeliveries",
    ),
    Permission(
        sid="KeepLogs", policy="operations", types=("aws:cloudwatch/logGroup",), service="logs",
        actions="CreateLogGroup DeleteLogGroup PutRetentionPolicy DeleteRetentionPolicy AssociateKmsKey "
        "DisassociateKmsKey ListTagsForResource TagResource UntagResource",
        resources=tuple(
            f"arn:aws:logs:*:{{account}}:log-group:{path}*"
            for path in ("/{name}/", "/aws/ecs/containerinsights/{name}-", "/aws/docdb/{name}-", "aws-waf-logs-{name}-")
        ),
    ),
    Permission(
        sid="DeliverLogs", policy="operations", types=("aws:cloudwatch/logDelivery",), service="logs",
        actions="PutDeliverySource GetDeliverySource DeleteDeliverySource PutDeliveryDestination "
        "GetDeliveryDestination DeleteDeliveryDestination CreateDelivery GetDelivery UpdateDeliveryConfiguration "
        "DeleteDelivery TagResource UntagResource ListTagsForResource",
    ),
    Permission(
        sid="Notify", policy="operations", types=("aws:sns/",), service="sns",
        actions="CreateTopic DeleteTopic GetTopicAttributes SetTopicAttributes Subscribe Unsubscribe "
        "GetSubscriptionAttributes ListTagsForResource TagResource UntagResource",
        resources=("arn:aws:sns:*:{account}:{name}-*",),
    ),
    Permission(
        sid="MakeRolesOfTheEnvironment", policy="identity", types=("aws:iam/",), service="iam",
        actions="CreateRole DeleteRole GetRole UpdateRole UpdateAssumeRolePolicy PutRolePolicy GetRolePolicy "
        "DeleteRolePolicy ListRolePolicies AttachRolePolicy DetachRolePolicy ListAttachedRolePolicies "
        "ListInstanceProfilesForRole TagRole UntagRole ListRoleTags",
        resources=("arn:aws:iam::{account}:role/{name}-*",),
    ),
    Permission(
        sid="LetServicesMakeTheirOwnRoles", policy="identity",
        types=("aws:ecs/", "aws:lb/", "aws:docdb/", "aws:appautoscaling/"), service="iam",
        actions="CreateServiceLinkedRole", resources=("arn:aws:iam::{account}:role/aws-service-role/*",),
    ),
    _pass_role("RunTasksAsRoles", ("aws:ecs/taskDefinition",), "ecs-tasks.amazonaws.com"),
    _pass_role("LetCodeDeployActAsRole", ("aws:codedeploy/deploymentGroup",), "codedeploy.amazonaws.com"),
    _pass_role("LetFlowLogsActAsRole", ("aws:ec2/flowLog",), "vpc-flow-logs.amazonaws.com"),
)  # fmt: skip


def policies(account: str, name: str, regions: Iterable[str]) -> Mapping[str, dict[str, Any]]:
    """Return the IAM policy documents of a deployer, by the short name of the policy.

    Args:
        account: 12 digits.
        name: of the environment, such as `prod`.
        regions: in which it may act; us-east-1 is added for the edge.
    """
    wanted = tuple(regions)
    found: dict[str, dict[str, Any]] = {}
    for permission in PERMISSIONS:
        document = found.setdefault(permission.policy, {"Version": "2012-10-17", "Statement": []})
        document["Statement"].append(permission.statement(account, name, wanted))
    return found
