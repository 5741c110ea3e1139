"""Answers as they come over the wire, held to botocore's service models.

A client's parser drops what it does not know and makes nothing of what is missing, so this looks at what it was given.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar, Final, NamedTuple
from xml.etree import ElementTree as ET

from botocore.handlers import BUILTIN_HANDLERS

from tests.local_aws import altered
from tests.local_aws.wire_shapes import json_faults, local_name, xml_faults

COMMON: Final = {
    "ec2": {"RequestLimitExceeded", "InternalError", "UnauthorizedOperation"},
    "s3": {"SlowDown", "InternalError"},
    # https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/CommonErrors.html, and as RDS answers in fact.
    "query": {
        "Throttling", "InternalFailure", "ValidationError", "InvalidParameterValue", "InvalidParameterCombination",
    },
    "rest-xml": {"Throttling", "InternalFailure", "ValidationError"},
    # https://docs.aws.amazon.com/AmazonECS/latest/APIReference/CommonErrors.html
    "json": {
        "ThrottlingException", "InternalFailure", "ValidationException", "ValidationError", "AccessDeniedException",
    },
    "rest-json": {"ThrottlingException", "InternalFailure", "ValidationException", "AccessDeniedException"},
}  # fmt: skip
"""By service or else by protocol: errors that each operation may answer with and no model lists."""

UNMODELED: Final = {
    # No operation of EC2's and few of S3's have errors in their models:
    # https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
    "ec2": re.compile(
        r"Invalid\w+\.(NotFound|Range|Conflict|InUse|Duplicate|Malformed|AlreadyAssociated)|\w+NotFound"
        r"|DependencyViolation"
        r"|InvalidParameter\w*|TagLimitExceeded|Resource\.AlreadyAssociated|MissingParameter|RouteAlreadyExists"
        r"|OperationNotPermitted|InvalidInterface\.IpAddressLimitExceeded|FlowLogAlreadyExists|Invalid\w+ID\.\w+|InvalidID"
    ),
    # What ELB answers to a certificate that is not issued.
    "elbv2": re.compile("UnsupportedCertificate"),
    # https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
    "s3": re.compile(
        r"NoSuch\w+|InvalidBucketName|IllegalLocationConstraintException|InvalidTag|InvalidArgument|PreconditionFailed|AccessDenied|BucketNotEmpty"
        r"|ServerSideEncryptionConfigurationNotFoundError|OwnershipControlsNotFoundError|MalformedPolicy|40[34]"
        r"|InvalidTargetBucketForLogging|ObjectLockConfigurationNotFoundError|ConditionalRequestConflict|InvalidRequest|MalformedXML"
    ),
}


NOT_OURS: Final = (
    # EC2 answers in lower case, as in API_CreateVpcEndpoint and API_DescribeInternetGateways, whatever its model says.
    re.compile(r"ec2\.\w*VpcEndpoint\w*: \S+\.state is '(available|deleted)', none of .*"),
    re.compile(r"ec2\.DescribeInternetGateways: \S+\.state is 'available', none of .*"),
    # moto's own, of operations that no extension touches and nothing here reads.
    re.compile(r"cloudfront\.ListDistributions: \S+\.Staging is missing"),
    re.compile(r"route53\.ListHostedZones(ByName)?: \.(Marker|IsTruncated|MaxItems) is missing"),
    re.compile(r"wafv2\.GetWebACL(ForResource)?: \.WebACL\.LockToken is unknown"),
    re.compile(r"elbv2\.DeleteTargetGroup: TargetGroupNotFound .*"),
    # What nobody has, as the tests of exactly that ask for.
    re.compile(r"\S+: NotImplemented \(501\) is no error of it.*"),
)
"""Faults that are passed over."""


class Answer(NamedTuple):
    """What an operation answered: its service and name, the error's code or "", and what its model has against it."""

    service: str
    operation: str
    error: str
    faults: tuple[str, ...]


def judge(model: Any, answer: Mapping[str, Any]) -> Answer:
    """Return what an operation's model says of an answer.

    Args:
        model: botocore's OperationModel.
        answer: botocore's response_dict: `status_code`, `headers`, `body`.
    """
    protocol, service = model.service_model.resolved_protocol, model.service_model.service_name
    code = ""
    faults: list[str] = []
    try:
        if answer["status_code"] >= 300 and answer["status_code"] != 304:
            code, faults = _error(model, protocol, answer)
        else:
            faults = list(_success(model, protocol, answer))
            if faults and (wider := _wider(model)) is not None:
                among = set(_success(wider, protocol, answer))
                faults = [fault for fault in faults if fault in among]
    except (ValueError, ET.ParseError) as error:
        faults = [f"the body can't be read ({error}): {answer['body'][:80]!r}"]
    told = (f"{service}.{model.name}: {fault}" for fault in faults)
    ours = tuple(fault for fault in told if not any(each.fullmatch(fault) for each in NOT_OURS))
    return Answer(service, model.name, code, ours)


