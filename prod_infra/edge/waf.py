"""The web application firewall, before the distribution and before the load balancer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Final

import pulumi
import pulumi_aws as aws

from prod_infra.component import Component, ComponentArgs

MANAGED_RULES: Final = {
    "AWSManagedRulesAmazonIpReputationList": (),
    # Log4j's Log4JRCE is among these (WAF guide, "Known bad inputs").
    "AWSManagedRulesKnownBadInputsRuleSet": (),
    # Its limit of 8 KiB for a body would refuse every upload of an image: it is counted instead.
    "AWSManagedRulesCommonRuleSet": ("SizeRestrictions_BODY",),
    # Customers come through VPNs as well; an attack that hides in them shows in the counts.
    "AWSManagedRulesAnonymousIpList": ("AnonymousIPList", "HostingProviderIPList"),
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
        acl = _Wafv2(
            "WebAcl",
            name,
            {
                "region": args.region,
                "scope": args.scope,
                "defaultAction": {"allow": {}},
                "rules": [
                    *managed,
                    *([_rate(len(managed), args.waf_rate_limit)] if args.scope == "CLOUDFRONT" else []),
                ],
                "visibilityConfig": _visibility(name),
                "tags": self._tags(name),
            },
            self._child(),
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
        _Wafv2(
            "WebAclLoggingConfiguration",
            name,
            {
                "region": args.region,
                "resourceArn": acl.arn,
                "logDestinationConfigs": [logs.arn],
                "redactedFields": [{"singleHeader": {"name": header}} for header in REDACTED_HEADERS],
            },
            self._child(),
        )
        if args.guarded_arn is not None:
            guarded = {"region": args.region, "resourceArn": args.guarded_arn, "webAclArn": acl.arn}
            _Wafv2("WebAclAssociation", name, guarded, self._child())
        self.web_acl_arn = acl.arn
        self.register_outputs({"webAclArn": self.web_acl_arn})


class _Wafv2(pulumi.CustomResource):
    """A resource of pulumi-aws's module `wafv2`, by its properties' own names.

    The module's Python types spell out every nesting of statements, 5 MB of them: importing it takes a third of the
    time that the whole program needs to import.

    Args:
        kind: such as `WebAcl`.
        name: logical name.
        properties: as Pulumi's registry spells them.
        opts: Pulumi's options.
    """

    arn: pulumi.Output[str]

    def __init__(self, kind: str, name: str, properties: Mapping[str, Any], opts: pulumi.ResourceOptions) -> None:
        # Without the version, the engine would start a second provider, of any version.
        provider = pulumi.ResourceOptions(version=version("pulumi_aws"))
        outputs = {"arn": None} if kind == "WebAcl" else {}
        super().__init__(
            f"aws:wafv2/{kind[0].lower()}{kind[1:]}:{kind}",
            name,
            {**properties, **outputs},
            pulumi.ResourceOptions.merge(provider, opts),
        )


def _managed(priority: int, group: str, counted: tuple[str, ...]) -> dict[str, Any]:
    """Return the rule that asks one of AWS's rule groups, and lets some of its rules only count."""
    overrides = [{"name": rule, "actionToUse": {"count": {}}} for rule in counted]
    return {
        "name": group,
        "priority": priority,
        "overrideAction": {"none": {}},
        "statement": {
            "managedRuleGroupStatement": {"vendorName": "AWS", "name": group, "ruleActionOverrides": overrides},
        },
        "visibilityConfig": _visibility(group),
    }


def _rate(priority: int, limit: int) -> dict[str, Any]:
    """Return the rule that refuses an address with too many requests in five minutes."""
    return {
        "name": "rate-limit",
        "priority": priority,
        "action": {"block": {}},
        "statement": {
            "rateBasedStatement": {"limit": limit, "aggregateKeyType": "IP", "evaluationWindowSec": 300},
        },
        "visibilityConfig": _visibility("rate-limit"),
    }


def _visibility(name: str) -> dict[str, Any]:
    """Return that a rule is counted in CloudWatch, and that samples of what it met can be looked at."""
    return {"cloudwatchMetricsEnabled": True, "metricName": name, "sampledRequestsEnabled": True}
