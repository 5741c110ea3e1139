"""Web ACLs, what they guard and their logs, through their life."""

from __future__ import annotations

from typing import Any

from prod_infra.local_aws.clients import Clients
from tests.local_aws.provider.lifecycle import Resource, made, run_lifecycle

ACL = "aws:wafv2/webAcl:WebAcl"
ASSOCIATION = "aws:wafv2/webAclAssociation:WebAclAssociation"
LOGGING = "aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration"


def visibility(name: str) -> dict[str, Any]:
    """Return how a rule is seen."""
    return {"cloudwatchMetricsEnabled": True, "metricName": name, "sampledRequestsEnabled": True}


def acl(scope: str = "REGIONAL", limit: int = 2000) -> dict[str, Any]:
    """Return a web ACL with a managed group and a rate limit."""
    override = {"name": "SizeRestrictions_BODY", "actionToUse": {"count": {}}}
    group = {"vendorName": "AWS", "name": "AWSManagedRulesCommonRuleSet", "ruleActionOverrides": [override]}
    rate = {
        "limit": limit,
        "aggregateKeyType": "FORWARDED_IP",
        "forwardedIpConfig": {"headerName": "X-Forwarded-For", "fallbackBehavior": "MATCH"},
    }
    return {
        "scope": scope,
        "defaultAction": {"allow": {}},
        "visibilityConfig": visibility("all"),
        "rules": [
            {
                "name": "common",
                "priority": 1,
                "overrideAction": {"none": {}},
                "statement": {"managedRuleGroupStatement": group},
                "visibilityConfig": visibility("common"),
            },
            {
                "name": "rate",
                "priority": 2,
                "action": {"block": {}},
                "statement": {"rateBasedStatement": rate},
                "visibilityConfig": visibility("rate"),
            },
        ],
        "tags": {"Name": "waf"},
    }


def test_web_acl(clients: Clients) -> None:
    """Rules and tags change in place."""
    changed = {**acl(limit=500), "description": "edge"}
    state = run_lifecycle(clients, ACL, acl(), changed, {**changed, "tags": {"Name": "other"}})
    [held] = [rule for rule in state["rules"] if rule["name"] == "rate"]
    assert held["statement"]["rateBasedStatement"]["limit"] == 500


def test_web_acl_for_cloudfront(clients: Clients) -> None:
    """An ACL for CloudFront is made in us-east-1, and refused elsewhere."""
    assert "scope" in Resource(clients, ACL).check(acl("CLOUDFRONT"))
    state = run_lifecycle(clients, ACL, {**acl("CLOUDFRONT"), "region": "us-east-1"})
    assert ":global/webacl/" in state["arn"]


def test_association(clients: Clients) -> None:
    """A load balancer gets its ACL, and lets go of it."""
    vpc = made(clients, "aws:ec2/vpc:Vpc", {"cidrBlock": "10.1.0.0/16"}).id
    subnets = [
        made(
            clients,
            "aws:ec2/subnet:Subnet",
            {"vpcId": vpc, "cidrBlock": f"10.1.{number}.0/24", "availabilityZone": f"eu-central-1{zone}"},
            zone,
        ).id
        for number, zone in enumerate("ab")
    ]
    balancer = made(clients, "aws:lb/loadBalancer:LoadBalancer", {"subnets": subnets}).state["arn"]
    arn = made(clients, ACL, acl()).state["arn"]
    inputs = {"webAclArn": arn, "resourceArn": balancer}
    run_lifecycle(clients, ASSOCIATION, inputs)
    made(clients, ASSOCIATION, inputs)
    assert clients("wafv2").list_resources_for_web_acl(WebACLArn=arn)["ResourceArns"] == [balancer]


def test_logging(clients: Clients) -> None:
    """What is left out of the logs changes in place."""
    arn = made(clients, ACL, acl()).state["arn"]
    group = made(clients, "aws:cloudwatch/logGroup:LogGroup", {"name": "aws-waf-logs-prod"}).state["arn"]
    inputs = {"resourceArn": arn, "logDestinationConfigs": [group]}
    redacted = [{"singleHeader": {"name": "authorization"}}, {"singleHeader": {"name": "cookie"}}]
    run_lifecycle(clients, LOGGING, inputs, {**inputs, "redactedFields": redacted})
