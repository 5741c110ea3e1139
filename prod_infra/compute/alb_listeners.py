"""The load balancer's listeners: production, test, and the redirect on port 80."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import pulumi
import pulumi_aws as aws

from prod_infra.component import Component, ComponentArgs

SSL_POLICY: Final = "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09"
"""TLS 1.2 with forward secrecy, and 1.3 with post-quantum key exchange; FSBP ELB.17 asks for this or its like."""

ORIGIN_HEADER: Final = "X-Origin-Verify"
"""By its secret value the listener knows that a request came through our distribution."""

_FORBIDDEN: Final = aws.lb.ListenerDefaultActionArgs(
    type="fixed-response",
    fixed_response=aws.lb.ListenerDefaultActionFixedResponseArgs(
        status_code="403", content_type="text/plain", message_body="Forbidden"
    ),
)
_TO_HTTPS: Final = aws.lb.ListenerDefaultActionArgs(
    type="redirect",
    redirect=aws.lb.ListenerDefaultActionRedirectArgs(port="443", protocol="HTTPS", status_code="HTTP_301"),
)


@dataclass(frozen=True, kw_only=True)
class AlbListenersArgs(ComponentArgs):
    """Arguments of `AlbListeners`.

    Attributes:
        load_balancer_arn: the load balancer's ARN.
        certificate_arn: issued certificate in the same region.
        live_target_group_arn: group that gets what has the origin header.
        next_target_group_arn: group behind the test listener; None for no test listener.
        origin_header_value: secret value of `X-Origin-Verify`.
        enable_http_redirect: a listener on port 80 that redirects to HTTPS.
        test_listener_port: port of the test listener.
    """

    load_balancer_arn: pulumi.Input[str]
    certificate_arn: pulumi.Input[str]
    live_target_group_arn: pulumi.Input[str]
    next_target_group_arn: pulumi.Input[str] | None = None
    origin_header_value: pulumi.Input[str]
    enable_http_redirect: bool = True
    test_listener_port: int = 8443


class AlbListeners(Component):
    """Listeners that let in whoever has the secret origin header, and answer 403 to anyone else.

    A rule of the production listener forwards what has the header to the live target group. CodeDeploy is taken to
    shift traffic by rewriting each rule, of the listeners that it is given, that forwards to one of its two groups; its
    managed policies (`AWSCodeDeployRoleForECS` and `…Limited`) allow `DescribeRules` and `ModifyRule`, and
    docs/decisions/codedeploy.md holds the evidence. So from the first deployment on the rule's actions, and the test
    listener's, are CodeDeploy's, and changes to them are ignored. The test listener wants no header: its port is open
    to testers alone.

    The redirect on port 80 exists for whoever opens that port; while no security group does (`enable_http=False`),
    nobody reaches it, and viewers are redirected by CloudFront.

    Attributes:
        https_arn: the production listener's ARN.
        test_arn: the test listener's ARN; None without a next target group.
    """

    pulumi_type = "prod_infra:compute:AlbListeners"

    https_arn: pulumi.Output[str]
    test_arn: pulumi.Output[str] | None

    def __init__(self, name: str, args: AlbListenersArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args, opts)
        blue_green = args.next_target_group_arn is not None
        self.https_arn = self._https(f"{name}-https", 443, args, _FORBIDDEN)
        aws.lb.ListenerRule(
            f"{name}-from-cloudfront",
            listener_arn=self.https_arn,
            priority=1,
            conditions=[
                aws.lb.ListenerRuleConditionArgs(
                    http_header=aws.lb.ListenerRuleConditionHttpHeaderArgs(
                        http_header_name=ORIGIN_HEADER, values=[args.origin_header_value]
                    )
                )
            ],
            actions=[aws.lb.ListenerRuleActionArgs(type="forward", target_group_arn=args.live_target_group_arn)],
            tags=self._tags(f"{name}-from-cloudfront"),
            opts=self._child(ignore_changes=["actions"] if blue_green else []),
        )
        self.test_arn = None
        if args.next_target_group_arn is not None:
            action = aws.lb.ListenerDefaultActionArgs(type="forward", target_group_arn=args.next_target_group_arn)
            self.test_arn = self._https(f"{name}-test", args.test_listener_port, args, action, ["defaultActions"])
        if args.enable_http_redirect:
            aws.lb.Listener(
                f"{name}-http",
                load_balancer_arn=args.load_balancer_arn,
                port=80,
                protocol="HTTP",
                default_actions=[_TO_HTTPS],
                tags=self._tags(f"{name}-http"),
                opts=self._child(),
            )
        self.register_outputs({"httpsArn": self.https_arn, "testArn": self.test_arn})

    def _https(
        self,
        name: str,
        port: int,
        args: AlbListenersArgs,
        action: aws.lb.ListenerDefaultActionArgs,
        ignore_changes: Sequence[str] = (),
    ) -> pulumi.Output[str]:
        return aws.lb.Listener(
            name,
            load_balancer_arn=args.load_balancer_arn,
            port=port,
            protocol="HTTPS",
            ssl_policy=SSL_POLICY,
            certificate_arn=args.certificate_arn,
            default_actions=[action],
            tags=self._tags(name),
            opts=self._child(ignore_changes=ignore_changes),
        ).arn
