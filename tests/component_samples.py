"""Arguments with which each component can stand alone."""

from __future__ import annotations

from collections.abc import Callable

import pulumi
import pulumi_aws as aws

from prod_infra.component import Component
from prod_infra.compute.alb import Alb, AlbArgs
from prod_infra.compute.alb_listeners import AlbListeners, AlbListenersArgs
from prod_infra.compute.autoscaling import Autoscaling, AutoscalingArgs
from prod_infra.compute.blue_green import BlueGreen, BlueGreenArgs
from prod_infra.compute.ecr import Ecr, EcrArgs
from prod_infra.compute.ecs import Ecs, EcsArgs
from prod_infra.compute.iam import ServiceRoles, ServiceRolesArgs
from prod_infra.data.app_secrets import SecretReference
from prod_infra.data.docdb import Docdb, DocdbArgs
from prod_infra.data.docdb_secret import DocdbSecret, DocdbSecretArgs
from prod_infra.edge.acm_cert import AcmCert, AcmCertArgs
from prod_infra.edge.cdn import Cdn, CdnArgs
from prod_infra.edge.cdn_logs import CdnLogs, CdnLogsArgs
from prod_infra.edge.private_bucket import PrivateBucketArgs
from prod_infra.edge.s3_images import S3Images
from prod_infra.edge.s3_site import S3Site
from prod_infra.edge.waf import Waf, WafArgs
from prod_infra.network.nat import Nat, NatArgs
from prod_infra.network.network_acls import NetworkAcls, NetworkAclsArgs
from prod_infra.network.security_groups import SecurityGroups, SecurityGroupsArgs
from prod_infra.network.vpc import Vpc, VpcArgs
from prod_infra.network.vpc_endpoints import VpcEndpoints, VpcEndpointsArgs
from prod_infra.operations.access_logs import AccessLogs
from prod_infra.operations.alarms import RollbackAlarms, RollbackAlarmsArgs
from prod_infra.operations.encryption import Encryption, EncryptionArgs
from prod_infra.operations.environment_alarms import EnvironmentAlarms, EnvironmentAlarmsArgs
from prod_infra.operations.evidence import Evidence, EvidenceArgs
from prod_infra.operations.flow_logs import FlowLogs, FlowLogsArgs
from prod_infra.operations.key import Key, KeyArgs, used_by
from prod_infra.operations.notifications import Notifications, NotificationsArgs
from prod_infra.settings import SAMPLE_APP_IMAGE

ZONES = ("eu-central-1a", "eu-central-1b")
SUBNETS = {zone: f"subnet-{zone[-1]}" for zone in ZONES}
TABLES = {zone: f"rtb-{zone[-1]}" for zone in ZONES}
ARN = "arn:aws:x:eu-central-1:123456789012:y"

Opts = pulumi.ResourceOptions | None


def _nat(name: str, opts: Opts) -> Nat:
    gateway = aws.ec2.InternetGateway("outside", tags={})
    args = NatArgs(public_subnet_ids=SUBNETS, private_route_table_ids=TABLES, internet_gateway=gateway)
    return Nat(name, args, opts)


def _cdn(name: str, opts: Opts) -> Cdn:
    args = CdnArgs(
        domain_name="example.com",
        zone_id="Z1",
        certificate_arn=ARN,
        site=S3Site("outside-site", PrivateBucketArgs()),
        images=S3Images("outside-images", PrivateBucketArgs()),
        alb_dns_name="alb.example.net",
        alb_zone_id="Z2",
        origin_header_name="X-Origin-Verify",
        origin_header_value=pulumi.Output.secret("planted-header"),
        web_acl_arn=ARN,
        log_bucket_arn=ARN,
    )
    return Cdn(name, args, opts)


def _docdb_secret(name: str, opts: Opts) -> DocdbSecret:
    args = DocdbSecretArgs(
        secret_name="prod/docdb/master_password",
        username="docdbadmin",
        password=pulumi.Output.secret("planted-password"),
        host="db.example.net",
        port=27017,
        kms_key_arn=ARN,
    )
    return DocdbSecret(name, args, opts)


def _roles(name: str, opts: Opts) -> ServiceRoles:
    secrets = {"JWT": SecretReference(arn=pulumi.Output.from_input(ARN), has_suffix=False)}
    args = ServiceRolesArgs(
        repository_arn=ARN,
        log_group_arn=ARN,
        secrets=secrets,
        images_bucket_arn=ARN,
        secrets_key_arn=ARN,
        buckets_key_arn=ARN,
    )
    return ServiceRoles(name, args, opts)


def _ecs(name: str, opts: Opts) -> Ecs:
    args = EcsArgs(
        region="eu-central-1",
        app_image=SAMPLE_APP_IMAGE,
        repository_arn=ARN,
        images_bucket_arn=ARN,
        logs_key_arn=ARN,
        secrets_key_arn=ARN,
        buckets_key_arn=ARN,
        private_subnet_ids=list(SUBNETS.values()),
        security_group_id="sg-1",
        target_group_arn=ARN,
    )
    return Ecs(name, args, opts)


def _blue_green(name: str, opts: Opts) -> BlueGreen:
    args = BlueGreenArgs(
        role_arn=ARN,
        cluster_name="prod-cluster",
        service_name="prod-app",
        target_group_names=["blue", "green"],
        production_listener_arn=ARN,
        test_listener_arn=ARN,
        alarm_names=["alarm"],
    )
    return BlueGreen(name, args, opts)


