"""The load balancer: where CloudFront's API requests enter, and where blue and green swap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
import pulumi_random as random

from prod_infra.component import Component, ComponentArgs
from prod_infra.compute.alb_listeners import AlbListeners, AlbListenersArgs
from prod_infra.operations.access_logs import ALB_PREFIX


@dataclass(frozen=True, kw_only=True)
class AlbArgs(ComponentArgs):
    """Arguments of `Alb`.

    Attributes:
        vpc_id: the VPC's ID.
        public_subnet_ids: one subnet in each of two or more zones.
        security_group_ids: groups of the load balancer.
        certificate_arn: issued certificate in the same region.
        app_port: port on which tasks listen.
        target_protocol: `HTTPS` or `HTTP`, from the load balancer to a task.
        health_check_path: path that answers 200 when a task is fit.
        enable_blue_green: two target groups and a test listener instead of one group.
        enable_http_redirect: a listener on port 80 that redirects to HTTPS.
        enable_cross_zone_load_balancing: spread requests over all zones' tasks.
        test_listener_port: port of the test listener.
        deletion_protection: whether AWS refuses to delete the load balancer.
        log_bucket: bucket that gets the access logs, once the load balancer may write there.
    """

    vpc_id: pulumi.Input[str]
    public_subnet_ids: Sequence[pulumi.Input[str]]
    security_group_ids: Sequence[pulumi.Input[str]]
    certificate_arn: pulumi.Input[str]
    app_port: int = 8080
    target_protocol: str = "HTTPS"
    health_check_path: str = "/api/health"
    enable_blue_green: bool = True
    enable_http_redirect: bool = True
    enable_cross_zone_load_balancing: bool = True
    test_listener_port: int = 8443
    deletion_protection: bool = True
    log_bucket: pulumi.Input[str]


class Alb(Component):
    """An internet-facing load balancer whose listeners answer 403 to whoever lacks the secret origin header.

    Cross-zone balancing can't be turned off for a whole application load balancer, only for its target groups (ALB
    guide, "Cross-zone load balancing"), so the setting acts there.

    Attributes:
        arn: the load balancer's ARN.
        arn_suffix: the load balancer's part of its ARN, as CloudWatch names it.
        dns_name: its DNS name.
        zone_id: hosted zone of that name.
        origin_header_value: what the listener wants in `X-Origin-Verify`; secret.
        target_groups: by role, `blue` and `green`, or `app` alone.
        live_target_group: where the service's first tasks register.
        https_listener_arn: the production listener's ARN.
        test_listener_arn: the test listener's ARN; None without blue and green.
    """

    pulumi_type = "prod_infra:compute:Alb"

    arn: pulumi.Output[str]
    arn_suffix: pulumi.Output[str]
    dns_name: pulumi.Output[str]
    zone_id: pulumi.Output[str]
    origin_header_value: pulumi.Output[str]
    target_groups: dict[str, aws.lb.TargetGroup]
    live_target_group: aws.lb.TargetGroup
    https_listener_arn: pulumi.Output[str]
    test_listener_arn: pulumi.Output[str] | None

    def __init__(self, name: str, args: AlbArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args, opts)
        balancer = aws.lb.LoadBalancer(
            name,
            load_balancer_type="application",
            internal=False,
            subnets=list(args.public_subnet_ids),
            security_groups=list(args.security_group_ids),
            enable_cross_zone_load_balancing=True,
            enable_deletion_protection=args.deletion_protection,
            drop_invalid_header_fields=True,
            desync_mitigation_mode="defensive",
            # Lets an operator take a failing zone out by ARC.
            enable_zonal_shift=True,
            access_logs=aws.lb.LoadBalancerAccessLogsArgs(enabled=True, bucket=args.log_bucket, prefix=ALB_PREFIX),
            tags=self._tags(name),
            opts=self._child(),
        )
        roles = ("blue", "green") if args.enable_blue_green else ("app",)
        self.target_groups = {role: self._target_group(f"{name}-{role}", args) for role in roles}
        self.live_target_group = self.target_groups[roles[0]]
        # 64 characters: half of what a listener's header condition can hold.
        header = random.RandomPassword(f"{name}-origin-header", length=64, special=False, opts=self._child())
        self.origin_header_value = header.result
        listeners = AlbListeners(
            name,
            AlbListenersArgs(
                environment=args.environment,
                load_balancer_arn=balancer.arn,
                certificate_arn=args.certificate_arn,
                live_target_group_arn=self.live_target_group.arn,
                next_target_group_arn=self.target_groups["green"].arn if args.enable_blue_green else None,
                origin_header_value=header.result,
                enable_http_redirect=args.enable_http_redirect,
                test_listener_port=args.test_listener_port,
            ),
            self._child(),
        )
        self.https_listener_arn = listeners.https_arn
        self.test_listener_arn = listeners.test_arn
        self.arn = balancer.arn
        self.arn_suffix = balancer.arn_suffix
        self.dns_name = balancer.dns_name
        self.zone_id = balancer.zone_id
        self.register_outputs({"dnsName": self.dns_name, "httpsListenerArn": self.https_listener_arn})

    def _target_group(self, name: str, args: AlbArgs) -> aws.lb.TargetGroup:
        return aws.lb.TargetGroup(
            name,
            vpc_id=args.vpc_id,
            target_type="ip",
            port=args.app_port,
            protocol=args.target_protocol,
            deregistration_delay=30,
            load_balancing_cross_zone_enabled=str(args.enable_cross_zone_load_balancing).lower(),
            health_check=aws.lb.TargetGroupHealthCheckArgs(
                enabled=True,
                path=args.health_check_path,
                protocol=args.target_protocol,
                port="traffic-port",
                matcher="200",
                interval=15,
                timeout=5,
                healthy_threshold=2,
                unhealthy_threshold=3,
            ),
            tags=self._tags(name),
            opts=self._child(),
        )
