"""What the local provider does for every resource type."""

from __future__ import annotations

import asyncio

import pytest
from pulumi.provider.experimental import provider as rpc
from pulumi.provider.experimental.property_value import PropertyValue

from prod_infra.errors import ProdInfraError
from prod_infra.local_aws.clients import Clients
from prod_infra.local_aws.provider.provider import LocalAwsProvider, PartialCreateError, ProviderError
from prod_infra.properties import UNKNOWN, plain
from tests.local_aws.provider.lifecycle import Resource, made

VPC = "aws:ec2/vpc:Vpc"
SUBNET = "aws:ec2/subnet:Subnet"
GROUP = "aws:ec2/securityGroup:SecurityGroup"
RULE = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"


@pytest.fixture
def provider(clients: Clients) -> LocalAwsProvider:
    """The local aws provider."""
    return LocalAwsProvider(clients)


def test_unknown_type_is_refused(clients: Clients) -> None:
    """A resource type without a handler is a failure of check that names the nearest one."""
    failures = Resource(clients, "aws:ec2/vpcs:Vpc").check({})
    assert "does not know the resource type 'aws:ec2/vpcs:Vpc'" in failures[""]
    assert "'aws:ec2/vpc:Vpc'" in failures[""]


def test_unknown_inputs_are_refused_all_at_once(clients: Clients) -> None:
    """Each input that would not reach AWS is a failure with the nearest name and what to do."""
    failures = Resource(clients, VPC).check({"cidrBlok": "10.0.0.0/8", "colour": "blue"})
    assert failures.keys() == {"cidrBlok", "colour"}
    assert "nearest name is 'cidrBlock'" in failures["cidrBlok"]
    assert "Correct or remove it" in failures["colour"]


def test_global_type_has_no_region(clients: Clients) -> None:
    """A type that pulumi-aws gives no region refuses one."""
    failures = Resource(clients, "aws:route53/record:Record").check(
        {"zoneId": "Z", "name": "a", "type": "A", "ttl": 1, "records": ["192.0.2.1"], "region": "eu-central-1"}
    )
    assert failures.keys() == {"region"}


def test_region_places_the_resource(clients: Clients) -> None:
    """The input `region` chooses the region, and without it the state shows the provider's own."""
    assert made(clients, VPC, {"cidrBlock": "10.1.0.0/16", "region": "us-east-1"}).state["region"] == "us-east-1"
    assert made(clients, VPC, {"cidrBlock": "10.1.0.0/16"}).state["region"] == "eu-central-1"
    assert (
        len(clients("ec2", "us-east-1").describe_vpcs(Filters=[{"Name": "cidr", "Values": ["10.1.0.0/16"]}])["Vpcs"])
        == 1
    )


def test_configured_region(clients: Clients, provider: LocalAwsProvider) -> None:
    """The stack's `aws:region` becomes the default region; a resource elsewhere is then replaced."""
    vpc = made(clients, VPC, {"cidrBlock": "10.1.0.0/16"})
    asyncio.run(provider.configure(rpc.ConfigureRequest({"aws:config:region": "eu-west-1"}, {}, True, False)))  # noqa: FBT003
    vpc.provider = provider
    assert vpc.diff().replaces == ["region"]


def test_automatic_name_is_kept(clients: Clients) -> None:
    """The name given once stays, whatever the seed; a replaced resource, without old inputs, gets another."""
    group = Resource(clients, GROUP, "tasks")
    group.check({})
    first = group.inputs["name"].value
    again = asyncio.run(group.provider.check(rpc.CheckRequest(group.urn, group.inputs, {}, b"other")))
    assert again.inputs is not None
    assert again.inputs["name"].value == first
    fresh = asyncio.run(group.provider.check(rpc.CheckRequest(group.urn, {}, {}, b"other")))
    assert fresh.inputs is not None
    assert fresh.inputs["name"].value != first


def test_name_that_the_program_no_longer_gives(clients: Clients) -> None:
    """A name that the program chose once is not taken for an automatic one."""
    group = Resource(clients, GROUP, "tasks")
    group.check({"name": "chosen"})
    group.check({})
    assert group.inputs["name"].value != "chosen"


def test_preview_of_a_create(clients: Clients) -> None:
    """A preview shows the inputs, and marks what AWS decides, and what follows from it, as unknown."""
    subnet = Resource(clients, SUBNET)
    subnet.check({"vpcId": UNKNOWN, "cidrBlock": "10.1.1.0/24"})
    shown = subnet.preview()
    assert shown["cidrBlock"] == "10.1.1.0/24"
    assert shown["vpcId"] is UNKNOWN
    assert shown["arn"] is UNKNOWN
    assert shown["id"] is UNKNOWN
    assert shown["availabilityZone"] is UNKNOWN


def test_preview_of_an_update(clients: Clients) -> None:
    """A preview of an update shows the new inputs, keeps the outputs, and changes nothing."""
    vpc = made(clients, VPC, {"cidrBlock": "10.1.0.0/16", "tags": {"a": "b"}})
    vpc.check({"cidrBlock": "10.1.0.0/16"})
    request = rpc.UpdateRequest(vpc.urn, vpc.id, vpc.typed_state, vpc.inputs, 0, [], preview=True)
    shown = plain(asyncio.run(vpc.provider.update(request)).properties)
    assert shown["arn"] == vpc.state["arn"]
    assert "tags" not in shown
    assert vpc.read() == vpc.state


