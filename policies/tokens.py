"""Type tokens of the resources that rules look at; several tokens can name one kind of resource."""

from __future__ import annotations

from typing import Final

Tokens = tuple[str, ...]

VPC: Final[Tokens] = ("aws:ec2/vpc:Vpc",)
SUBNET: Final[Tokens] = ("aws:ec2/subnet:Subnet",)
ROUTE: Final[Tokens] = ("aws:ec2/route:Route",)
ROUTE_TABLE: Final[Tokens] = ("aws:ec2/routeTable:RouteTable",)
ROUTE_TABLE_ASSOCIATION: Final[Tokens] = ("aws:ec2/routeTableAssociation:RouteTableAssociation",)
ELASTIC_IP: Final[Tokens] = ("aws:ec2/eip:Eip",)
NAT_GATEWAY: Final[Tokens] = ("aws:ec2/natGateway:NatGateway",)
VPC_ENDPOINT: Final[Tokens] = ("aws:ec2/vpcEndpoint:VpcEndpoint",)
INTERNET_GATEWAY: Final[Tokens] = ("aws:ec2/internetGateway:InternetGateway",)
RECORD: Final[Tokens] = ("aws:route53/record:Record",)

SECURITY_GROUP: Final[Tokens] = ("aws:ec2/securityGroup:SecurityGroup",)
SECURITY_GROUP_RULE: Final[Tokens] = ("aws:ec2/securityGroupRule:SecurityGroupRule",)
SECURITY_GROUP_INGRESS_RULE: Final[Tokens] = ("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",)
DEFAULT_SECURITY_GROUP: Final[Tokens] = ("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",)

LOAD_BALANCER: Final[Tokens] = (
    "aws:lb/loadBalancer:LoadBalancer",
    "aws:alb/loadBalancer:LoadBalancer",
    "aws:elasticloadbalancingv2/loadBalancer:LoadBalancer",
    "aws:applicationloadbalancing/loadBalancer:LoadBalancer",
)
LISTENER: Final[Tokens] = (
    "aws:lb/listener:Listener",
    "aws:alb/listener:Listener",
    "aws:elasticloadbalancingv2/listener:Listener",
    "aws:applicationloadbalancing/listener:Listener",
)
LISTENER_RULE: Final[Tokens] = (
    "aws:lb/listenerRule:ListenerRule",
    "aws:alb/listenerRule:ListenerRule",
    "aws:elasticloadbalancingv2/listenerRule:ListenerRule",
    "aws:applicationloadbalancing/listenerRule:ListenerRule",
)
TARGET_GROUP: Final[Tokens] = (
    "aws:lb/targetGroup:TargetGroup",
    "aws:alb/targetGroup:TargetGroup",
    "aws:elasticloadbalancingv2/targetGroup:TargetGroup",
    "aws:applicationloadbalancing/targetGroup:TargetGroup",
)

DISTRIBUTION: Final[Tokens] = ("aws:cloudfront/distribution:Distribution",)
ORIGIN_ACCESS_CONTROL: Final[Tokens] = ("aws:cloudfront/originAccessControl:OriginAccessControl",)

BUCKET: Final[Tokens] = ("aws:s3/bucket:Bucket", "aws:s3/bucketV2:BucketV2")
BUCKET_POLICY: Final[Tokens] = ("aws:s3/bucketPolicy:BucketPolicy",)
BUCKET_PUBLIC_ACCESS_BLOCK: Final[Tokens] = ("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",)
BUCKET_VERSIONING: Final[Tokens] = (
    "aws:s3/bucketVersioning:BucketVersioning",
    "aws:s3/bucketVersioningV2:BucketVersioningV2",
)
BUCKET_ENCRYPTION: Final[Tokens] = (
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
    "aws:s3/bucketServerSideEncryptionConfigurationV2:BucketServerSideEncryptionConfigurationV2",
)
BUCKET_OWNERSHIP: Final[Tokens] = ("aws:s3/bucketOwnershipControls:BucketOwnershipControls",)

ECR_REPOSITORY: Final[Tokens] = ("aws:ecr/repository:Repository",)

DOCDB_CLUSTER: Final[Tokens] = ("aws:docdb/cluster:Cluster",)
DOCDB_INSTANCE: Final[Tokens] = ("aws:docdb/clusterInstance:ClusterInstance",)
DOCDB_SUBNET_GROUP: Final[Tokens] = ("aws:docdb/subnetGroup:SubnetGroup",)
DOCDB_PARAMETER_GROUP: Final[Tokens] = ("aws:docdb/clusterParameterGroup:ClusterParameterGroup",)

SECRET: Final[Tokens] = ("aws:secretsmanager/secret:Secret",)

ECS_SERVICE: Final[Tokens] = ("aws:ecs/service:Service",)
TASK_DEFINITION: Final[Tokens] = ("aws:ecs/taskDefinition:TaskDefinition",)
SCALABLE_TARGET: Final[Tokens] = ("aws:appautoscaling/target:Target",)
SCALING_POLICY: Final[Tokens] = ("aws:appautoscaling/policy:Policy",)
DEPLOYMENT_GROUP: Final[Tokens] = ("aws:codedeploy/deploymentGroup:DeploymentGroup",)

