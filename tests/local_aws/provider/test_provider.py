"""What the local provider does for every resource type."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from typing import Any

import grpc
import pytest
from pulumi.provider.experimental import provider as rpc
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from prod_infra.errors import InvalidInputError, ProdInfraError
from prod_infra.local_aws.clients import Clients
from prod_infra.local_aws.provider.provider import LocalAwsProvider, PartialCreateError, ProviderError
from prod_infra.properties import UNKNOWN, plain, typed
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


def invoke(provider: LocalAwsProvider, token: str, **args: Any) -> dict[str, Any]:
    """Return what a data source answers."""
    return plain(asyncio.run(provider.invoke(rpc.InvokeRequest(token, typed(args)))).return_value or {})


def test_availability_zones(provider: LocalAwsProvider) -> None:
    """Zones come with names and IDs, of the region asked for."""
    zones = invoke(provider, "aws:index/getAvailabilityZones:getAvailabilityZones", state="available")
    assert zones["names"] == ["eu-central-1a", "eu-central-1b", "eu-central-1c"]
    assert len(zones["zoneIds"]) == 3
    other = invoke(provider, "aws:index/getAvailabilityZones:getAvailabilityZones", region="us-east-1")
    assert "us-east-1a" in other["names"]


def test_hosted_zone(provider: LocalAwsProvider) -> None:
    """A hosted zone is found by name and by ID; one that is not there is an error that says so."""
    zone = invoke(provider, "aws:route53/getZone:getZone", name="example.com")
    assert invoke(provider, "aws:route53/getZone:getZone", zoneId=zone["zoneId"])["name"] == "example.com"
    with pytest.raises(ProdInfraError, match="matches 0 times"):
        invoke(provider, "aws:route53/getZone:getZone", name="example.org")


def test_prefix_list(provider: LocalAwsProvider) -> None:
    """CloudFront's prefix list is found by name."""
    name = "com.amazonaws.global.cloudfront.origin-facing"
    found = invoke(provider, "aws:ec2/getManagedPrefixList:getManagedPrefixList", name=name)
    assert found["id"].startswith("pl-")
    assert found["name"] == name


def test_identity(provider: LocalAwsProvider) -> None:
    """Account, region and partition are those of the local AWS."""
    assert invoke(provider, "aws:index/getCallerIdentity:getCallerIdentity")["accountId"] == "123456789012"
    assert invoke(provider, "aws:index/getRegion:getRegion")["region"] == "eu-central-1"
    assert invoke(provider, "aws:index/getPartition:getPartition")["partition"] == "aws"


def test_unknown_invoke(provider: LocalAwsProvider) -> None:
    """An unknown data source or argument is refused, with what is known."""
    with pytest.raises(InvalidInputError, match="nearest is 'aws:route53/getZone:getZone'"):
        invoke(provider, "aws:route53/getZones:getZone")
    with pytest.raises(InvalidInputError, match="no argument 'colour'"):
        invoke(provider, "aws:route53/getZone:getZone", colour="blue")


def test_over_grpc(clients: Clients) -> None:
    """The served provider does the same over Pulumi's wire: unknowns, secrets and a half-made resource included."""
    process = subprocess.Popen(
        [sys.executable, "-m", "prod_infra.local_aws.provider", "aws", "--endpoint", clients.endpoint],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        with grpc.insecure_channel(f"127.0.0.1:{process.stdout.readline().strip()}") as channel:
            stub = provider_pb2_grpc.ResourceProviderStub(channel)
            _use_wire(stub, clients)
    finally:
        process.terminate()
        process.communicate(timeout=30)


def _use_wire(stub: Any, clients: Clients) -> None:
    urn = f"urn:pulumi:prod::prod-infra::{SUBNET}::thing"
    unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
    inputs = PropertyValue.marshal_map(typed({"vpcId": unknown, "cidrBlock": "10.1.1.0/24"}))
    checked = stub.Check(provider_pb2.CheckRequest(urn=urn, news=inputs, randomSeed=b"x"))
    assert checked.inputs["vpcId"] == unknown
    shown = stub.Create(provider_pb2.CreateRequest(urn=urn, properties=checked.inputs, preview=True))
    assert shown.properties["arn"] == unknown
    vpc = made(clients, VPC, {"cidrBlock": "10.1.0.0/16"}).id
    inputs = PropertyValue.marshal_map(typed({"vpcId": vpc, "cidrBlock": "10.1.1.0/24"}, secrets=["cidrBlock"]))
    created = stub.Create(provider_pb2.CreateRequest(urn=urn, properties=inputs))
    assert PropertyValue.unmarshal_map(created.properties)["cidrBlock"].is_secret
    diff = stub.Diff(provider_pb2.DiffRequest(urn=urn, id=created.id, olds=created.properties, news=inputs))
    assert diff.changes == provider_pb2.DiffResponse.DIFF_NONE
    stub.Delete(provider_pb2.DeleteRequest(urn=urn, id=created.id, properties=created.properties))
    gone = stub.Read(provider_pb2.ReadRequest(urn=urn, id=created.id, properties=created.properties))
    assert gone.id == ""
    with pytest.raises(grpc.RpcError) as caught:
        stub.Create(
            provider_pb2.CreateRequest(
                urn=f"urn:pulumi:prod::prod-infra::{GROUP}::thing",
                properties=PropertyValue.marshal_map(
                    typed(
                        {
                            "vpcId": vpc,
                            "name": "half",
                            "description": "half",
                            "ingress": [{"protocol": "tcp", "fromPort": 1, "toPort": 1, "cidrBlocks": ["no"]}],
                        }
                    )
                ),
            )
        )
    assert "is not finished" in caught.value.details()  # type: ignore[attr-defined]
    assert "Traceback" not in caught.value.details()  # type: ignore[attr-defined]
    metadata = dict(caught.value.trailing_metadata())  # type: ignore[attr-defined]
    assert b"ErrorResourceInitFailed" in metadata["grpc-status-details-bin"]
    assert json.loads(stub.GetSchema(provider_pb2.GetSchemaRequest()).schema)["name"] == "aws"
