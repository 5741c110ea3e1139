"""Load balancers, target groups, listeners and rules."""

from __future__ import annotations

from typing import Any

import pytest

from prod_infra.local_aws.clients import Clients
from tests.local_aws.environment import issued_certificate
from tests.local_aws.provider.lifecycle import Resource, made, run_lifecycle

BALANCER = "aws:lb/loadBalancer:LoadBalancer"
TARGETS = "aws:lb/targetGroup:TargetGroup"
LISTENER = "aws:lb/listener:Listener"
RULE = "aws:lb/listenerRule:ListenerRule"


@pytest.fixture
def network(clients: Clients) -> dict[str, Any]:
    """A VPC with three subnets and two security groups."""
    vpc = made(clients, "aws:ec2/vpc:Vpc", {"cidrBlock": "10.1.0.0/16"}).id
    subnets = [
        made(
            clients,
            "aws:ec2/subnet:Subnet",
            {"vpcId": vpc, "cidrBlock": f"10.1.{index}.0/24", "availabilityZone": f"eu-central-1{zone}"},
        ).id
        for index, zone in enumerate("abc")
    ]
    groups = [made(clients, "aws:ec2/securityGroup:SecurityGroup", {"vpcId": vpc}, name).id for name in ("a", "b")]
    return {"vpc": vpc, "subnets": subnets, "groups": groups}


@pytest.fixture
def balancer(clients: Clients, network: dict[str, Any]) -> str:
    """The ARN of an application load balancer."""
    return made(clients, BALANCER, {"subnets": network["subnets"][:2], "securityGroups": network["groups"][:1]}).id


def target_groups(clients: Clients, network: dict[str, Any]) -> list[str]:
    """Return the ARNs of two target groups."""
    inputs = {"port": 8443, "protocol": "HTTPS", "targetType": "ip", "vpcId": network["vpc"]}
    return [made(clients, TARGETS, inputs, name).id for name in ("blue", "green")]


def test_load_balancer(clients: Clients, network: dict[str, Any]) -> None:
    """A load balancer lives; subnets, groups, attributes and tags change in place."""
    inputs = {
        "name": "prod",
        "subnets": network["subnets"][:2],
        "securityGroups": network["groups"][:1],
        "dropInvalidHeaderFields": True,
        "enableCrossZoneLoadBalancing": True,
        "tags": {"Name": "prod"},
    }
    state = run_lifecycle(
        clients,
        BALANCER,
        inputs,
        inputs | {"subnets": network["subnets"]},
        inputs | {"securityGroups": network["groups"]},
        inputs | {"idleTimeout": 120, "enableHttp2": False, "desyncMitigationMode": "strictest"},
        inputs | {"tags": {}, "dropInvalidHeaderFields": False},
    )
    assert state["arnSuffix"].startswith("app/prod/")
    assert state["dnsName"].endswith(".elb.amazonaws.com")
    assert state["zoneId"]
    assert state["vpcId"] == network["vpc"]
    assert state["internal"] is False
    assert state["idleTimeout"] == 60, "an attribute that is no longer set goes back to AWS's own value"


def test_load_balancer_name_is_cut(clients: Clients) -> None:
    """An automatic name stays within AWS's 32 characters."""
    balancer = Resource(clients, BALANCER, "a-very-long-logical-name-for-a-load-balancer")
    balancer.check({})
    name = balancer.inputs["name"].value
    assert len(name) <= 32
    assert name.startswith("a-very-long-logical-name")


def test_target_group(clients: Clients, network: dict[str, Any]) -> None:
    """A target group lives; health check, attributes and stickiness change in place."""
    inputs = {"port": 8443, "protocol": "HTTPS", "targetType": "ip", "vpcId": network["vpc"], "tags": {"Name": "a"}}
    health = {"path": "/health", "protocol": "HTTPS", "matcher": "200-299", "interval": 15, "timeout": 5}
    state = run_lifecycle(
        clients,
        TARGETS,
        inputs,
        inputs | {"healthCheck": health, "deregistrationDelay": 30},
        inputs | {"healthCheck": health | {"healthyThreshold": 2}, "slowStart": 60},
        inputs | {"stickiness": {"type": "lb_cookie", "enabled": True, "cookieDuration": 600}},
        inputs,
    )
    assert state["healthCheck"]["healthyThreshold"] == 3
    assert state["arnSuffix"].startswith("targetgroup/thing-")
    assert state["deregistrationDelay"] == 300


def test_target_group_port_replaces(clients: Clients, network: dict[str, Any]) -> None:
    """Another port is another target group, new one first for it has an automatic name."""
    inputs = {"port": 80, "protocol": "HTTP", "targetType": "ip", "vpcId": network["vpc"]}
    group = made(clients, TARGETS, inputs)
    group.check(inputs | {"port": 81})
    assert group.diff().replaces == ["port"]
    assert not group.diff().delete_before_replace


