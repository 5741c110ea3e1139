"""What the mutation proof writes in a string's place, and why some mutations do no harm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

WEAKER: Final[Mapping[str, Sequence[str]]] = {
    "*rotocol": ("HTTP", "TCP"),
    "*ipProtocol": ("-1",),
    "*sslPolicy": ("ELBSecurityPolicy-2016-08", "ELBSecurityPolicy-TLS13-1-0-2021-06"),
    "*minimumProtocolVersion": ("TLSv1", "TLSv1.2_2018"),
    "*sslSupportMethod": ("vip",),
    "*viewerProtocolPolicy": ("allow-all",),
    "*originProtocolPolicy": ("http-only", "match-viewer"),
    "*originSslProtocols[[]]": ("TLSv1", "SSLv3"),
    "*signingBehavior": ("never", "no-override"),
    "*cidrIpv4": ("0.0.0.0/0",),
    "*status": ("Suspended", "Disabled"),
    "*sseAlgorithm": ("none",),
    "*objectOwnership": ("ObjectWriter",),
    "*imageTagMutability": ("MUTABLE",),
    "*encryptionType": ("AES256",),
    "*desyncMitigationMode": ("monitor",),
    "*loadBalancingCrossZoneEnabled": ("false",),
    "*validationMethod": ("EMAIL",),
    "*trafficType": ("REJECT",),
    "parameters[[]].value": ("disabled", "enabled"),
    "settings[[]].value": ("disabled",),
    "deploymentController.type": ("ECS",),
    "deploymentStyle.*": ("IN_PLACE", "WITHOUT_TRAFFIC_CONTROL"),
    "preferred*Window": ("",),
    "availabilityZone": ("eu-central-1a", "eu-central-1b"),
    "name": ("dev/other",),
    "description": ("", "Managed by Pulumi"),
    "policyArn": ("arn:aws:iam::aws:policy/AdministratorAccess",),
    "*predefinedMetricType": ("ECSServiceAverageMemoryUtilization",),
    "defaultRootObject": ("",),
    "*responseHeadersPolicyId": ("",),
}
"""By a pattern of the path, the strings that take the place of the one that is there."""

_ANYONE: Final[dict[str, Any]] = {
    "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "*"}]
}
_SAFE: Final[dict[str, Any]] = {"name": "app", "user": "10001", "readonlyRootFilesystem": True, "privileged": False}
_LOGS: Final[dict[str, Any]] = {"logConfiguration": {"logDriver": "awslogs"}}

DOCUMENTS: Final[Mapping[str, Mapping[str, Any]]] = {
    "policy": {
        "a policy that admits anyone": _ANYONE,
        "a policy that allows everything": {
            "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}]
        },
    },
    "containerDefinitions": {
        "a container that runs as root": [{**_SAFE, **_LOGS, "user": "root"}],
        "a container that writes to its root": [{**_SAFE, **_LOGS, "readonlyRootFilesystem": False}],
        "a privileged container": [{**_SAFE, **_LOGS, "privileged": True}],
        "a container without logs": [_SAFE],
        "a container with a password": [{**_SAFE, **_LOGS, "environment": [{"name": "DB_PASSWORD", "value": "x"}]}],
        "a container with a secret of dev": [{**_SAFE, **_LOGS, "secrets": [{"name": "A", "valueFrom": "arn:dev"}]}],
    },
}
"""By a pattern of the path, what takes the place of a JSON document that AWS has yet to complete."""

_DEFAULT: Final = "AWS's own default is as safe; the rule judges the value where one is given"
_REFUSED: Final = "AWS or the provider refuses the resource without it, before anything is changed"
_BROKEN: Final = "nothing is opened or lost: the part stops working, and the deploy runbook's checks see that"
_TUNING: Final = "a number that tunes behaviour; no standard sets a bound"
_STRICTER: Final = "the change is the stricter one, or as strict"
_NAMING: Final = "a name or a text for people"
_LINK: Final = "a link to another resource: without it AWS refuses the resource, or it stands alone and does nothing"
_UNLOCKED: Final = "no standard asks for a locked bucket; the deploy runbook checks it"
_WHOLE: Final = "without it what depends on it can't be made: the program fails where it is evaluated, or in `up`"

HARMLESS: Final[Mapping[str, str]] = {
    # What is not there at all.
    "kms/alias:* is not made": _NAMING,
    "ec2/securityGroupIngressRule:* is not made": _STRICTER,
    "vpc/securityGroup*Rule:* is not made": "less is admitted",
    "s3/bucketOwnershipControls:* is not made": "AWS turns ACLs off in new buckets",
    "cloudwatch/metricAlarm:* is not made": "no standard says which alarms there must be; code-deploy-alarms and"
    " alarm-acts judge those that there are, and the deploy runbook checks that all are there",
    "s3/bucketObjectLockConfiguration:* is not made": _UNLOCKED,
    "* is not made": _WHOLE,
    # Safe without being said.
    "s3/bucket:Bucket.objectLockEnabled *": _UNLOCKED,
    "s3/bucket:Bucket.forceDestroy is removed": _DEFAULT,
    "ecr/repository:Repository.forceDelete is removed": _DEFAULT,
    "ecr/repository:Repository.encryptionConfigurations*kmsKey is removed": "AWS takes its own key in KMS, which"
    " ecr-own-key allows",
    "ec2/subnet:Subnet.mapPublicIpOnLaunch is removed": _DEFAULT,
    "ec2/vpc:Vpc.enableDnsSupport is removed": _DEFAULT,
    "kms/key:Key.deletionWindowInDays is removed": _DEFAULT,
    "kms/key:Key.policy is removed": _DEFAULT,
    "sns/topic:Topic.policy is removed": _DEFAULT,
    "secretsmanager/secret:Secret.recoveryWindowInDays*": _DEFAULT,
    "docdb/cluster:Cluster.skipFinalSnapshot is removed": _DEFAULT,
    "docdb/cluster*.applyImmediately is removed": _DEFAULT,
    "docdb/clusterInstance:ClusterInstance.autoMinorVersionUpgrade *": "DocumentDB doesn't heed it (API reference)",
    "lb/targetGroup:TargetGroup.loadBalancingCrossZoneEnabled is removed": _DEFAULT,
    "lb/loadBalancer:LoadBalancer.desyncMitigationMode is removed": _DEFAULT,
    "lb/loadBalancer:LoadBalancer.enableCrossZoneLoadBalancing is removed": _DEFAULT,
    "lb/loadBalancer:LoadBalancer.loadBalancerType is removed": _DEFAULT,
    "lb/loadBalancer:LoadBalancer.internal *": _STRICTER,
    "ecs/service:Service.networkConfiguration.assignPublicIp is removed": _DEFAULT,
    "ecs/taskDefinition:TaskDefinition.skipDestroy *": "whether old revisions stay; a rollback takes the one before",
    "ecs/taskDefinition:TaskDefinition.*RoleArn is removed": _BROKEN,
    "ecs/service:Service.desiredCount *": "the scalable target's minimum holds, which autoscaling-min-tasks judges",
    "ec2/networkAcl:NetworkAcl.*": "security groups hold as well; network-acl-admin-ports judges the ports that matter,"
    " and other changes admit less or nothing more than the security groups do",
    "vpc/securityGroupEgressRule:*": "AWS's own default lets everything out, and no standard bounds it",
    "vpc/securityGroupIngressRule:*": "the source stays, which is one group, one network or CloudFront's list; what"
    " admits the world or port 80 is judged",
    # Parts of larger things.
    "wafv2/webAcl:WebAcl.*isibilityConfig*": "metrics for people; waf-logs judges the log",
    "wafv2/webAcl:WebAcl.rules*ruleActionOverrides*": _STRICTER,
    "wafv2/webAcl:WebAcl.rules*overrideAction*": _REFUSED,
    "wafv2/webAcl:WebAcl.rules*": "no standard asks for the other rules, such as the rate limit;"
    " waf-managed-rules judges the two that matter",
    "wafv2/webAcl:WebAcl.*": _REFUSED,
    "wafv2/webAclLoggingConfiguration:*redacted*": "the log holds headers that operators may read anyway",
    "wafv2/*": _REFUSED,
    "acm/*": _BROKEN,
    "route53/*": _BROKEN,
    "codedeploy/*": _BROKEN,
    "cloudfront/function:*": _BROKEN,
    "cloudfront/originAccessControl:*": _REFUSED,
    "cloudfront/distribution:Distribution.orderedCacheBehaviors*responseHeadersPolicyId *": "the rule"
    " judges the default behaviour, which serves the pages; images and answers of the API set their own",
    "cloudfront/distribution:Distribution.origins*customHeaders*": "the load balancer refuses what comes without it",
    "cloudfront/distribution:*": _BROKEN,
    "lb/listenerRule:*": _REFUSED,
    "lb/listener:*": _BROKEN,
    "lb/targetGroup:*": _BROKEN,
    "lb/loadBalancer:*": _REFUSED,
    "docdb/*": _REFUSED,
    "ecs/*": _REFUSED,
    "iam/rolePolicy:RolePolicy.policy becomes a policy that admits anyone": "an identity's policy has no principal",
    "iam/*": _REFUSED,
    "ec2/*": _LINK,
    "cloudwatch/metricAlarm:*": _BROKEN,
    "cloudwatch/logDelivery*": _BROKEN,
    "cloudwatch/logGroup:LogGroup.retentionInDays *": _STRICTER,
    "cloudwatch/logGroup:*": _NAMING,
    "ecr/lifecyclePolicy:*": _REFUSED,
    "ecr/repository:Repository.name *": _NAMING,
    "secretsmanager/secret:Secret.description *": _NAMING,
    "secretsmanager/secretVersion:*": _BROKEN,
    "kms/alias:*": _NAMING,
    "kms/key:Key.description *": _NAMING,
    "kms/*": _BROKEN,
    "sns/topic:*": _NAMING,
    "appautoscaling/*": _TUNING,
    "s3/bucketLifecycleConfiguration:*": "how long, and of what; no standard sets a bound",
    "s3/bucketObjectLockConfiguration:*": _TUNING,
    "s3/bucketServerSideEncryptionConfiguration:*bucketKeyEnabled *": "it saves calls to KMS",
    "s3/bucketServerSideEncryptionConfiguration:*kmsMasterKeyId *": "AWS takes its own key; NOT_COVERED says why",
    "s3/bucketServerSideEncryptionConfiguration:*": _LINK,
    "s3/*": _LINK,
}
"""By a pattern of place and mutation, why no rule has to object; the first that fits counts."""
