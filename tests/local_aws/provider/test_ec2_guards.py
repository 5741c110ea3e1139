"""Network access lists and flow logs through their life."""

from __future__ import annotations

from typing import Any

import pytest

from prod_infra.errors import ProdInfraError
from prod_infra.local_aws.clients import Clients
from tests.local_aws.provider.lifecycle import Resource, made, run_lifecycle

ACL = "aws:ec2/networkAcl:NetworkAcl"
DEFAULT_ACL = "aws:ec2/defaultNetworkAcl:DefaultNetworkAcl"
FLOW_LOG = "aws:ec2/flowLog:FlowLog"


@pytest.fixture
def vpc(clients: Clients) -> str:
    """Return the ID of a VPC of the test's own."""
    return made(clients, "aws:ec2/vpc:Vpc", {"cidrBlock": "10.1.0.0/16"}).id


def rule(number: int, port: int, cidr: str = "0.0.0.0/0") -> dict[str, Any]:
    """Return a rule that lets one port through."""
    ports = {"fromPort": port, "toPort": port}
    return {"ruleNo": number, "action": "allow", "protocol": "tcp", "cidrBlock": cidr, **ports}


def test_network_acl(clients: Clients, vpc: str) -> None:
    """Rules and subnets change in place, and a deleted list gives its subnets back to the default one."""
    subnets = [
        made(clients, "aws:ec2/subnet:Subnet", {"vpcId": vpc, "cidrBlock": f"10.1.{n}.0/24"}, f"subnet-{n}").id
        for n in (1, 2)
    ]
    first = {"vpcId": vpc, "ingress": [rule(100, 443)], "subnetIds": subnets[:1], "tags": {"Name": "public"}}
    second = {**first, "ingress": [rule(100, 80), rule(110, 443)], "egress": [rule(100, 443)], "subnetIds": subnets}
    third = {**second, "egress": [rule(90, 443)], "subnetIds": subnets[1:], "tags": {"Name": "x"}}
    run_lifecycle(clients, ACL, first, second, third)
    [default] = clients("ec2").describe_network_acls(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["NetworkAcls"]
    assert {use["SubnetId"] for use in default["Associations"]} == set(subnets)


def test_default_network_acl(clients: Clients) -> None:
    """The list that a VPC is born with is emptied, takes rules, and outlives its resource."""
    acl_id = made(clients, "aws:ec2/vpc:Vpc", {"cidrBlock": "10.1.0.0/16"}).state["defaultNetworkAclId"]
    inputs = {"defaultNetworkAclId": acl_id, "tags": {"Name": "default"}}
    acl = Resource(clients, DEFAULT_ACL)
    assert acl.check(inputs) == {}
    acl.create()
    for rules in ([rule(100, 443)], []):
        assert acl.check({**inputs, "ingress": rules}) == {}
        acl.update()
        assert acl.read() == acl.state
    acl.delete()
    [held] = clients("ec2").describe_network_acls(NetworkAclIds=[acl_id])["NetworkAcls"]
    assert {entry["RuleAction"] for entry in held["Entries"]} == {"deny"}


def test_default_network_acl_must_exist(clients: Clients) -> None:
    """A list that is not there is an error that names it."""
    acl = Resource(clients, DEFAULT_ACL)
    assert acl.check({"defaultNetworkAclId": "acl-1"}) == {}
    with pytest.raises(ProdInfraError, match="acl-1"):
        acl.create()


def test_flow_log(clients: Clients, vpc: str) -> None:
    """A VPC's flow log goes to a log group, and its tags change in place."""
    group = made(clients, "aws:cloudwatch/logGroup:LogGroup", {"name": "/prod/flow"})
    inputs = {
        "vpcId": vpc,
        "trafficType": "ALL",
        "logDestination": group.state["arn"],
        "iamRoleArn": "arn:aws:iam::123456789012:role/flow",
        "maxAggregationInterval": 60,
        "tags": {"Name": "flow"},
    }
    state = run_lifecycle(clients, FLOW_LOG, inputs, {**inputs, "tags": {"Name": "flows"}})
    assert state["logDestination"] == group.state["arn"]


def test_flow_log_of_nothing_is_refused(clients: Clients) -> None:
    """A flow log watches exactly one thing."""
    assert "vpcId" in Resource(clients, FLOW_LOG).check({"trafficType": "ALL"})
