"""The extensions against botocore's service models: no answer has an unknown member, no error an unknown code."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest

import prod_infra.local_aws
from prod_infra.local_aws import arc_zonal_shift

SOURCES = sorted(Path(prod_infra.local_aws.__file__).parent.glob("*.py"))
SESSION = botocore.session.get_session()
SERVICES = ("acm", "arc-zonal-shift", "cloudwatch", "codedeploy", "docdb", "ecs", "elbv2", "iam", "kms", "logs",
            "secretsmanager", "sns", "wafv2", "application-autoscaling", "ecr", "cloudfront", "route53")  # fmt: skip

COMMON = {"ValidationError", "ValidationException", "InternalFailure", "Throttling", "ThrottlingException"}
"""Errors of every service's list of common errors, which its model leaves out."""

UNMODELED = {
    "SlowDown", "InternalError", "RequestLimitExceeded",  # S3's and EC2's own common errors
    "InvalidBucketName", "InvalidTag",  # S3: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
    "UnsupportedCertificate",  # what ELB answers to a certificate that is not issued
    "InvalidParameterValue", "InvalidParameterCombination",  # common errors of RDS's API, and EC2's
    # EC2, whose model has no errors: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
    "DependencyViolation", "InvalidSubnet.Range", "InvalidIPAddress.InUse", "NatGatewayNotFound",
    "InvalidNatGatewayID.NotFound", "TagLimitExceeded",
}  # fmt: skip


def codes_of(service: str) -> set[str]:
    """Return the error codes that a service's model knows."""
    shapes = SESSION.get_service_model(service).error_shapes
    return {name for shape in shapes for name in (shape.name, shape.metadata.get("error", {}).get("code")) if name}


def raised() -> Iterator[tuple[str, str]]:
    """Yield (file, code) of each Refused that the extensions make with a code of their own."""
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Call(func=ast.Name(id="Refused"), args=[ast.Constant(value=str() as code), *_]):
                    yield path.name, code


def test_every_code_is_one_of_a_service() -> None:
    """A code that no model and no list of common errors has is a misspelling."""
    known = set().union(*(codes_of(service) for service in SERVICES)) | COMMON | UNMODELED
    found = list(raised())
    assert len(found) > 30
    assert [each for each in found if each[1] not in known] == []


def unknown(shape: Any, value: Any, at: str) -> Iterator[str]:
    """Yield each member of an answer that its shape lacks, and each required one that the answer lacks."""
    if shape.type_name == "structure":
        yield from (f"{at}.{name} is unknown" for name in value.keys() - shape.members.keys())
        yield from (f"{at}.{name} is missing" for name in shape.required_members if name not in value)
        for name in value.keys() & shape.members.keys():
            yield from unknown(shape.members[name], value[name], f"{at}.{name}")
    elif shape.type_name == "list":
        for each in value:
            yield from unknown(shape.member, each, at)


@pytest.mark.parametrize("operation", sorted(arc_zonal_shift.OPERATIONS))
def test_zonal_shift_answers_in_the_models_shape(operation: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compared before serialization, for a serializer and a parser both drop what they do not know."""
    model = SESSION.get_service_model("arc-zonal-shift")
    arn = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/alb/1"

    class Balancer:
        """What ARC asks of a load balancer."""

        name = "alb"

    Balancer.arn = arn  # type: ignore[attr-defined]
    monkeypatch.setattr(arc_zonal_shift, "_resources", lambda _: iter([(Balancer, ["euc1-az1", "euc1-az2"])]))
    given: dict[str, Any] = {"resourceIdentifier": arn, "awayFrom": "euc1-az1", "expiresIn": "1h", "comment": "x"}
    try:
        if operation != "StartZonalShift":
            given["zonalShiftId"] = arc_zonal_shift.OPERATIONS["StartZonalShift"]("eu-central-1", given)["zonalShiftId"]
        answer = arc_zonal_shift.OPERATIONS[operation]("eu-central-1", given)
    finally:
        arc_zonal_shift._SHIFTS.clear()
    assert list(unknown(model.operation_model(operation).output_shape, answer, operation)) == []
