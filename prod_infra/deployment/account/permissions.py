"""What a deployer may do, by kind of resource: the deploy role is made of this, and a deployer is held against it.

Actions and the resources they can be limited to: https://docs.aws.amazon.com/service-authorization/latest/reference/.
Names are the environment's own, so that the role of one environment can't touch another's.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from prod_infra.deployment.account.permission import Permission

_ROLES: Final = "iam::{account}:role/{name}-*"
_DEFAULT_GROUPS: Final = "rds:*:{account}:og:default* rds:*:{account}:pg:default*"
"""What RDS takes, and asks IAM about, where a call names no option group or parameter group; nobody can change them."""

_DRILL: Final = "drill"
"""In the place of types: what runbooks need beside the deploy; no plan asks for it."""


def _may(  # noqa: PLR0917  rows of a table
    policy: str,
    service: str,
    sid: str,
    types: str,
    actions: str,
    resources: str = "",
    *,
    passed_to: str = "",
    bounded: bool = False,
) -> Permission:
    """Return a permission; types without `aws:`, resources without `arn:aws:`, several separated by blanks."""
    return Permission(
        sid=sid,
        policy=policy,
        service=service,
        types=tuple(kind if kind == _DRILL else f"aws:{kind}" for kind in types.split()),
        actions=actions,
        resources=tuple(f"arn:aws:{arn}" for arn in resources.split()) or ("*",),
        passed_to=passed_to,
        bounded=bounded,
    )


PERMISSIONS: Final = (
    _may("network", "ec2", "ReadNetwork", "ec2/ vpc/",
         "Describe* GetManagedPrefixListEntries"),
    _may("network", "ec2", "MakeVpcAndSubnets", "ec2/",
         "CreateVpc DeleteVpc ModifyVpcAttribute CreateSubnet DeleteSubnet ModifySubnetAttribute "
         "CreateInternetGateway DeleteInternetGateway AttachInternetGateway DetachInternetGateway CreateTags "
         "DeleteTags"),
    _may("network", "ec2", "RouteAndTranslateAddresses", "ec2/",
         "AllocateAddress ReleaseAddress AssociateAddress DisassociateAddress CreateNatGateway DeleteNatGateway "
         "CreateRouteTable DeleteRouteTable AssociateRouteTable DisassociateRouteTable "
         "ReplaceRouteTableAssociation CreateRoute ReplaceRoute DeleteRoute"),
    _may("network", "ec2", "FilterTraffic", "ec2/ vpc/",
         "CreateNetworkAcl DeleteNetworkAcl CreateNetworkAclEntry ReplaceNetworkAclEntry DeleteNetworkAclEntry "
         "ReplaceNetworkAclAssociation CreateSecurityGroup DeleteSecurityGroup AuthorizeSecurityGroupIngress "
         "AuthorizeSecurityGroupEgress RevokeSecurityGroupIngress RevokeSecurityGroupEgress "
         "ModifySecurityGroupRules UpdateSecurityGroupRuleDescriptionsIngress "
         "UpdateSecurityGroupRuleDescriptionsEgress"),
    _may("network", "ec2", "ReachServicesPrivately", "ec2/vpcEndpoint",
         "CreateVpcEndpoint ModifyVpcEndpoint DeleteVpcEndpoints"),
    _may("network", "ec2", "LogTraffic", "ec2/flowLog",
         "CreateFlowLogs DeleteFlowLogs"),
    _may("compute", "elasticloadbalancing", "ReadLoadBalancing", "lb/",
         "Describe*"),
    _may("compute", "elasticloadbalancing", "BalanceLoad", "lb/",
         "CreateLoadBalancer DeleteLoadBalancer ModifyLoadBalancerAttributes SetSecurityGroups SetSubnets "
         "CreateTargetGroup DeleteTargetGroup ModifyTargetGroup ModifyTargetGroupAttributes CreateListener "
         "DeleteListener ModifyListener ModifyListenerAttributes CreateRule DeleteRule ModifyRule AddTags "
         "RemoveTags",
         "elasticloadbalancing:*:{account}:loadbalancer/app/{name}-* "
         "elasticloadbalancing:*:{account}:targetgroup/{name}-* "
         "elasticloadbalancing:*:{account}:listener/app/{name}-* "
         "elasticloadbalancing:*:{account}:listener-rule/app/{name}-*"),
    _may("compute", "elasticloadbalancing", "ProtectLoadBalancer", "wafv2/webAclAssociation",
         "CreateWebACLAssociation DeleteWebACLAssociation GetLoadBalancerWebACL",
         "elasticloadbalancing:*:{account}:loadbalancer/app/{name}-*"),
    # The guide of AWS WAF names this one, the reference those above; it takes no resource.
    _may("compute", "elasticloadbalancing", "ProtectLoadBalancerAsBefore", "wafv2/webAclAssociation",
         "SetWebACL"),
    _may("compute", "ecs", "RunContainers", "ecs/",
         "CreateCluster DeleteCluster UpdateCluster UpdateClusterSettings DescribeClusters "
         "PutClusterCapacityProviders CreateService UpdateService DeleteService DescribeServices TagResource "
         "UntagResource ListTagsForResource",
         # A definition that is registered with tags needs TagResource:
         # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/supported-iam-actions-tagging.html
         "ecs:*:{account}:cluster/{name}-* ecs:*:{account}:service/{name}-* ecs:*:{account}:task-definition/{name}-*"),
    # These take no resource: the service authorization reference lists none for them.
    _may("compute", "ecs", "DefineTasks", "ecs/taskDefinition",
         "RegisterTaskDefinition DeregisterTaskDefinition DescribeTaskDefinition"),
    _may("compute", "ecr", "KeepImages", "ecr/",
         "CreateRepository DeleteRepository DescribeRepositories PutImageScanningConfiguration "
         "PutImageTagMutability PutLifecyclePolicy GetLifecyclePolicy DeleteLifecyclePolicy TagResource "
         "UntagResource ListTagsForResource",
         "ecr:*:{account}:repository/{name}-*"),
    _may("compute", "codedeploy", "DeployBlueGreen", "codedeploy/",
         "CreateApplication DeleteApplication GetApplication UpdateApplication CreateDeploymentGroup "
         "DeleteDeploymentGroup GetDeploymentGroup UpdateDeploymentGroup TagResource UntagResource "
         "ListTagsForResource",
         "codedeploy:*:{account}:application:{name}-* codedeploy:*:{account}:deploymentgroup:{name}-*"),
    _may("compute", "application-autoscaling", "ScaleService", "appautoscaling/",
         "RegisterScalableTarget DeregisterScalableTarget DescribeScalableTargets PutScalingPolicy "
         "DeleteScalingPolicy DescribeScalingPolicies ListTagsForResource TagResource UntagResource"),
    # DocumentDB's API is RDS's, and so are its actions and ARNs:
    # https://docs.aws.amazon.com/documentdb/latest/developerguide/UsingWithRDS.IAM.html
    _may("data", "rds", "ReadDatabase", "docdb/",
         "DescribeDBClusters DescribeDBInstances DescribeDBClusterParameterGroups DescribeDBClusterParameters "
         "DescribeDBSubnetGroups DescribeGlobalClusters ListTagsForResource"),
    _may("data", "rds", "RunDatabase", "docdb/",
         "CreateDBCluster ModifyDBCluster DeleteDBCluster CreateDBInstance ModifyDBInstance DeleteDBInstance "
         "CreateDBClusterParameterGroup ModifyDBClusterParameterGroup DeleteDBClusterParameterGroup "
         "ResetDBClusterParameterGroup CreateDBSubnetGroup ModifyDBSubnetGroup DeleteDBSubnetGroup "
         "CreateDBClusterSnapshot AddTagsToResource RemoveTagsFromResource",
         "rds:*:{account}:cluster:{name}-* rds:*:{account}:db:{name}-* rds:*:{account}:cluster-pg:{name}-* "
         "rds:*:{account}:subgrp:{name}-* rds:*:{account}:cluster-snapshot:{name}-* " + _DEFAULT_GROUPS),
    _may("data", "secretsmanager", "KeepSecrets", "secretsmanager/",
         "CreateSecret DeleteSecret DescribeSecret UpdateSecret GetSecretValue PutSecretValue "
         "UpdateSecretVersionStage GetResourcePolicy RestoreSecret TagResource UntagResource",
         "secretsmanager:*:{account}:secret:{name}/*"),
    _may("data", "kms", "MakeEncryptionKeys", "kms/",
         "CreateKey ListAliases ListKeys"),
    # A key has no name; tags take minutes to count in conditions, so they can't tell a new key from others:
    # https://docs.aws.amazon.com/kms/latest/developerguide/tag-authorization.html
    _may("data", "kms", "ManageEncryptionKeys", "kms/",
         "DescribeKey EnableKeyRotation DisableKeyRotation GetKeyPolicy GetKeyRotationStatus ListResourceTags "
         "PutKeyPolicy ScheduleKeyDeletion CancelKeyDeletion TagResource UntagResource UpdateKeyDescription "
         "CreateAlias UpdateAlias DeleteAlias",
         "kms:*:{account}:key/* kms:*:{account}:alias/{name}-*"),
    _may("data", "kms", "UseKeysForServices", "kms/ docdb/ ecr/ secretsmanager/",
         # ECR takes its grants back with the rights of who deletes the repository:
         # https://docs.aws.amazon.com/AmazonECR/latest/userguide/encryption-at-rest.html
         "CreateGrant Decrypt Encrypt GenerateDataKey RetireGrant",
         "kms:*:{account}:key/*"),
    _may("data", "s3", "KeepFiles", "s3/",
         "CreateBucket DeleteBucket ListBucket GetBucket* PutBucketAcl PutBucketLogging PutBucketNotification "
         "PutBucketObjectLockConfiguration PutBucketOwnershipControls PutBucketPolicy DeleteBucketPolicy "
         "PutBucketPublicAccessBlock PutBucketTagging PutBucketVersioning GetAccelerateConfiguration "
         "GetEncryptionConfiguration PutEncryptionConfiguration GetLifecycleConfiguration "
         "PutLifecycleConfiguration GetReplicationConfiguration ListTagsForResource TagResource UntagResource",
         "s3:::{name}-*"),
    _may("data", "s3", "RecordEvidence", "",
         "PutObject GetObject PutObjectRetention",
         "s3:::{name}-evidence-*/*"),
    _may("edge", "acm", "ReadCertificates", "acm/",
         "DescribeCertificate ListCertificates ListTagsForCertificate"),
    _may("edge", "acm", "OrderCertificates", "acm/",
         "RequestCertificate DeleteCertificate UpdateCertificateOptions AddTagsToCertificate "
         "RemoveTagsFromCertificate"),
    _may("edge", "cloudfront", "DeliverContent", "cloudfront/",
         "CreateDistribution UpdateDistribution DeleteDistribution GetDistribution GetDistributionConfig "
         "CreateFunction UpdateFunction DeleteFunction DescribeFunction GetFunction PublishFunction "
         "CreateOriginAccessControl UpdateOriginAccessControl DeleteOriginAccessControl GetOriginAccessControl "
         "ListCachePolicies GetCachePolicy ListOriginRequestPolicies GetOriginRequestPolicy "
         "ListResponseHeadersPolicies GetResponseHeadersPolicy ListTagsForResource TagResource UntagResource "
         "AllowVendedLogDeliveryForResource"),
    _may("edge", "route53", "NameTheSite", "route53/",
         "ChangeResourceRecordSets GetHostedZone ListResourceRecordSets ListTagsForResource",
         "route53:::hostedzone/*"),
    _may("edge", "route53", "FollowNames", "route53/",
         "ListHostedZones ListHostedZonesByName GetChange"),
    # Managed rule groups are resources of the web ACLs that use them, and have AWS's names.
    _may("edge", "wafv2", "FilterRequests", "wafv2/",
         "CreateWebACL UpdateWebACL DeleteWebACL GetWebACL AssociateWebACL DisassociateWebACL GetWebACLForResource "
         "PutLoggingConfiguration GetLoggingConfiguration DeleteLoggingConfiguration ListTagsForResource "
         "TagResource UntagResource",
         # The association is asked about for the load balancer, too:
         # https://docs.aws.amazon.com/service-authorization/latest/reference/list_awswafv2.html
         "wafv2:*:*:*/* elasticloadbalancing:*:{account}:loadbalancer/app/{name}-*"),
    _may("operations", "cloudwatch", "ReadAlarmsAndLogs", "cloudwatch/",
         "DescribeAlarms ListTagsForResource"),
    _may("operations", "cloudwatch", "Alarm", "cloudwatch/metricAlarm",
         "PutMetricAlarm DeleteAlarms TagResource UntagResource",
         "cloudwatch:*:{account}:alarm:{name}-*"),
    _may("operations", "logs", "FindLogs", "cloudwatch/log ec2/flowLog wafv2/webAclLogging",
         "DescribeLogGroups DescribeDeliveries DescribeResourcePolicies PutResourcePolicy CreateLogDelivery "
         "GetLogDelivery UpdateLogDelivery DeleteLogDelivery ListLogDeliveries"),
    _may("operations", "logs", "KeepLogs", "cloudwatch/logGroup",
         "CreateLogGroup DeleteLogGroup PutRetentionPolicy DeleteRetentionPolicy AssociateKmsKey "
         "DisassociateKmsKey ListTagsForResource TagResource UntagResource",
         "logs:*:{account}:log-group:/{name}/* logs:*:{account}:log-group:/aws/ecs/containerinsights/{name}-* "
         "logs:*:{account}:log-group:/aws/docdb/{name}-* logs:*:{account}:log-group:aws-waf-logs-{name}-*"),
    _may("operations", "logs", "DeliverLogs", "cloudwatch/logDelivery",
         "PutDeliverySource GetDeliverySource DeleteDeliverySource PutDeliveryDestination GetDeliveryDestination "
         "DeleteDeliveryDestination CreateDelivery GetDelivery UpdateDeliveryConfiguration DeleteDelivery "
         "TagResource UntagResource ListTagsForResource"),
    _may("operations", "sns", "Notify", "sns/",
         "CreateTopic DeleteTopic GetTopicAttributes SetTopicAttributes Subscribe ListTagsForResource TagResource "
         "UntagResource",
         "sns:*:{account}:{name}-*"),
    # These take no resource, and so do those of deployments below.
    _may("operations", "sns", "FollowSubscriptions", "sns/topicSubscription",
         "Unsubscribe GetSubscriptionAttributes"),
    # Who may take a role is changed with the boundary on it alone, too: somebody else's role of a fitting name can't be
    # taken over. What is left: a deployer can let anybody take a role of the environment, which is worth the boundary.
    _may("identity", "iam", "MakeRolesOfTheEnvironment", "iam/",
         "CreateRole UpdateRole UpdateAssumeRolePolicy PutRolePolicy DeleteRolePolicy AttachRolePolicy "
         "DetachRolePolicy PutRolePermissionsBoundary",
         _ROLES, bounded=True),
    _may("identity", "iam", "ManageRolesOfTheEnvironment", "iam/",
         "DeleteRole GetRole GetRolePolicy ListRolePolicies ListAttachedRolePolicies ListInstanceProfilesForRole "
         "TagRole UntagRole ListRoleTags",
         _ROLES),
    _may("identity", "iam", "LetServicesMakeTheirOwnRoles", "ecs/ lb/ docdb/ appautoscaling/",
         "CreateServiceLinkedRole",
         "iam::{account}:role/aws-service-role/*"),
    _may("identity", "iam", "RunTasksAsRoles", "ecs/taskDefinition", "PassRole", _ROLES,
         passed_to="ecs-tasks.amazonaws.com"),
    _may("identity", "iam", "LetCodeDeployActAsRole", "codedeploy/deploymentGroup", "PassRole", _ROLES,
         passed_to="codedeploy.amazonaws.com"),
    _may("identity", "iam", "LetFlowLogsActAsRole", "ec2/flowLog", "PassRole", _ROLES,
         passed_to="vpc-flow-logs.amazonaws.com"),
    _may("verification", "s3", "FindBuckets", "", "ListAllMyBuckets"),
    _may("verification", "secretsmanager", "FindSecrets", "", "ListSecrets"),
    _may("verification", "ecs", "FindServices", "", "ListClusters ListServices ListTaskDefinitions"),
    _may("verification", "logs", "FindDeliveries", "", "DescribeDeliverySources"),
    _may("verification", "cloudfront", "FindDistributions", "", "ListDistributions"),
    _may("verification", "codedeploy", "FindDeployments", "", "ListApplications"),
    _may("verification", "codedeploy", "Release", "",
         "CreateDeployment GetDeployment ListDeployments ListDeploymentGroups BatchGetDeployments GetDeploymentGroup "
         "GetDeploymentConfig RegisterApplicationRevision GetApplicationRevision",
         "codedeploy:*:{account}:application:{name}-* codedeploy:*:{account}:deploymentgroup:{name}-* "
         "codedeploy:*:{account}:deploymentconfig:*"),
    _may("verification", "codedeploy", "SteerReleases", "",
         "BatchGetDeploymentTargets ContinueDeployment ListDeploymentTargets StopDeployment"),
    _may("drills", "rds", "FailOverAndRestore", _DRILL,
         "FailoverDBCluster RestoreDBClusterToPointInTime",
         "rds:*:{account}:cluster:{name}-* rds:*:{account}:db:{name}-* rds:*:{account}:cluster-pg:{name}-* "
         "rds:*:{account}:subgrp:{name}-* " + _DEFAULT_GROUPS),
    _may("drills", "rds", "ReadEvents", _DRILL, "DescribeEvents DescribeCertificates"),
    _may("drills", "arc-zonal-shift", "ShiftAwayFromZones", _DRILL,
         "StartZonalShift CancelZonalShift GetManagedResource",
         "elasticloadbalancing:*:{account}:loadbalancer/app/{name}-*"),
    _may("drills", "arc-zonal-shift", "FindZonalShifts", _DRILL, "ListZonalShifts"),
    _may("drills", "ecs", "RunOneOffTasks", _DRILL,
         "RunTask StopTask DescribeTasks ListTasks",
         "ecs:*:{account}:task-definition/{name}-* ecs:*:{account}:task/{name}-*/* "
         "ecs:*:{account}:container-instance/{name}-*/*"),
    _may("drills", "secretsmanager", "ReadVersions", _DRILL, "ListSecretVersionIds",
         "secretsmanager:*:{account}:secret:{name}/*"),
    _may("drills", "s3", "SyncSite", _DRILL, "GetObject PutObject DeleteObject", "s3:::{name}-site-*/*"),
    _may("drills", "cloudfront", "ForgetOldPages", _DRILL, "CreateInvalidation GetInvalidation",
         "cloudfront::{account}:distribution/*"),
    _may("drills", "cloudtrail", "AskWhoChangedIt", _DRILL, "LookupEvents"),
)  # fmt: skip


def policies(account: str, name: str, regions: Iterable[str], *, reading: bool = False) -> dict[str, dict[str, Any]]:
    """Return the IAM policy documents of a deployer, by the short name of the policy.

    Args:
        account: 12 digits.
        name: of the environment, such as `prod`.
        regions: in which it may act; us-east-1 is added for the edge.
        reading: only what changes nothing.
    """
    wanted = tuple(regions)
    found: dict[str, dict[str, Any]] = {}
    for permission in PERMISSIONS:
        kept = permission.reading if reading else permission
        if kept is not None:
            document = found.setdefault(kept.policy, {"Version": "2012-10-17", "Statement": []})
            document["Statement"].append(kept.statement(account, name, wanted))
    return found