KMS_KEY: Final[Tokens] = ("aws:kms/key:Key", "aws:kms/externalKey:ExternalKey", "aws:kms/replicaKey:ReplicaKey")
ROTATABLE_KEY: Final[Tokens] = ("aws:kms/key:Key",)
LOG_GROUP: Final[Tokens] = ("aws:cloudwatch/logGroup:LogGroup",)
TOPIC: Final[Tokens] = ("aws:sns/topic:Topic",)
METRIC_ALARM: Final[Tokens] = ("aws:cloudwatch/metricAlarm:MetricAlarm",)
FLOW_LOG: Final[Tokens] = ("aws:ec2/flowLog:FlowLog",)
BUCKET_LOGGING: Final[Tokens] = ("aws:s3/bucketLogging:BucketLogging", "aws:s3/bucketLoggingV2:BucketLoggingV2")
BUCKET_LIFECYCLE: Final[Tokens] = (
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
    "aws:s3/bucketLifecycleConfigurationV2:BucketLifecycleConfigurationV2",
)
ECR_LIFECYCLE: Final[Tokens] = ("aws:ecr/lifecyclePolicy:LifecyclePolicy",)
LOG_DELIVERY_SOURCE: Final[Tokens] = ("aws:cloudwatch/logDeliverySource:LogDeliverySource",)
LOG_DELIVERY: Final[Tokens] = ("aws:cloudwatch/logDelivery:LogDelivery",)
WEB_ACL: Final[Tokens] = ("aws:wafv2/webAcl:WebAcl",)
WEB_ACL_ASSOCIATION: Final[Tokens] = ("aws:wafv2/webAclAssociation:WebAclAssociation",)
WEB_ACL_LOGGING: Final[Tokens] = ("aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration",)
DEFAULT_NETWORK_ACL: Final[Tokens] = ("aws:ec2/defaultNetworkAcl:DefaultNetworkAcl",)
NETWORK_ACL: Final[Tokens] = ("aws:ec2/networkAcl:NetworkAcl", *DEFAULT_NETWORK_ACL)
NETWORK_ACL_RULE: Final[Tokens] = ("aws:ec2/networkAclRule:NetworkAclRule",)
CERTIFICATE: Final[Tokens] = ("aws:acm/certificate:Certificate",)
ECS_CLUSTER: Final[Tokens] = ("aws:ecs/cluster:Cluster",)
IAM_ROLE: Final[Tokens] = ("aws:iam/role:Role",)
BUCKET_ACL: Final[Tokens] = ("aws:s3/bucketAcl:BucketAcl", "aws:s3/bucketAclV2:BucketAclV2")
BUCKET_CORS: Final[Tokens] = (
    "aws:s3/bucketCorsConfiguration:BucketCorsConfiguration",
    "aws:s3/bucketCorsConfigurationV2:BucketCorsConfigurationV2",
)
BUCKET_OBJECT: Final[Tokens] = (
    "aws:s3/bucketObject:BucketObject",
    "aws:s3/bucketObjectv2:BucketObjectv2",
    "aws:s3/BucketObject:BucketObject",
)
BUCKET_WEBSITE: Final[Tokens] = (
    "aws:s3/bucketWebsiteConfiguration:BucketWebsiteConfiguration",
    "aws:s3/bucketWebsiteConfigurationV2:BucketWebsiteConfigurationV2",
)
ACCOUNT_PUBLIC_ACCESS_BLOCK: Final[Tokens] = ("aws:s3/accountPublicAccessBlock:AccountPublicAccessBlock",)
SCHEDULED_SCALING: Final[Tokens] = ("aws:appautoscaling/scheduledAction:ScheduledAction",)
SUBSCRIPTION: Final[Tokens] = ("aws:sns/topicSubscription:TopicSubscription",)
KMS_GRANT: Final[Tokens] = ("aws:kms/grant:Grant",)
LOG_SUBSCRIPTION: Final[Tokens] = ("aws:cloudwatch/logSubscriptionFilter:LogSubscriptionFilter",)
BUCKET_REPLICATION: Final[Tokens] = ("aws:s3/bucketReplicationConfig:BucketReplicationConfig",)
ECR_REPLICATION: Final[Tokens] = ("aws:ecr/replicationConfiguration:ReplicationConfiguration",)
PEERING: Final[Tokens] = ("aws:ec2/vpcPeeringConnection:VpcPeeringConnection",)
ACCESS_KEY: Final[Tokens] = ("aws:iam/accessKey:AccessKey",)
IDENTITY_POLICY: Final[Tokens] = (
    "aws:iam/policy:Policy",
    "aws:iam/rolePolicy:RolePolicy",
    "aws:iam/userPolicy:UserPolicy",
    "aws:iam/groupPolicy:GroupPolicy",
)
POLICY_ATTACHMENT: Final[Tokens] = (
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
    "aws:iam/userPolicyAttachment:UserPolicyAttachment",
    "aws:iam/groupPolicyAttachment:GroupPolicyAttachment",
    "aws:iam/policyAttachment:PolicyAttachment",
)
RESOURCE_POLICY: Final[Tokens] = (
    "aws:s3/bucketPolicy:BucketPolicy",
    "aws:kms/key:Key",
    "aws:kms/keyPolicy:KeyPolicy",
    "aws:ecr/repositoryPolicy:RepositoryPolicy",
    "aws:sns/topic:Topic",
    "aws:sns/topicPolicy:TopicPolicy",
    "aws:secretsmanager/secret:Secret",
    "aws:secretsmanager/secretPolicy:SecretPolicy",
    "aws:sqs/queue:Queue",
    "aws:sqs/queuePolicy:QueuePolicy",
)
EGRESS_RULE: Final[Tokens] = ("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule",)
BUCKET_OBJECT_LOCK: Final[Tokens] = (
    "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration",
    "aws:s3/bucketObjectLockConfigurationV2:BucketObjectLockConfigurationV2",
)
