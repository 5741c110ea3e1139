"""Why some mutations do no harm: each excuse names one type and one path, and is held against the proof."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_DEFAULT: Final = "AWS's own default is the same, or as safe; the rule judges the value where one is given"
_REFUSED: Final = "AWS refuses it, and nothing that serves is changed"
_NAME: Final = "a name or a text for people; without it the provider makes one up"
_SAME_REGION: Final = "the resource's region is then the provider's, which is the same one"
_EDGE: Final = "CloudFront's parts live in us-east-1 alone: AWS refuses the one that refers to this elsewhere"
_SOONER: Final = "the alarm comes sooner, never later"
_CLOSED: Final = "less is let through, never more: it fails closed, and the deploy runbook's checks see it at once"
_GROUPS: Final = (
    "inside the VPC's own block, where security groups decide; the world's entries are network-acl-narrow's business"
)
_STRICTER: Final = "the change is the stricter one"
_COST: Final = "it saves money or time, and guards nothing"
_STARTS_NOT: Final = "no task of the new revision starts; the deployment fails and is taken back, the old one serves on"
_UNSERVED: Final = "some requests are answered with an error, at once and for all to see; nothing is opened or lost"
_SAMPLES: Final = "samples for the console; waf-logs has every request, waf-metrics every count"
_COUNTED_IN: Final = "AWS refuses an expression that names a query which is not there, or no result at all"
_ORDER: Final = "rules keep their order or AWS refuses two of one priority; none of them lets a request skip the others"
_ENTRIES: Final = "entries don't contradict each other, so that their order changes nothing"
_EVENTS: Final = "events for whoever listens; nothing of the environment does"
_PORT: Final = "security groups name the port: at any other one nobody is let in, and the first deployment shows it"
_FEWER: Final = "fewer methods or answers are cached or let through; AWS refuses sets that it doesn't know"

HARMLESS: Final[Mapping[str, str]] = {
    # Certificates and names.
    "acm/certificate:Certificate.domainName is removed": _REFUSED,
    "acm/certificate:Certificate.region is removed": _EDGE,
    "acm/certificate:Certificate.subjectAlternativeNames *": "AWS refuses the distribution and the listener a name that"
    " their certificate doesn't hold, and browsers do too",
    "acm/certificate:Certificate.subjectAlternativeNames(*) is dropped": "the names that are served stay in it",
    "acm/certificateValidation:CertificateValidation.validationRecordFqdns*": "`up` then waits for the certificate"
    " without looking at the records first",
    "acm/certificateValidation:CertificateValidation.region is removed": _EDGE,
    "route53/record:Record is not made": "without the records the certificate stays pending and `up` waits in vain;"
    " without the origin's name CloudFront refuses the origin",
    "route53/record:Record.ttl *": "how long a validation record may be remembered; it never changes",
    "route53/record:Record.records*": _REFUSED,
    "route53/record:Record.aliases*": _REFUSED,
    # The edge.
    "cloudfront/function:Function.publish *": "AWS refuses to associate a function that isn't published",
    "cloudfront/originAccessControl:OriginAccessControl is not made": "the origins that were made from it are gone too,"
    " and AWS refuses behaviours that name them",
    "cloudfront/distribution:Distribution.comment is removed": _NAME,
    "cloudfront/distribution:Distribution.httpVersion is removed": "AWS then speaks HTTP/2, which is as safe",
    "cloudfront/distribution:Distribution.isIpv6Enabled *": "viewers come over IPv4",
    "cloudfront/distribution:Distribution.priceClass is removed": _COST,
    "cloudfront/distribution:Distribution.defaultCacheBehavior.compress *": _COST,
    "cloudfront/distribution:Distribution.orderedCacheBehaviors(*).compress *": _COST,
    "cloudfront/distribution:Distribution.defaultCacheBehavior.cachePolicyId is removed": _REFUSED,
    "cloudfront/distribution:Distribution.orderedCacheBehaviors(*).cachePolicyId is removed": _REFUSED,
    "cloudfront/distribution:Distribution.defaultCacheBehavior.cachedMethods*": _FEWER,
    "cloudfront/distribution:Distribution.orderedCacheBehaviors(*).cachedMethods*": _FEWER,
    "cloudfront/distribution:Distribution.defaultCacheBehavior.allowedMethods*": _FEWER,
    "cloudfront/distribution:Distribution.orderedCacheBehaviors(*).allowedMethods*": _FEWER,
    "cloudfront/distribution:Distribution.defaultCacheBehavior.functionAssociations*": _UNSERVED,
    "cloudfront/distribution:Distribution.orderedCacheBehaviors is *": _UNSERVED,
    "cloudfront/distribution:Distribution.orderedCacheBehaviors(*) is dropped": _UNSERVED,
    "cloudfront/distribution:Distribution.orderedCacheBehaviors(*).originRequestPolicyId is removed": _UNSERVED,
    "cloudfront/distribution:Distribution.origins is emptied": _REFUSED,
    "cloudfront/distribution:Distribution.origins(*) is dropped": "AWS refuses a behaviour whose origin is not there",
    "cloudfront/distribution:Distribution.origins(*).customOriginConfig.httpPort *": "CloudFront speaks HTTPS alone,"
    " which cloudfront-origin-https asks",
    "cloudwatch/logDelivery:LogDelivery.recordFields is *": "AWS then writes every field of its standard log",
    "cloudwatch/logDelivery:LogDelivery.recordFields(*) is dropped": "log-delivery-fields asks for those that tell who"
    " asked for what, when, and what came of it; this one is beside them",
    "cloudwatch/logDelivery:LogDelivery.region is removed": _EDGE,
    "cloudwatch/logDelivery:LogDelivery.s3DeliveryConfigurations*": "how the log's files are named",
    "cloudwatch/logDeliverySource:LogDeliverySource.region is removed": _EDGE,
    "cloudwatch/logDeliverySource:LogDeliverySource.name is removed": _REFUSED,
    "cloudwatch/logDeliveryDestination:LogDeliveryDestination.region is removed": _EDGE,
    "cloudwatch/logDeliveryDestination:LogDeliveryDestination.name is removed": _REFUSED,
    "cloudwatch/logDeliveryDestination:LogDeliveryDestination.outputFormat is removed": "AWS then writes plain text",
    "cloudwatch/logDeliveryDestination:LogDeliveryDestination.deliveryDestinationConfiguration*": _REFUSED,
    # The web application firewalls.
    "wafv2/webAcl:WebAcl is not made": "its association and its log can't be made without it, which alb-waf sees",
    "wafv2/webAcl:WebAcl.region is removed": _SAME_REGION,
    "wafv2/webAcl:WebAcl.scope is removed": _REFUSED,
    "wafv2/webAcl:WebAcl.defaultAction is removed": _REFUSED,
    "wafv2/webAcl:WebAcl.visibilityConfig.metricName is removed": _REFUSED,
    "wafv2/webAcl:WebAcl.rules(*).visibilityConfig.metricName is removed": _REFUSED,
    "wafv2/webAcl:WebAcl.rules(*).name is removed": _REFUSED,
    "wafv2/webAcl:WebAcl.rules(*).statement.managedRuleGroupStatement.vendorName is removed": _REFUSED,
    "wafv2/webAcl:WebAcl.rules(rate-limit).statement.rateBasedStatement.aggregateKeyType is removed": _REFUSED,
    "wafv2/webAcl:WebAcl.defaultAction.allow is removed": _REFUSED,
    "wafv2/webAcl:WebAcl.visibilityConfig.sampledRequestsEnabled *": _SAMPLES,
    "wafv2/webAcl:WebAcl.rules(*).visibilityConfig.sampledRequestsEnabled *": _SAMPLES,
    "wafv2/webAcl:WebAcl.rules(*).statement.managedRuleGroupStatement.ruleActionOverrides*": _STRICTER,
    "wafv2/webAcl:WebAcl.rules(*).overrideAction*": _REFUSED,
    "wafv2/webAcl:WebAcl.rules(*).priority *": _ORDER,
    "wafv2/webAcl:WebAcl.rules(rate-limit).statement.rateBasedStatement.limit *": _STRICTER,
    "wafv2/webAcl:WebAcl.rules(rate-limit).statement.rateBasedStatement.evaluationWindowSec *": "AWS takes 60, 120, 300"
    " and 600 seconds alone, 300 where none is given",
    "wafv2/webAclAssociation:WebAclAssociation.webAclArn is removed": _REFUSED,
    "wafv2/webAclAssociation:WebAclAssociation.region is removed": _SAME_REGION,
    "wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration.region is removed": _SAME_REGION,
    "wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration.logDestinationConfigs*": _REFUSED,
    # The network.
    "ec2/eip:Eip is not made": "AWS refuses a public NAT gateway without an address",
    "ec2/eip:Eip.domain is removed": _DEFAULT,
    "ec2/natGateway:NatGateway.allocationId is removed": "AWS refuses a public NAT gateway without an address",
    "ec2/vpc:Vpc.enableDnsSupport is removed": _DEFAULT,
    "ec2/vpc:Vpc.cidrBlock is removed": _REFUSED,
    "ec2/subnet:Subnet.mapPublicIpOnLaunch is removed": _DEFAULT,
    "ec2/vpcEndpoint:VpcEndpoint.vpcEndpointType is removed": "AWS refuses a gateway endpoint for such a service",
    "ec2/networkAcl:NetworkAcl.ingress is *": _CLOSED,
    "ec2/networkAcl:NetworkAcl.egress is *": _CLOSED,
    "ec2/networkAcl:NetworkAcl.ingress(*) is dropped": _CLOSED,
    "ec2/networkAcl:NetworkAcl.egress(*) is dropped": _CLOSED,
    "ec2/networkAcl:NetworkAcl.ingress(*).cidrBlock is removed": _REFUSED,
    "ec2/networkAcl:NetworkAcl.egress(*).cidrBlock is removed": _REFUSED,
    "ec2/networkAcl:NetworkAcl.ingress(100).cidrBlock becomes 0.0.0.0/0": "HTTPS, to which security groups admit tasks",
    "ec2/networkAcl:NetworkAcl.ingress(110).cidrBlock becomes 0.0.0.0/0": "a subnet without a public address, whose"
    " security groups admit the load balancer alone",
    "ec2/networkAcl:NetworkAcl.ingress(*).ruleNo *": _ENTRIES,
    "ec2/networkAcl:NetworkAcl.egress(*).ruleNo *": _ENTRIES,
    "ec2/networkAcl:NetworkAcl.ingress(*).fromPort *": _GROUPS,
    "ec2/networkAcl:NetworkAcl.egress(*).fromPort *": _GROUPS,
    "ec2/networkAcl:NetworkAcl.ingress(*).toPort *": _GROUPS,
    "ec2/networkAcl:NetworkAcl.egress(*).toPort *": _GROUPS,
    "vpc/securityGroupEgressRule:SecurityGroupEgressRule is not made": _CLOSED,
    "vpc/securityGroupEgressRule:SecurityGroupEgressRule.referencedSecurityGroupId is removed": _REFUSED,
    "vpc/securityGroupEgressRule:SecurityGroupEgressRule.prefixListId is removed": _REFUSED,
    "vpc/securityGroupEgressRule:SecurityGroupEgressRule.cidrIpv4 is removed": _REFUSED,
    "vpc/securityGroupIngressRule:SecurityGroupIngressRule is not made": _CLOSED,
    "vpc/securityGroupIngressRule:SecurityGroupIngressRule.referencedSecurityGroupId is removed": _REFUSED,
    "vpc/securityGroupIngressRule:SecurityGroupIngressRule.prefixListId is removed": _REFUSED,
    "vpc/securityGroupIngressRule:SecurityGroupIngressRule.cidrIpv4 is removed": _REFUSED,
    "ec2/flowLog:FlowLog.logDestinationType is removed": _DEFAULT,
    "ec2/flowLog:FlowLog.maxAggregationInterval *": "AWS takes 60 and 600 seconds alone; either has every record",
    # The load balancer.
    "lb/loadBalancer:LoadBalancer.internal is removed": _DEFAULT,
    "lb/loadBalancer:LoadBalancer.internal false becomes true": _STRICTER,
    "lb/loadBalancer:LoadBalancer.enableCrossZoneLoadBalancing is removed": _DEFAULT,
    "lb/loadBalancer:LoadBalancer.desyncMitigationMode is removed": _DEFAULT,
    "lb/loadBalancer:LoadBalancer.loadBalancerType is removed": _DEFAULT,
    "lb/loadBalancer:LoadBalancer.accessLogs.prefix is removed": "AWS tries the bucket first, and refuses a path that"
    " its policy doesn't admit",
    "lb/listener:Listener is not made": "port 80, to which no security group admits anyone, redirects no more",
    "lb/listener:Listener.defaultActions is emptied": _REFUSED,
    "lb/listener:Listener.defaultActions(0) is dropped": _REFUSED,
    "lb/listener:Listener.defaultActions(0).fixedResponse*": "AWS refuses it, or answers 403 without a text",
    "lb/listener:Listener.defaultActions(0).targetGroupArn is removed": _REFUSED,
    "lb/listener:Listener.port *": _PORT,
    "lb/listenerRule:ListenerRule.actions(0).targetGroupArn is removed": _REFUSED,
    "lb/listenerRule:ListenerRule.priority *": "the listener has one rule",
    "lb/targetGroup:TargetGroup.loadBalancingCrossZoneEnabled is removed": _DEFAULT,
    "lb/targetGroup:TargetGroup.targetType is removed": "AWS refuses a Fargate service with a group of instances",
    "lb/targetGroup:TargetGroup.port *": "ECS registers each task with its own port",
    "lb/targetGroup:TargetGroup.deregistrationDelay is removed": _DEFAULT,
    "lb/targetGroup:TargetGroup.healthCheck.healthyThreshold is removed": _DEFAULT,
    "lb/targetGroup:TargetGroup.healthCheck.unhealthyThreshold is removed": _DEFAULT,
    "lb/targetGroup:TargetGroup.healthCheck.interval is removed": _DEFAULT,
    "lb/targetGroup:TargetGroup.healthCheck.interval 15 becomes 7": "a sick task is found sooner",
    "lb/targetGroup:TargetGroup.healthCheck.timeout is removed": _DEFAULT,
    "lb/targetGroup:TargetGroup.healthCheck.timeout 5 becomes 2": "a sick task is found sooner",
    "lb/targetGroup:TargetGroup.healthCheck.enabled is removed": _DEFAULT,
    "lb/targetGroup:TargetGroup.healthCheck.matcher is removed": _DEFAULT,
    "lb/targetGroup:TargetGroup.healthCheck.port is removed": _DEFAULT,
    # The service and its deployments.
    "ecr/repository:Repository.encryptionConfigurations(0).kmsKey is removed": "AWS takes its own key in KMS, which"
    " ecr-own-key allows",
    "ecr/repository:Repository.name is removed": _NAME,
    "ecr/repository:Repository.forceDelete is removed": _DEFAULT,
    "ecs/cluster:Cluster is not made": "the service would run in the account's default cluster, which is not there",
    "ecs/taskDefinition:TaskDefinition is not made": "AWS refuses a service without one",
    "ecs/taskDefinition:TaskDefinition.cpu is removed": "AWS refuses a Fargate task without it",
    "ecs/taskDefinition:TaskDefinition.memory is removed": "AWS refuses a Fargate task without it",
    "ecs/taskDefinition:TaskDefinition.taskRoleArn is removed": "the application may do less, never more",
    "ecs/taskDefinition:TaskDefinition.executionRoleArn is removed": _STARTS_NOT,
    "ecs/taskDefinition:TaskDefinition.requiresCompatibilities*": "AWS checks the same when the Fargate service starts",
    "ecs/taskDefinition:TaskDefinition.skipDestroy *": "a rollback names the revision before, and AWS keeps those that"
    " a deployment has used; only a new one can't start from an old one",
    "ecs/service:Service is not made": "the whole service goes: the deployment group and the scalable target name it",
    "ecs/service:Service.taskDefinition is removed": _REFUSED,
    "ecs/service:Service.cluster is removed": _REFUSED,
    "ecs/service:Service.name is removed": _NAME,
    "ecs/service:Service.propagateTags is removed": "tags for the bill",
    "ecs/service:Service.desiredCount 2 becomes 200": "scaling brings it down to its maximum",
    "ecs/service:Service.loadBalancers(0).containerPort *": "AWS refuses a port that the container doesn't map",
    "ecs/service:Service.loadBalancers(0).targetGroupArn is removed": _REFUSED,
    "ecs/service:Service.networkConfiguration.assignPublicIp is removed": _DEFAULT,
    "codedeploy/application:Application.computePlatform is removed": "AWS refuses an ECS deployment group in it",
    "codedeploy/application:Application.name is removed": _NAME,
    "codedeploy/deploymentGroup:DeploymentGroup.blueGreenDeploymentConfig"
    ".terminateBlueInstancesOnDeploymentSuccess.terminationWaitTimeInMinutes 30 becomes 15": "15 minutes is the floor",
    "codedeploy/deploymentGroup:DeploymentGroup.blueGreenDeploymentConfig"
    ".terminateBlueInstancesOnDeploymentSuccess.terminationWaitTimeInMinutes 30 becomes 3000": _REFUSED,
    "codedeploy/deploymentGroup:DeploymentGroup.blueGreenDeploymentConfig"
    ".terminateBlueInstancesOnDeploymentSuccess.action is removed": _DEFAULT,
    "codedeploy/deploymentGroup:DeploymentGroup.blueGreenDeploymentConfig.deploymentReadyOption*": _DEFAULT,
    "appautoscaling/target:Target.maxCapacity 8 becomes 4": "there is still room to scale",
    "appautoscaling/policy:Policy.targetTrackingScalingPolicyConfiguration.scaleInCooldown *": "autoscaling-pace judges"
    " the haste; AWS waits 300 seconds where nothing is said, and a longer wait only costs money",
    "appautoscaling/policy:Policy.targetTrackingScalingPolicyConfiguration.scaleOutCooldown *": "autoscaling-pace"
    " judges the delay; AWS waits 300 seconds where nothing is said, and a shorter wait grows sooner",
    "appautoscaling/policy:Policy.targetTrackingScalingPolicyConfiguration.targetValue 70 becomes 35": _STRICTER,
    "appautoscaling/policy:Policy.targetTrackingScalingPolicyConfiguration.targetValue 70 becomes 0": _REFUSED,
    "appautoscaling/policy:Policy.targetTrackingScalingPolicyConfiguration.targetValue 70 becomes -1": _REFUSED,
    # Identities, keys and secrets.
    "iam/rolePolicy:RolePolicy is not made": "the role may do less, never more",
    "iam/rolePolicyAttachment:RolePolicyAttachment is not made": "the role may do less, never more",
    "kms/alias:Alias is not made": _NAME,
    "kms/alias:Alias.region is removed": _SAME_REGION,
    "kms/alias:Alias.name is removed": _NAME,
    "kms/key:Key.policy is removed": "AWS then lets the account's own IAM policies decide, and nobody else",
    "kms/key:Key.region is removed": _SAME_REGION,
    "kms/key:Key.description *": _NAME,
    "kms/key:Key.deletionWindowInDays is removed": _DEFAULT,
    "kms/key:Key.deletionWindowInDays 30 becomes 15": "14 days is the floor",
    "kms/key:Key.deletionWindowInDays 30 becomes 3000": _REFUSED,
    "secretsmanager/secret:Secret.recoveryWindowInDays is removed": _DEFAULT,
    "secretsmanager/secret:Secret.recoveryWindowInDays 30 becomes 15": "7 days is the floor",
    "secretsmanager/secret:Secret.recoveryWindowInDays 30 becomes 3000": _REFUSED,
    "secretsmanager/secret:Secret.description *": _NAME,
    "secretsmanager/secretVersion:SecretVersion is not made": _STARTS_NOT,
    "secretsmanager/secretVersion:SecretVersion.secretString is removed": _REFUSED,
    # The database.
    "docdb/cluster:Cluster.masterPassword is removed": _REFUSED,
    "docdb/cluster:Cluster.masterUsername is removed": _REFUSED,
    "docdb/cluster:Cluster.skipFinalSnapshot is removed": _DEFAULT,
    "docdb/cluster:Cluster.applyImmediately is removed": _DEFAULT,
    "docdb/cluster:Cluster.engine is removed": _DEFAULT,
    "docdb/cluster:Cluster.engineVersion is removed": _DEFAULT,
    "docdb/cluster:Cluster.port *": _PORT,
    "docdb/cluster:Cluster.backupRetentionPeriod 14 becomes 1400": _REFUSED,
    "docdb/clusterInstance:ClusterInstance.autoMinorVersionUpgrade is removed": _DEFAULT,
    "docdb/clusterInstance:ClusterInstance.applyImmediately is removed": _DEFAULT,
    "docdb/clusterInstance:ClusterInstance.promotionTier *": "which of two equal instances is promoted first; AWS"
    " refuses tiers outside 0 to 15",
    "docdb/clusterParameterGroup:ClusterParameterGroup.description *": _NAME,
    "docdb/clusterParameterGroup:ClusterParameterGroup.parameters(*).applyMethod is removed": "AWS applies it at the"
    " next reboot, which a new cluster has behind it",
    "docdb/subnetGroup:SubnetGroup.description *": _NAME,
    # Buckets and logs.
    "s3/bucket:Bucket.objectLockEnabled is removed": _DEFAULT,
    "s3/bucket:Bucket.forceDestroy is removed": _DEFAULT,
    "s3/bucketNotification:BucketNotification is not made": _EVENTS,
    "s3/bucketNotification:BucketNotification.eventbridge *": _EVENTS,
    "s3/bucketOwnershipControls:BucketOwnershipControls is not made": "AWS turns ACLs off in new buckets",
    "s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration.rules(tidy).filter*": "the rule then holds for all"
    " objects, as it does with an empty prefix",
    "s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration.rules(tidy).noncurrentVersionExpiration"
    ".noncurrentDays 90 becomes 45": "30 days is the floor",
    "s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration.rules(tidy).noncurrentVersionExpiration"
    ".noncurrentDays 90 becomes 9000": "more is kept, never less",
    "s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration.rules(tidy).abortIncompleteMultipartUpload"
    ".daysAfterInitiation 7 becomes 3": _STRICTER,
    "s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration.rules(tidy).expiration*": "more is kept, never less",
    "s3/bucketLogging:BucketLogging.targetPrefix is removed": _REFUSED,
    "s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration.rule.defaultRetention"
    ".mode becomes GOVERNANCE": "Security Hub S3.15 takes either; only who has a special permission can shorten it",
    "s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration.rule.defaultRetention"
    ".days 365 becomes 36500": "more is kept, never less",
    "s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration.rules(0)"
    ".bucketKeyEnabled *": _COST,
    "cloudwatch/logGroup:LogGroup is not made": _STARTS_NOT,
    "cloudwatch/logGroup:LogGroup.name is removed": _NAME,
    "cloudwatch/logGroup:LogGroup.region is removed": _SAME_REGION,
    "cloudwatch/logGroup:LogGroup.retentionInDays 365 becomes 36500": _REFUSED,
    # Alarms.
    "sns/topic:Topic.policy is removed": "AWS then lets the account alone publish",
    "sns/topic:Topic.region is removed": _SAME_REGION,
    "sns/topic:Topic.name is removed": _NAME,
    "cloudwatch/metricAlarm:MetricAlarm.okActions*": "people are told that it began; when it ended they see for"
    " themselves",
    "cloudwatch/metricAlarm:MetricAlarm.alarmDescription is removed": _NAME,
    "cloudwatch/metricAlarm:MetricAlarm.treatMissingData *": "without data there is no traffic to fail; where silence"
    " is the fault, alarm-sensitive asks for breaching",
    "cloudwatch/metricAlarm:MetricAlarm.threshold *": _SOONER,
    "cloudwatch/metricAlarm:MetricAlarm.period is removed": _REFUSED,
    "cloudwatch/metricAlarm:MetricAlarm.period * becomes *": _SOONER,
    "cloudwatch/metricAlarm:MetricAlarm.datapointsToAlarm is removed": "all periods of at most 15 minutes must breach,"
    " which alarm-prompt bounds",
    "cloudwatch/metricAlarm:MetricAlarm.datapointsToAlarm * becomes 1": _SOONER,
    "cloudwatch/metricAlarm:MetricAlarm.metricQueries(used).metric.period 60 becomes 30": _SOONER,
    "cloudwatch/metricAlarm:MetricAlarm.metricQueries(limit)*": _COUNTED_IN,
    "cloudwatch/metricAlarm:MetricAlarm.metricQueries(share)*": _COUNTED_IN,
}
"""By a pattern of place and mutation, why no rule has to object; the first that fits counts."""