def test_redirect_listener(clients: Clients, balancer: str) -> None:
    """A listener that redirects lives; what AWS fills in is no change."""
    redirect = {"type": "redirect", "redirect": {"port": "443", "protocol": "HTTPS", "statusCode": "HTTP_301"}}
    fixed = {"type": "fixed-response", "fixedResponse": {"contentType": "text/plain", "statusCode": "403"}}
    inputs = {"loadBalancerArn": balancer, "port": 80, "protocol": "HTTP", "defaultActions": [redirect]}
    state = run_lifecycle(
        clients, LISTENER, inputs, inputs | {"defaultActions": [fixed]}, inputs | {"port": 81, "tags": {"Name": "x"}}
    )
    assert state["arn"] == state["id"]
    assert "sslPolicy" not in state


def test_forward_listener(clients: Clients, network: dict[str, Any], balancer: str) -> None:
    """A listener forwards to one group, or to several by weight."""
    blue, green = target_groups(clients, network)
    inputs = {"loadBalancerArn": balancer, "port": 80, "protocol": "HTTP"}

    def weighted(first: int, second: int) -> list[dict[str, Any]]:
        groups = [{"arn": blue, "weight": first}, {"arn": green, "weight": second}]
        return [{"type": "forward", "forward": {"targetGroups": groups}}]

    run_lifecycle(
        clients,
        LISTENER,
        inputs | {"defaultActions": [{"type": "forward", "targetGroupArn": blue}]},
        inputs | {"defaultActions": [{"type": "forward", "targetGroupArn": green}]},
        inputs | {"defaultActions": weighted(100, 0)},
        inputs | {"defaultActions": weighted(90, 10)},
        inputs | {"defaultActions": [{"type": "forward", "forward": {"targetGroups": [{"arn": blue}]}}]},
    )


def test_shifted_weights_are_drift(clients: Clients, network: dict[str, Any], balancer: str) -> None:
    """What someone shifts by hand shows in the next read."""
    blue, green = target_groups(clients, network)
    action = {"type": "forward", "targetGroupArn": blue}
    listener = made(clients, LISTENER, {"loadBalancerArn": balancer, "port": 80, "defaultActions": [action]})
    clients("elbv2").modify_listener(
        ListenerArn=listener.id, DefaultActions=[{"Type": "forward", "TargetGroupArn": green}]
    )
    assert (listener.read() or {})["defaultActions"] == [{"type": "forward", "targetGroupArn": green}]


def test_https_listener(clients: Clients, balancer: str) -> None:
    """An HTTPS listener has a certificate and a policy, and response headers."""
    certificate = issued_certificate(clients, region="eu-central-1")
    fixed = {"type": "fixed-response", "fixedResponse": {"contentType": "text/plain", "statusCode": "403"}}
    inputs = {
        "loadBalancerArn": balancer,
        "port": 443,
        "protocol": "HTTPS",
        "certificateArn": certificate,
        "sslPolicy": "ELBSecurityPolicy-TLS13-1-2-Res-2021-06",
        "defaultActions": [fixed],
    }
    header = {"routingHttpResponseStrictTransportSecurityHeaderValue": "max-age=31536000"}
    state = run_lifecycle(clients, LISTENER, inputs, inputs | header, inputs)
    assert state["sslPolicy"] == "ELBSecurityPolicy-TLS13-1-2-Res-2021-06"


def test_listener_rule(clients: Clients, network: dict[str, Any], balancer: str) -> None:
    """A rule lives; conditions, actions, priority and tags change in place."""
    blue, green = target_groups(clients, network)
    fixed = {"type": "fixed-response", "fixedResponse": {"contentType": "text/plain", "statusCode": "403"}}
    listener = made(clients, LISTENER, {"loadBalancerArn": balancer, "port": 80, "defaultActions": [fixed]}).id
    header = {"httpHeader": {"httpHeaderName": "X-Origin", "values": ["made-up"]}}
    inputs = {
        "listenerArn": listener,
        "priority": 10,
        "conditions": [header, {"pathPattern": {"values": ["/b", "/a"]}}],
        "actions": [{"type": "forward", "targetGroupArn": blue}],
    }
    state = run_lifecycle(
        clients,
        RULE,
        inputs,
        inputs | {"actions": [{"type": "forward", "targetGroupArn": green}]},
        inputs | {"conditions": [{"hostHeader": {"values": ["api.example.com"]}}, header]},
        inputs | {"priority": 20, "tags": {"Name": "x"}},
        secrets=["conditions"],
    )
    assert state["listenerArn"] == listener
    assert state["priority"] == 20


def test_unknown_action_is_refused(clients: Clients) -> None:
    """An action's setting that would not reach AWS is refused, with the nearest name."""
    action = {"type": "redirect", "redirect": {"portt": "443", "statusCode": "HTTP_301"}}
    failures = Resource(clients, LISTENER).check({"loadBalancerArn": "arn", "defaultActions": [action]})
    assert "nearest name is 'port'" in failures["defaultActions[0].redirect.portt"]