def _wider(model: Any) -> Any:
    """Return RDS's model of an operation of DocumentDB's: RDS's endpoint serves both, with all of RDS's members."""
    if model.service_model.service_name != "docdb":
        return None
    rds = altered.model("rds")
    return rds.operation_model(model.name) if model.name in rds.operation_names else None


def _success(model: Any, protocol: str, answer: Mapping[str, Any]) -> Iterator[str]:
    shape, body = model.output_shape, answer.get("body") or b""
    if shape is None:
        return
    if model.has_streaming_output or (payload := _payload(shape)) is shape.members:
        return
    target = payload or shape
    if protocol in {"json", "rest-json"}:
        yield from json_faults(target, json.loads(body or b"{}"), "")
    elif body and target.type_name == "structure":
        root = ET.fromstring(body)  # noqa: S314  our own server's
        if wrapper := shape.serialization.get("resultWrapper"):
            found = [each for each in root if local_name(each) == wrapper]
            yield from (
                f"<{local_name(each)}> is unknown"
                for each in root
                if local_name(each) not in {wrapper, "ResponseMetadata"}
            )
            if not found:
                yield from ([f"<{wrapper}> is missing"] if shape.members else [])
                return
            root = found[0]
        if protocol == "ec2":
            for each in [each for each in root if local_name(each) == "requestId"]:
                root.remove(each)
        yield from xml_faults(target, root, "")
    elif target.members and target.required_members:
        yield "the body is empty"


def _payload(shape: Any) -> Any:
    """Return the shape of the member that is the whole body; None if the body has the shape itself."""
    name = shape.serialization.get("payload")
    if not name:
        return None
    member = shape.members[name]
    return member if member.type_name == "structure" else shape.members


def _error(model: Any, protocol: str, answer: Mapping[str, Any]) -> tuple[str, list[str]]:
    body, service = answer.get("body") or b"", model.service_model.service_name
    members: Mapping[str, Any] = {}
    if protocol in {"json", "rest-json"}:
        members = json.loads(body or b"{}")
        headers = {name.lower(): value for name, value in answer["headers"].items()}
        query = headers.get("x-amzn-query-error", "").partition(";")[0]
        named = headers.get("x-amzn-errortype") or members.get("__type") or members.get("code") or ""
        code = str(named).partition(":")[0].rpartition("#")[2]
    else:
        query = ""
        found = [each for each in (ET.fromstring(body).iter() if body else ()) if local_name(each) == "Code"]  # noqa: S314
        code = (found[0].text or "") if found else str(answer["status_code"])
    codes = {code, query} - {""}
    known = {each: shape for shape in model.error_shapes for each in (shape.name, shape.error_code)}
    shape = next((known[each] for each in codes if each in known), None)
    if shape is None and not codes & COMMON.get(service, COMMON[protocol]):
        rest = UNMODELED.get(service)
        if not (rest and rest.fullmatch(code)):
            return code, [f"{code} ({answer['status_code']}) is no error of it; these are: {sorted(set(known))}"]
    if shape is not None and members:
        told = {name: value for name, value in members.items() if name not in {"__type", "message", "Message"}}
        return code, [f"error {code} {fault}" for fault in json_faults(shape, told, "", required=False)]
    return code, []


class Recorder:
    """Judges the answers that clients of this process get, while it is asked to."""

    _newest: ClassVar[list[list[Answer]]] = []
    """The lists of the recordings under way."""

    @contextmanager
    def recording(self) -> Iterator[list[Answer]]:
        """Yield a list to which every answer is added that comes during the block."""
        answers: list[Answer] = []
        self._newest.append(answers)
        try:
            yield answers
        finally:
            # By identity: two of them may be equal.
            self._newest[:] = [each for each in self._newest if each is not answers]

    @classmethod
    def install(cls) -> None:
        """Let every client that is made from now on tell its answers."""
        if ("before-parse", cls._take) not in BUILTIN_HANDLERS:
            BUILTIN_HANDLERS.append(("before-parse", cls._take))

    @classmethod
    def _take(cls, operation_model: Any, response_dict: Mapping[str, Any], **_: Any) -> None:
        if cls._newest:
            answer = judge(operation_model, response_dict)
            for answers in cls._newest:
                answers.append(answer)
