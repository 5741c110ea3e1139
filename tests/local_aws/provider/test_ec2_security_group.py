"""Security groups and their rules."""

from __future__ import annotations

from typing import Any

import pytest

from prod_infra.local_aws.clients import Clients
from tests.local_aws.provider.lifecycle import Resource, made, run_lifecycle

GROUP = "aws:ec2/securityGroup:SecurityGroup"
DEFAULT = "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup"
INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
EGRESS = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"


@pytest.fixture
def vpc_id(clients: Clients) -> str:
    """A VPC, 10.1.0.0/16."""
    return made(clients, "aws:ec2/vpc:Vpc", {"cidrBlock": "10.1.0.0/16"}).id


def rule(protocol: str = "tcp", port: int = 443, **peers: Any) -> dict[str, Any]:
    """Return one inline rule."""
    return {"protocol": protocol, "fromPort": port, "toPort": port, **peers}


def test_group(clients: Clients, vpc_id: str) -> None:
    """A group lives, admits nothing until told, and changes its inline rules in place."""
    inputs = {"vpcId": vpc_id, "name": "alb", "description": "front door", "egress": [], "tags": {"Name": "alb"}}
    state = run_lifecycle(
        clients,
        GROUP,
        inputs,
        inputs | {"ingress": [rule(cidrBlocks=["10.0.0.0/8", "192.0.2.0/24"], description="inside"), rule(self=True)]},
        inputs | {"ingress": [rule(port=8443, cidrBlocks=["192.0.2.0/24"])], "tags": {"Name": "x"}},
    )
    assert state["egress"] == [], "the rule to anywhere that AWS gives is gone"
    assert state["description"] == "front door"


def test_group_that_a_kill_left_half_made_is_completed(clients: Clients, vpc_id: str) -> None:
    """Taking over a group whose creation was cut short removes the rule to anywhere that AWS gives a new group."""
    made_by_aws = clients("ec2").create_security_group(GroupName="half", Description="half", VpcId=vpc_id)["GroupId"]
    resource = Resource(clients, GROUP)
    resource.check({"vpcId": vpc_id, "name": "half", "description": "half"})
    assert resource.recover() == made_by_aws
    group = clients("ec2").describe_security_groups(GroupIds=[made_by_aws])["SecurityGroups"][0]
    assert group["IpPermissionsEgress"] == []


def test_group_keeps_the_programs_grouping(clients: Clients, vpc_id: str) -> None:
    """Two rules of the same port stay two, though AWS lists them as one permission."""
    rules = [rule(cidrBlocks=["10.0.0.0/8"]), rule(cidrBlocks=["192.0.2.0/24"])]
    run_lifecycle(clients, GROUP, {"vpcId": vpc_id, "egress": rules}, {"vpcId": vpc_id, "egress": rules[:1]})


def test_group_drift_shows(clients: Clients, vpc_id: str) -> None:
    """A rule that someone adds by hand is in the next read."""
    group = made(clients, GROUP, {"vpcId": vpc_id, "ingress": [rule(cidrBlocks=["10.0.0.0/8"])]})
    clients("ec2").authorize_security_group_ingress(
        GroupId=group.id, IpProtocol="tcp", FromPort=22, ToPort=22, CidrIp="0.0.0.0/0"
    )
    assert {"protocol": "tcp", "fromPort": 22, "toPort": 22, "description": "", "cidrBlocks": ["0.0.0.0/0"]} in (
        group.read() or {}
    )["ingress"]


def test_group_leaves_rule_resources_alone(clients: Clients, vpc_id: str) -> None:
    """A group without inline rules has no change when rule resources add some."""
    group = made(clients, GROUP, {"vpcId": vpc_id})
    made(clients, INGRESS, {"securityGroupId": group.id, "ipProtocol": "-1", "cidrIpv4": "10.0.0.0/8"})
    assert group.read() == group.state
    assert not group.diff().changes


def test_group_is_named_after_the_resource(clients: Clients, vpc_id: str) -> None:
    """A group without a name gets one in check, and keeps it."""
    group = Resource(clients, GROUP, "tasks")
    group.check({"vpcId": vpc_id})
    group.create()
    name = group.state["name"]
    assert name.startswith("tasks-")
    group.check({"vpcId": vpc_id})
    assert not group.diff().changes


