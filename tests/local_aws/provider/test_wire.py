"""The local provider over Pulumi's wire, as the real CLI uses it."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import grpc
import pytest
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from prod_infra.local_aws.clients import Clients
from prod_infra.properties import typed
from tests.local_aws.provider.lifecycle import made

VPC = "aws:ec2/vpc:Vpc"
SUBNET = "aws:ec2/subnet:Subnet"
GROUP = "aws:ec2/securityGroup:SecurityGroup"


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
    assert "is not finished" in caught.value.details()
    assert "Traceback" not in caught.value.details()
    metadata = dict(caught.value.trailing_metadata())
    assert b"ErrorResourceInitFailed" in metadata["grpc-status-details-bin"]
    assert json.loads(stub.GetSchema(provider_pb2.GetSchemaRequest()).schema)["name"] == "aws"
