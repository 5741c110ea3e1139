"""The web application firewall, before the distribution and before the load balancer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import pulumi
import pulumi_aws as aws
from pulumi_aws import wafv2

from prod_infra.component import Component, ComponentArgs

MANAGED_RULES: Final = {
    "AWSManagedRulesAmazonIpReputationList": (),
    # Log4j's Log4JRCE is among these (WAF guide, "Known bad inputs").
    "AWSManagedRulesKnownBadInputsRuleSet": (),
    # Its limit of 8 KiB for a body would refuse every upload of an image: it is counted instead.
    "AWSManagedRulesCommonRuleSet": ("SizeRestrictions_BODY",),
}
"""AWS's own rule groups, in order, each with those of its rules that count and don't block."""

REDACTED_HEADERS: Final = ("authorization", "cookie", "x-origin-verify")


@dataclass(frozen=True, kw_only=True)
class WafArgs(ComponentArgs):
    """Arguments of `Waf`.

    Attributes:
        scope: `CLOUDFRONT` or `REGIONAL`.
        region: us-east-1 for CloudFront, else the guarded resource's.
        kms_key_arn: key of the logs, in that region.
        waf_rate_limit: requests of one address in five minutes, from which on it is refused; for CloudFront alone.
        log_retention_days: days for which the logs are kept.
        guarded_arn: regional resource to guard; a distribution names its web ACL itself.
    """

    scope: str
    region: str
    kms_key_arn: pulumi.Input[str]
    waf_rate_limit: int = 2000
    log_retention_days: int = 365
    guarded_arn: pulumi.Input[str] | None = None


class Waf(Component):
    """A web ACL of AWS's managed rules and a limit of requests a client; it writes down what it looked at.

    Before the load balancer stands a second one, though all its requests passed the first: whoever finds a way around
    the distribution still meets it (Security Hub ELB.16). It limits no rate: there every request comes from CloudFront,
    and the client's address is the first in `X-Forwarded-For`, where anyone can write someone else's.

    Attributes:
        web_acl_arn: the web ACL's ARN.
        metric_name: the web ACL as CloudWatch names it.
    """

    pulumi_type = "prod_infra:edge:Waf"

    web_acl_arn: pulumi.Output[str]
    metric_name: str

    def __init__(self, name: str, args: WafArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args, opts)
        self.metric_name = name
        managed = [_managed(index, group, counted) for index, (group, counted) in enumerate(MANAGED_RULES.items())]
        acl = wafv2.WebAcl(
            name,
            region=args.region,
            scope=args.scope,
            default_action=wafv2.WebAclDefaultActionArgs(allow=wafv2.WebAclDefaultActionAllowArgs()),
            rules=[*managed, *([_rate(len(managed), args.waf_rate_limit)] if args.scope == "CLOUDFRONT" else [])],
            visibility_config=wafv2.WebAclVisibilityConfigArgs(**_visibility(name)),
            tags=self._tags(name),
            opts=self._child(),
        )
        logs = aws.cloudwatch.LogGroup(
            name,
            region=args.region,
            # WAF takes no group whose name begins otherwise.
            name=f"aws-waf-logs-{name}",
            retention_in_days=args.log_retention_days,
            kms_key_id=args.kms_key_arn,
            tags=self._tags(name),
            opts=self._child(),
        )
        wafv2.WebAclLoggingConfiguration(
            name,
            region=args.region,
            resource_arn=acl.arn,
            log_destination_configs=[logs.arn],
            redacted_fields=[
                wafv2.WebAclLoggingConfigurationRedactedFieldArgs(
                    single_header=wafv2.WebAclLoggingConfigurationRedactedFieldSingleHeaderArgs(name=header)
                )
                for header in REDACTED_HEADERS
            ],
            opts=self._child(),
        )
        if args.guarded_arn is not None:
            wafv2.WebAclAssociation(
                name, region=args.region, resource_arn=args.guarded_arn, web_acl_arn=acl.arn, opts=self._child()
            )
        self.web_acl_arn = acl.arn
        self.register_outputs({"webAclArn": self.web_acl_arn})


def _managed(priority: int, group: str, counted: tuple[str, ...]) -> wafv2.WebAclRuleArgs:
    """Return the rule that asks one of AWS's rule groups, and lets some of its rules only count."""
    none = wafv2.WebAclRuleOverrideActionNoneArgs()  # type: ignore[no-untyped-call]  # pulumi-aws forgot its types
    count = wafv2.WebAclRuleStatementManagedRuleGroupStatementRuleActionOverrideActionToUseArgs(
        count=wafv2.WebAclRuleStatementManagedRuleGroupStatementRuleActionOverrideActionToUseCountArgs()
    )
    overrides = [
        wafv2.WebAclRuleStatementManagedRuleGroupStatementRuleActionOverrideArgs(name=rule, action_to_use=count)
        for rule in counted
    ]
    return wafv2.WebAclRuleArgs(
        name=group,
        priority=priority,
        override_action=wafv2.WebAclRuleOverrideActionArgs(none=none),
        statement=wafv2.WebAclRuleStatementArgs(
            managed_rule_group_statement=wafv2.WebAclRuleStatementManagedRuleGroupStatementArgs(
                vendor_name="AWS", name=group, rule_action_overrides=overrides
            )
        ),
        visibility_config=wafv2.WebAclRuleVisibilityConfigArgs(**_visibility(group)),
    )


def _rate(priority: int, limit: int) -> wafv2.WebAclRuleArgs:
    """Return the rule that refuses an address with too many requests in five minutes."""
    return wafv2.WebAclRuleArgs(
        name="rate-limit",
        priority=priority,
        action=wafv2.WebAclRuleActionArgs(block=wafv2.WebAclRuleActionBlockArgs()),
        statement=wafv2.WebAclRuleStatementArgs(
            rate_based_statement=wafv2.WebAclRuleStatementRateBasedStatementArgs(
                limit=limit, aggregate_key_type="IP", evaluation_window_sec=300
            )
        ),
        visibility_config=wafv2.WebAclRuleVisibilityConfigArgs(**_visibility("rate-limit")),
    )


def _visibility(name: str) -> dict[str, Any]:
    """Return that a rule is counted in CloudWatch, and that samples of what it met can be looked at."""
    return {"cloudwatch_metrics_enabled": True, "metric_name": name, "sampled_requests_enabled": True}