def test_named_group_is_deleted_before_its_replacement(clients: Clients, vpc_id: str) -> None:
    """A name that the program chose can't be held twice."""
    group = made(clients, GROUP, {"vpcId": vpc_id, "name": "alb"})
    group.check({"vpcId": vpc_id, "name": "alb", "description": "other"})
    assert group.diff().replaces == ["description"]
    assert group.diff().delete_before_replace
    unnamed = made(clients, GROUP, {"vpcId": vpc_id})
    unnamed.check({"vpcId": vpc_id, "description": "other"})
    assert not unnamed.diff().delete_before_replace


def test_groups_that_name_each_other_can_go(clients: Clients, vpc_id: str) -> None:
    """With revokeRulesOnDelete a group loses its rules first."""
    group = made(clients, GROUP, {"vpcId": vpc_id, "revokeRulesOnDelete": True})
    made(clients, INGRESS, {"securityGroupId": group.id, "ipProtocol": "-1", "referencedSecurityGroupId": group.id})
    group.delete()
    assert group.read() is None


def test_default_group(clients: Clients, vpc_id: str) -> None:
    """A VPC's default group is emptied and tagged; AWS keeps it on delete."""
    state = run_lifecycle(
        clients,
        DEFAULT,
        {"vpcId": vpc_id, "tags": {"Name": "closed"}},
        {"vpcId": vpc_id, "ingress": [rule(self=True)]},
        {"vpcId": vpc_id},
        vanishes=False,
    )
    assert state["ingress"] == []
    assert state["egress"] == []
    assert state["name"] == "default"


@pytest.mark.parametrize("token", [INGRESS, EGRESS])
def test_rule_with_cidr(clients: Clients, vpc_id: str, token: str) -> None:
    """A rule lives; ports, description and tags change in place."""
    group = made(clients, GROUP, {"vpcId": vpc_id}).id
    inputs = {
        "securityGroupId": group,
        "ipProtocol": "tcp",
        "fromPort": 443,
        "toPort": 443,
        "cidrIpv4": "10.1.0.0/16",
        "description": "from the VPC",
        "tags": {"Name": "https"},
    }
    state = run_lifecycle(
        clients, token, inputs, inputs | {"toPort": 444, "description": "more"}, inputs | {"tags": {"Name": "x"}}
    )
    assert state["arn"].endswith(f":security-group-rule/{state['id']}")


@pytest.mark.parametrize("token", [INGRESS, EGRESS])
def test_rule_with_group(clients: Clients, vpc_id: str, token: str) -> None:
    """A rule may name another group, with a description."""
    groups = [made(clients, GROUP, {"vpcId": vpc_id}, name).id for name in ("a", "b")]
    inputs = {"securityGroupId": groups[0], "ipProtocol": "tcp", "fromPort": 27017, "toPort": 27017}
    inputs |= {"referencedSecurityGroupId": groups[1], "description": "tasks to the database"}
    run_lifecycle(clients, token, inputs, inputs | {"description": "tasks to DocumentDB"})


def test_rule_with_prefix_list(clients: Clients, vpc_id: str) -> None:
    """A rule may name a prefix list, with a description."""
    group = made(clients, GROUP, {"vpcId": vpc_id}).id
    lists = clients("ec2").describe_managed_prefix_lists()["PrefixLists"]
    inputs = {"securityGroupId": group, "ipProtocol": "tcp", "fromPort": 443, "toPort": 443}
    inputs |= {"prefixListId": lists[0]["PrefixListId"], "description": "CloudFront"}
    run_lifecycle(clients, INGRESS, inputs, inputs | {"description": "CloudFront's edge"})


def test_rule_for_everything(clients: Clients, vpc_id: str) -> None:
    """A rule for all protocols has no ports."""
    group = made(clients, GROUP, {"vpcId": vpc_id}).id
    state = run_lifecycle(clients, EGRESS, {"securityGroupId": group, "ipProtocol": "-1", "cidrIpv4": "0.0.0.0/0"})
    assert "fromPort" not in state


@pytest.mark.parametrize(
    ("inputs", "property_"),
    [
        ({"ipProtocol": "-1"}, "cidrIpv4"),
        ({"ipProtocol": "-1", "cidrIpv4": "10.0.0.0/8", "cidrIpv6": "::/0"}, "cidrIpv4"),
        ({"ipProtocol": "-1", "cidrIpv4": "10.0.0.0/8", "fromPort": 0, "toPort": 0}, "fromPort"),
        ({"ipProtocol": "tcp", "cidrIpv4": "10.0.0.0/8", "fromPort": 443}, "fromPort"),
    ],
)
def test_impossible_rule(clients: Clients, inputs: dict[str, Any], property_: str) -> None:
    """A rule that AWS would refuse is refused before anything is created."""
    assert property_ in Resource(clients, INGRESS).check({"securityGroupId": "sg-1", **inputs})