def _alb(name: str, opts: Opts) -> Alb:
    args = AlbArgs(
        vpc_id="vpc-1",
        public_subnet_ids=list(SUBNETS.values()),
        security_group_ids=["sg-1"],
        certificate_arn=ARN,
        log_bucket="logs",
    )
    return Alb(name, args, opts)


def _listeners(name: str, opts: Opts) -> AlbListeners:
    args = AlbListenersArgs(
        load_balancer_arn=ARN,
        certificate_arn=ARN,
        live_target_group_arn=ARN,
        next_target_group_arn=ARN,
        origin_header_value=pulumi.Output.secret("planted-header"),
    )
    return AlbListeners(name, args, opts)


def _docdb(name: str, opts: Opts) -> Docdb:
    args = DocdbArgs(
        availability_zones=ZONES,
        private_subnet_ids=list(SUBNETS.values()),
        security_group_id="sg-1",
        kms_key_arn=ARN,
        secrets_key_arn=ARN,
        logs_key_arn=ARN,
    )
    return Docdb(name, args, opts)


def _endpoints(name: str, opts: Opts) -> VpcEndpoints:
    args = VpcEndpointsArgs(
        region="eu-central-1",
        vpc_id="vpc-1",
        private_subnet_ids=SUBNETS,
        private_route_table_ids=TABLES,
        tasks_security_group_id="sg-1",
    )
    return VpcEndpoints(name, args, opts)


def _alarms(name: str, opts: Opts) -> RollbackAlarms:
    args = RollbackAlarmsArgs(
        load_balancer_arn_suffix="app/x", target_group_arn_suffixes={"blue": "targetgroup/x"}, topic_arn=ARN
    )
    return RollbackAlarms(name, args, opts)


def _environment_alarms(name: str, opts: Opts) -> EnvironmentAlarms:
    args = EnvironmentAlarmsArgs(
        topic_arn=ARN,
        edge_topic_arn=ARN,
        load_balancer_arn_suffix="app/x",
        cluster_name="prod-cluster",
        service_name="prod-app",
        database_identifier="prod-docdb",
        nat_gateway_ids={"eu-central-1a": "nat-1"},
        distribution_id="E1",
        web_acl="prod-cdn-waf",
    )
    return EnvironmentAlarms(name, args, opts)


def _network_acls(name: str, opts: Opts) -> NetworkAcls:
    args = NetworkAclsArgs(
        vpc_id="vpc-1",
        vpc_cidr="10.1.0.0/16",
        default_acl_id="acl-1",
        public_subnet_ids=["subnet-a"],
        private_subnet_ids=["subnet-b"],
    )
    return NetworkAcls(name, args, opts)


def _key(name: str, opts: Opts) -> Key:
    uses = [used_by("logs.eu-central-1.amazonaws.com", ["kms:Decrypt"], {})]
    return Key(name, KeyArgs(purpose="logs", region="eu-central-1", uses=uses), opts)


def _waf(name: str, opts: Opts) -> Waf:
    return Waf(name, WafArgs(scope="REGIONAL", region="eu-central-1", kms_key_arn=ARN, guarded_arn=ARN), opts)


SAMPLES: dict[type[Component], Callable[[str, Opts], Component]] = {
    Vpc: lambda name, opts: Vpc(name, VpcArgs(vpc_cidr="10.1.0.0/16", availability_zones=ZONES), opts),
    Nat: _nat,
    SecurityGroups: lambda name, opts: SecurityGroups(name, SecurityGroupsArgs(vpc_id="vpc-1"), opts),
    VpcEndpoints: _endpoints,
    S3Site: lambda name, opts: S3Site(name, PrivateBucketArgs(), opts),
    S3Images: lambda name, opts: S3Images(name, PrivateBucketArgs(), opts),
    AcmCert: lambda name, opts: AcmCert(name, AcmCertArgs(domain_name="example.com", zone_id="Z1"), opts),
    Cdn: _cdn,
    Ecr: lambda name, opts: Ecr(name, EcrArgs(region="eu-central-1", kms_key_arn=ARN), opts),
    Alb: _alb,
    AlbListeners: _listeners,
    Ecs: _ecs,
    ServiceRoles: _roles,
    Autoscaling: lambda name, opts: Autoscaling(name, AutoscalingArgs(cluster_name="c", service_name="s"), opts),
    BlueGreen: _blue_green,
    Docdb: _docdb,
    DocdbSecret: _docdb_secret,
    RollbackAlarms: _alarms,
    EnvironmentAlarms: _environment_alarms,
    NetworkAcls: _network_acls,
    Key: _key,
    Encryption: lambda name, opts: Encryption(name, EncryptionArgs(region="eu-central-1"), opts),
    FlowLogs: lambda name, opts: FlowLogs(
        name, FlowLogsArgs(region="eu-central-1", vpc_id="vpc-1", kms_key_arn=ARN), opts
    ),
    AccessLogs: lambda name, opts: AccessLogs(name, PrivateBucketArgs(expire_days=365), opts),
    Evidence: lambda name, opts: Evidence(name, EvidenceArgs(kms_key_arn=ARN, log_bucket="logs"), opts),
    Notifications: lambda name, opts: Notifications(
        name, NotificationsArgs(region="eu-central-1", kms_key_arn=ARN), opts
    ),
    Waf: _waf,
    CdnLogs: lambda name, opts: CdnLogs(name, CdnLogsArgs(distribution_arn=ARN, log_bucket_arn=ARN), opts),
}
