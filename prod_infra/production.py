"""The production environment on one screen: every module in order, and what flows from one to the next."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, TypeVar

import pulumi
import pulumi_aws as aws

from prod_infra.component import Component, ComponentArgs
from prod_infra.compute.alb import Alb, AlbArgs
from prod_infra.compute.alb_listeners import ORIGIN_HEADER
from prod_infra.compute.blue_green import BlueGreen, BlueGreenArgs
from prod_infra.compute.ecr import Ecr, EcrArgs
from prod_infra.compute.ecs import Ecs, EcsArgs
from prod_infra.data.app_secrets import named_secrets
from prod_infra.data.docdb import Docdb, DocdbArgs
from prod_infra.edge.acm_cert import AcmCert, AcmCertArgs
from prod_infra.edge.cdn import Cdn, CdnArgs
from prod_infra.edge.private_bucket import PrivateBucketArgs
from prod_infra.edge.s3_images import S3Images
from prod_infra.edge.s3_site import S3Site
from prod_infra.edge.waf import Waf, WafArgs
from prod_infra.network.availability_zones import pick_zones
from prod_infra.network.nat import Nat, NatArgs
from prod_infra.network.network_acls import NetworkAcls, NetworkAclsArgs
from prod_infra.network.security_groups import SecurityGroups, SecurityGroupsArgs
from prod_infra.network.vpc import Vpc, VpcArgs
from prod_infra.network.vpc_endpoints import VpcEndpoints, VpcEndpointsArgs
from prod_infra.operations.access_logs import AccessLogs
from prod_infra.operations.alarms import RollbackAlarms, RollbackAlarmsArgs
from prod_infra.operations.encryption import GLOBAL_REGION, Encryption, EncryptionArgs
from prod_infra.operations.environment_alarms import EnvironmentAlarms, EnvironmentAlarmsArgs
from prod_infra.operations.evidence import Evidence, EvidenceArgs
from prod_infra.operations.flow_logs import FlowLogs, FlowLogsArgs
from prod_infra.operations.notifications import Notifications, NotificationsArgs
from prod_infra.settings import Settings

Part = TypeVar("Part", bound=Component)


class ProductionEnvironment(Component):
    """The whole environment. Its parts are attributes, so that a program can export or extend what they made.

    Args:
        name: logical name; leads every resource's name.
        settings: `Settings()` is production's default.
        opts: Pulumi's options for the environment, such as `providers`.

    Raises:
        InvalidInputError: the region has fewer availability zones than the settings ask for.
    """

    pulumi_type = "prod_infra:production:ProductionEnvironment"

    def __init__(self, name: str, settings: Settings, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, ComponentArgs(environment=settings.environment), opts)

        def build(kind: type[Part], args: type[ComponentArgs], suffix: str, **wired: Any) -> Part:
            """Make a part: arguments that are named like a setting come from it, the others are wired here."""
            named = {field.name for field in fields(args)} & Settings.model_fields.keys() - wired.keys()
            given = {key: getattr(settings, key) for key in named}
            return kind(f"{name}-{suffix}", args(**given, **wired), self._child())

        zones = pick_zones(settings.availability_zone_count, settings.availability_zones, self)
        zone_id = aws.route53.get_zone_output(
            name=settings.hosted_zone_name or settings.domain_name,
            private_zone=False,
            opts=pulumi.InvokeOutputOptions(parent=self),
        ).zone_id

        self.encryption = keys = build(Encryption, EncryptionArgs, "keys")
        self.access_logs = logs = build(
            AccessLogs, PrivateBucketArgs, "access-logs", expire_days=settings.log_retention_days
        )
        private_bucket = {"kms_key_arn": keys.buckets, "log_bucket": logs.target_bucket}
        self.evidence = build(Evidence, EvidenceArgs, "evidence", **private_bucket)

        self.vpc = vpc = build(Vpc, VpcArgs, "vpc", availability_zones=zones)
        public, private = list(vpc.public_subnet_ids.values()), list(vpc.private_subnet_ids.values())
        build(FlowLogs, FlowLogsArgs, "flow-logs", vpc_id=vpc.vpc_id, kms_key_arn=keys.logs)
        test_port = {"test_listener_port": settings.test_listener_port if settings.enable_blue_green else None}
        build(
            NetworkAcls,
            NetworkAclsArgs,
            "acl",
            vpc_id=vpc.vpc_id,
            default_acl_id=vpc.default_acl_id,
            public_subnet_ids=public,
            private_subnet_ids=private,
            **test_port,
        )
        routes = {"private_route_table_ids": vpc.private_route_table_ids}
        self.nat = nat = build(
            Nat,
            NatArgs,
            "nat",
            public_subnet_ids=vpc.public_subnet_ids,
            internet_gateway=vpc.internet_gateway,
            **routes,
        )
        self.security_groups = groups = build(
            SecurityGroups,
            SecurityGroupsArgs,
            "sg",
            vpc_id=vpc.vpc_id,
            tester_ips=nat.public_ips,
            **test_port,
        )
        self.vpc_endpoints = build(
            VpcEndpoints,
            VpcEndpointsArgs,
            "endpoints",
            vpc_id=vpc.vpc_id,
            private_subnet_ids=vpc.private_subnet_ids,
            tasks_security_group_id=groups.tasks_id,
            **routes,
        )

        self.ecr = ecr = build(Ecr, EcrArgs, "ecr", kms_key_arn=keys.images)
        self.s3_site = site = build(S3Site, PrivateBucketArgs, "site", **private_bucket)
        self.s3_images = images = build(S3Images, PrivateBucketArgs, "images", **private_bucket)
        self.acm_cert = cert = build(AcmCert, AcmCertArgs, "cert", zone_id=zone_id)
        self.alb = alb = build(
            Alb,
            AlbArgs,
            "alb",
            vpc_id=vpc.vpc_id,
            public_subnet_ids=public,
            security_group_ids=groups.alb_ids,
            certificate_arn=cert.regional_arn,
            log_bucket=logs.target_bucket,
        )
        build(Waf, WafArgs, "alb-waf", scope="REGIONAL", kms_key_arn=keys.logs, guarded_arn=alb.arn)
        waf = build(Waf, WafArgs, "cdn-waf", scope="CLOUDFRONT", region=GLOBAL_REGION, kms_key_arn=keys.edge_logs)
        self.cdn = cdn = build(
            Cdn,
            CdnArgs,
            "cdn",
            zone_id=zone_id,
            certificate_arn=cert.global_arn,
            site=site,
            images=images,
            alb_dns_name=alb.dns_name,
            alb_zone_id=alb.zone_id,
            origin_header_name=ORIGIN_HEADER,
            origin_header_value=alb.origin_header_value,
            web_acl_arn=waf.web_acl_arn,
            log_bucket_arn=logs.target_arn,
        )

        self.docdb = docdb = build(
            Docdb,
            DocdbArgs,
            "docdb",
            availability_zones=zones,
            private_subnet_ids=private,
            security_group_id=groups.database_id,
            kms_key_arn=keys.database,
            secrets_key_arn=keys.secrets,
            logs_key_arn=keys.logs,
        )
        self.ecs = ecs = build(
            Ecs,
            EcsArgs,
            "ecs",
            variables={**docdb.variables, "IMAGES_BUCKET": images.bucket, **settings.app_environment},
            secrets={**docdb.secrets, **named_secrets(settings.app_secrets, settings.region, self)},
            repository_arn=ecr.repository_arn,
            images_bucket_arn=images.arn,
            logs_key_arn=keys.logs,
            secrets_key_arn=keys.secrets,
            buckets_key_arn=keys.buckets,
            private_subnet_ids=private,
            security_group_id=groups.tasks_id,
            target_group_arn=alb.live_target_group.arn,
            ready=[alb],
        )

        self.notifications = topic = build(Notifications, NotificationsArgs, "alarms", kms_key_arn=keys.alarms)
        edge = {"region": GLOBAL_REGION, "kms_key_arn": keys.edge_alarms}
        self.edge_notifications = edge_topic = build(Notifications, NotificationsArgs, "edge-alarms", **edge)
        watched = {"load_balancer_arn_suffix": alb.arn_suffix, "topic_arn": topic.topic_arn}
        rollback = build(
            RollbackAlarms,
            RollbackAlarmsArgs,
            "rollback",
            target_group_arn_suffixes={role: group.arn_suffix for role, group in alb.target_groups.items()},
            **watched,
        )
        build(
            EnvironmentAlarms,
            EnvironmentAlarmsArgs,
            "watch",
            edge_topic_arn=edge_topic.topic_arn,
            cluster_name=ecs.cluster_name,
            service_name=ecs.service_name,
            database_identifier=docdb.cluster_identifier,
            nat_gateway_ids=nat.gateway_ids,
            distribution_id=cdn.distribution_id,
            web_acl=waf.metric_name,
            **watched,
        )
        self.blue_green = None
        if settings.enable_blue_green_deployment:
            self.blue_green = build(
                BlueGreen,
                BlueGreenArgs,
                "deploy",
                role_arn=ecs.roles.codedeploy_role_arn,
                cluster_name=ecs.cluster_name,
                service_name=ecs.service_name,
                target_group_names=[group.name for group in alb.target_groups.values()],
                production_listener_arn=alb.https_listener_arn,
                test_listener_arn=alb.test_listener_arn,
                alarm_names=rollback.alarm_names,
            )
        self.register_outputs({"siteUrl": f"https://{settings.domain_name}"})