def test_unknown_input_may_replace(clients: Clients) -> None:
    """What is not known yet counts as changed, and replaces where a change would."""
    subnet = Resource(clients, SUBNET)
    vpc = made(clients, VPC, {"cidrBlock": "10.1.0.0/16"})
    subnet.check({"vpcId": vpc.id, "cidrBlock": "10.1.1.0/24"})
    subnet.create()
    subnet.check({"vpcId": UNKNOWN, "cidrBlock": "10.1.1.0/24"})
    assert subnet.diff().replaces == ["vpcId"]


def test_detailed_difference(clients: Clients) -> None:
    """Differences are told by path, in Pulumi's syntax and kinds."""
    vpc = made(clients, VPC, {"cidrBlock": "10.1.0.0/16", "tags": {"a": "1", "b.c": "2"}})
    vpc.check({"cidrBlock": "10.2.0.0/16", "tags": {"b.c": "3", "d": "4"}})
    found = vpc.diff()
    assert {path: detail.kind.name for path, detail in found.detailed_diff.items()} == {
        "cidrBlock": "UPDATE_REPLACE",
        "tags.a": "DELETE",
        'tags["b.c"]': "UPDATE",
        "tags.d": "ADD",
    }
    assert found.diffs == ["cidrBlock", "tags"]


@pytest.mark.parametrize(
    ("ignore", "left"),
    [(["tags"], []), (["tags.a"], ["tags.b"]), (['tags["b"]', "tags.a"], []), ([], ["tags.a", "tags.b"])],
)
def test_ignored_changes(clients: Clients, ignore: list[str], left: list[str]) -> None:
    """What the program ignores is neither a difference nor sent by an update."""
    vpc = made(clients, VPC, {"cidrBlock": "10.1.0.0/16", "tags": {"a": "1", "b": "1"}})
    vpc.check({"cidrBlock": "10.1.0.0/16", "tags": {"a": "2", "b": "2"}})
    assert sorted(vpc.diff(ignore).detailed_diff) == left
    vpc.update(ignore)
    assert vpc.state["tags"] == {name: "2" if f"tags.{name}" in left else "1" for name in ("a", "b")}


def test_secret_inputs_stay_secret(clients: Clients) -> None:
    """An output is secret if the input of its name held a secret, deep inside too; tags take their copy along."""
    vpc = Resource(clients, VPC)
    vpc.check({"cidrBlock": "10.1.0.0/16"})
    vpc.inputs["tags"] = PropertyValue({"owner": PropertyValue("made-up", is_secret=True)})
    vpc.create()
    assert vpc.typed_state["tags"].is_secret
    assert vpc.typed_state["tagsAll"].is_secret
    assert not vpc.typed_state["cidrBlock"].is_secret


def test_aws_error_is_readable(clients: Clients) -> None:
    """AWS's refusal names service, operation, code and message."""
    subnet = Resource(clients, SUBNET)
    subnet.check({"vpcId": "vpc-0123456789abcdef0", "cidrBlock": "10.1.1.0/24"})
    with pytest.raises(
        ProviderError, match=r"ec2:CreateSubnet with InvalidVpcID\.NotFound: .*vpc-0123456789abcdef0"
    ) as caught:
        subnet.create()
    assert (caught.value.service, caught.value.operation, caught.value.code) == (
        "ec2",
        "CreateSubnet",
        "InvalidVpcID.NotFound",
    )


def test_aws_error_tells_no_secret(clients: Clients) -> None:
    """A secret that AWS, or boto3, repeats in its error is masked, and no cause carries it along."""
    subnet = Resource(clients, SUBNET)
    subnet.check({"vpcId": "vpc-made-up-secret", "cidrBlock": "10.1.1.0/24"}, secrets=["vpcId"])
    with pytest.raises(ProviderError) as caught:
        subnet.create()
    assert "vpc-made-up-secret" not in str(caught.value)
    assert "[secret]" in str(caught.value)
    assert caught.value.__suppress_context__


def test_half_made_resource_keeps_its_id(clients: Clients) -> None:
    """If AWS made the resource and then refused a detail, the error carries the ID and what is known."""
    vpc = made(clients, VPC, {"cidrBlock": "10.1.0.0/16"}).id
    group = Resource(clients, GROUP)
    impossible = {"protocol": "tcp", "fromPort": 1, "toPort": 1, "cidrBlocks": ["not a CIDR"]}
    group.check({"vpcId": vpc, "name": "half", "ingress": [impossible]})
    with pytest.raises(PartialCreateError) as caught:
        group.create()
    held = clients("ec2").describe_security_groups(Filters=[{"Name": "group-name", "Values": ["half"]}])[
        "SecurityGroups"
    ]
    assert caught.value.resource_id == held[0]["GroupId"]
    assert caught.value.properties["name"].value == "half"


def test_update_of_what_is_gone(clients: Clients) -> None:
    """An update of a resource that someone deleted says so."""
    vpc = made(clients, VPC, {"cidrBlock": "10.1.0.0/16"})
    clients("ec2").delete_vpc(VpcId=vpc.id)
    assert vpc.read() is None
    with pytest.raises(ProdInfraError, match="deleted it"):
        vpc.update()


def test_import(clients: Clients) -> None:
    """A read without inputs, as an import does it, gives the inputs that would make the resource."""
    vpc = made(clients, VPC, {"cidrBlock": "10.1.0.0/16", "tags": {"a": "b"}})
    imported = asyncio.run(vpc.provider.read(rpc.ReadRequest(vpc.urn, vpc.id, {}, {})))
    vpc.inputs, vpc.typed_state = imported.inputs, imported.properties
    assert vpc.inputs["cidrBlock"].value == "10.1.0.0/16"
    assert not vpc.diff().changes
