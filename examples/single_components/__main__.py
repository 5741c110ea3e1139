"""Single components in a VPC of one's own: what an API needs, without site, distribution and database."""

import pulumi
import pulumi_aws as aws
from alarms import watch
from network import CIDR, network

from prod_infra.compute.alb import Alb, AlbArgs
from prod_infra.compute.blue_green import BlueGreen, BlueGreenArgs
from prod_infra.compute.ecr import Ecr, EcrArgs
from prod_infra.compute.ecs import Ecs, EcsArgs
from prod_infra.edge.acm_cert import AcmCert, AcmCertArgs
from prod_infra.edge.bucket_policy import only_tls
from prod_infra.edge.private_bucket import PrivateBucketArgs
from prod_infra.edge.s3_images import S3Images
from prod_infra.edge.waf import Waf, WafArgs
from prod_infra.network.nat import Nat, NatArgs
from prod_infra.network.network_acls import NetworkAcls, NetworkAclsArgs
from prod_infra.network.security_groups import SecurityGroups, SecurityGroupsArgs
from prod_infra.network.vpc_endpoints import VpcEndpoints, VpcEndpointsArgs
from prod_infra.operations.access_logs import AccessLogs
from prod_infra.operations.alarms import RollbackAlarms, RollbackAlarmsArgs
from prod_infra.operations.encryption import Encryption, EncryptionArgs
from prod_infra.operations.flow_logs import FlowLogs, FlowLogsArgs
from prod_infra.operations.notifications import Notifications, NotificationsArgs

ENV = "api"
config = pulumi.Config()
region = pulumi.Config("aws").require("region")
zone_id = aws.route53.get_zone_output(name=config.require("hostedZone"), private_zone=False).zone_id

keys = Encryption("api-keys", EncryptionArgs(environment=ENV, region=region))
logs = AccessLogs("api-access-logs", PrivateBucketArgs(environment=ENV, expire_days=365))

team = network()
vpc_id, tables = team.vpc.id, team.private_route_table_ids
public, private = list(team.public_subnet_ids.values()), list(team.private_subnet_ids.values())
FlowLogs("api-flow-logs", FlowLogsArgs(environment=ENV, region=region, vpc_id=vpc_id, kms_key_arn=keys.logs))
nat = Nat(
    "api-nat",
    NatArgs(
        environment=ENV,
        public_subnet_ids=team.public_subnet_ids,
        private_route_table_ids=tables,
        internet_gateway=team.internet_gateway,
    ),
)
groups = SecurityGroups(
    "api-sg", SecurityGroupsArgs(environment=ENV, vpc_id=vpc_id, test_listener_port=8443, tester_ips=nat.public_ips)
)
NetworkAcls(
    "api-acl",
    NetworkAclsArgs(
        environment=ENV,
        vpc_id=vpc_id,
        vpc_cidr=CIDR,
        default_acl_id=team.vpc.default_network_acl_id,
        public_subnet_ids=public,
        private_subnet_ids=private,
        test_listener_port=8443,
    ),
)
VpcEndpoints(
    "api-endpoints",
    VpcEndpointsArgs(
        environment=ENV,
        region=region,
        vpc_id=vpc_id,
        private_subnet_ids=team.private_subnet_ids,
        private_route_table_ids=tables,
        tasks_security_group_id=groups.tasks_id,
    ),
)

repository = Ecr("api-ecr", EcrArgs(environment=ENV, region=region, kms_key_arn=keys.images))
cert = AcmCert("api-cert", AcmCertArgs(environment=ENV, domain_name=config.require("domain"), zone_id=zone_id))
uploads = S3Images(
    "api-uploads", PrivateBucketArgs(environment=ENV, kms_key_arn=keys.buckets, log_bucket=logs.target_bucket)
)
policy = pulumi.Output.json_dumps({"Version": "2012-10-17", "Statement": [only_tls(uploads.arn)]})
aws.s3.BucketPolicy("api-uploads", bucket=uploads.bucket, policy=policy)
alb = Alb(
    "api-alb",
    AlbArgs(
        environment=ENV,
        vpc_id=vpc_id,
        public_subnet_ids=public,
        security_group_ids=groups.alb_ids,
        certificate_arn=cert.regional_arn,
        log_bucket=logs.target_bucket,
    ),
)
Waf("api-waf", WafArgs(environment=ENV, scope="REGIONAL", region=region, kms_key_arn=keys.logs, guarded_arn=alb.arn))
service = Ecs(
    "api",
    EcsArgs(
        environment=ENV,
        region=region,
        app_image=config.require("image"),
        repository_arn=repository.repository_arn,
        images_bucket_arn=uploads.arn,
        logs_key_arn=keys.logs,
        secrets_key_arn=keys.secrets,
        buckets_key_arn=keys.buckets,
        private_subnet_ids=private,
        security_group_id=groups.tasks_id,
        target_group_arn=alb.live_target_group.arn,
        ready=[alb],
    ),
)
topic = Notifications("api-alarms", NotificationsArgs(environment=ENV, region=region, kms_key_arn=keys.alarms))
watch(topic.topic_arn, alb, service, nat)
rollback = RollbackAlarms(
    "api-rollback",
    RollbackAlarmsArgs(
        environment=ENV,
        load_balancer_arn_suffix=alb.arn_suffix,
        target_group_arn_suffixes={role: group.arn_suffix for role, group in alb.target_groups.items()},
        topic_arn=topic.topic_arn,
    ),
)
BlueGreen(
    "api-deploy",
    BlueGreenArgs(
        environment=ENV,
        role_arn=service.roles.codedeploy_role_arn,
        cluster_name=service.cluster_name,
        service_name=service.service_name,
        target_group_names=[group.name for group in alb.target_groups.values()],
        production_listener_arn=alb.https_listener_arn,
        test_listener_arn=alb.test_listener_arn,
        alarm_names=rollback.alarm_names,
    ),
)

pulumi.export("repositoryUrl", repository.repository_url)
pulumi.export("albDnsName", alb.dns_name)
pulumi.export("serviceName", service.service_name)
