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

SECURITY_GROUP: Final[Tokens] = ("aws:ec2/securityGroup:SecurityGroup",)
SECURITY_GROUP_RULE: Final[Tokens] = ("aws:ec2/securityGroupRule:SecurityGroupRule",)
SECURITY_GROUP_INGRESS_RULE: Final[Tokens] = ("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",)
DEFAULT_SECURITY_GROUP: Final[Tokens] = ("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",)

LOAD_BALANCER: Final[Tokens] = ("aws:lb/loadBalancer:LoadBalancer", "aws:alb/loadBalancer:LoadBalancer")
LISTENER: Final[Tokens] = ("aws:lb/listener:Listener", "aws:alb/listener:Listener")
LISTENER_RULE: Final[Tokens] = ("aws:lb/listenerRule:ListenerRule", "aws:alb/listenerRule:ListenerRule")
TARGET_GROUP: Final[Tokens] = ("aws:lb/targetGroup:TargetGroup", "aws:alb/targetGroup:TargetGroup")

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
DOCDB_PARAMETER_GROUP: Final[Tokens] = ("aws:docdb/clusterParameterGroup:ClusterParameterGroup",)

SECRET: Final[Tokens] = ("aws:secretsmanager/secret:Secret",)

ECS_SERVICE: Final[Tokens] = ("aws:ecs/service:Service",)
TASK_DEFINITION: Final[Tokens] = ("aws:ecs/taskDefinition:TaskDefinition",)
SCALABLE_TARGET: Final[Tokens] = ("aws:appautoscaling/target:Target",)
SCALING_POLICY: Final[Tokens] = ("aws:appautoscaling/policy:Policy",)
DEPLOYMENT_GROUP: Final[Tokens] = ("aws:codedeploy/deploymentGroup:DeploymentGroup",)
