"""The extensions against botocore's service models: shapes, required members, types, enums, codes of errors.

Every operation that an extension adds or changes is called, and what comes over the wire is held to the model. A new
one that the tour forgets fails here. Beyond that `conftest.py` judges the answers of all other tests of this directory.
"""

from __future__ import annotations

import ast
import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError

import prod_infra.local_aws
from prod_infra.local_aws.clients import Clients
from prod_infra.local_aws.server import LocalAws
from tests.conftest import REGION
from tests.local_aws import tour
from tests.local_aws.absent import absent
from tests.local_aws.altered import Operation, altered, model, refused_operations
from tests.local_aws.wire import COMMON, UNMODELED, Answer, Recorder, judge

SOURCES: Final = sorted(Path(prod_infra.local_aws.__file__).parent.rglob("*.py"))
SERVICES: Final = ("acm", "arc-zonal-shift", "cloudwatch", "codedeploy", "docdb", "ecs", "elbv2", "iam", "kms", "logs",
                   "secretsmanager", "sns", "wafv2", "application-autoscaling", "ecr", "cloudfront", "route53", "s3",
                   "ec2")  # fmt: skip

NEVER: Final = {Operation("secretsmanager", "RotateSecret")}
"""Refused always: there are no functions here that could rotate."""


@pytest.fixture(scope="module")
def server() -> Iterator[LocalAws]:
    """A local AWS whose clock the tour may turn."""
    with LocalAws.start() as server:
        yield server


@pytest.fixture(scope="module")
def seen(server: LocalAws) -> dict[str, list[Answer]]:
    """What was answered at each stop of the tour."""
    clients, recorder = Clients(server.endpoint, REGION), Recorder()
    found: dict[str, list[Answer]] = {}
    for stop in tour.STOPS:
        server.reset()
        server.admin("POST", "/clock", factor=600)
        with recorder.recording() as answers:
            stop(clients)
        found[stop.__name__] = answers
    return found


@pytest.mark.parametrize("stop", [stop.__name__ for stop in tour.STOPS])
def test_answers_have_the_shape_of_their_model(seen: dict[str, list[Answer]], stop: str) -> None:
    """No unknown member, no missing one, right types and enum values; errors that the operation has."""
    assert seen[stop]
    assert {fault for answer in seen[stop] for fault in answer.faults} == set()


def test_tour_calls_every_operation_that_an_extension_changes(seen: dict[str, list[Answer]]) -> None:
    """Each of them succeeds once, so none can be forgotten; and those with checks of their own are refused once."""
    answers = [answer for found in seen.values() for answer in found]
    succeeded = {Operation(each.service, each.operation) for each in answers if not each.error}
    assert altered() - succeeded == NEVER
    failed = {Operation(each.service, each.operation) for each in seen["refusals"] if each.error}
    assert refused_operations() - failed == set()


def test_what_is_not_there_gets_an_error_of_the_model(clients: Clients, local_aws: LocalAws) -> None:
    """Each such operation, given names of nothing, answers with an error that it has, or, as AWS, with nothing."""
    faults = set()
    with Recorder().recording() as answers:
        for service, name in sorted(altered() | refused_operations()):
            local_aws.reset()
            call = getattr(clients(service), xform_name(name))
            try:
                call(**absent(model(service).operation_model(name)))
            except ClientError as error:
                status = error.response["ResponseMetadata"]["HTTPStatusCode"]
                if status >= 500:
                    faults.add(f"{service}.{name}: {status}")
    faults.update(fault for answer in answers for fault in answer.faults)
    assert len(answers) > 100
    assert faults == set()


FAULTY: Final = {
    "cloudfront": "ListDistributions", "cloudwatch": "DescribeAlarms", "codedeploy": "GetDeployment",
    "docdb": "DescribeDBClusters", "ec2": "DescribeVpcs", "ecs": "ListClusters", "s3": "ListBuckets",
    "elbv2": "DescribeLoadBalancers", "arc-zonal-shift": "ListZonalShifts", "secretsmanager": "ListSecrets",
}  # fmt: skip
"""One operation of each service that a runbook asks; every protocol is among them."""


@pytest.mark.parametrize("service", FAULTY)
def test_injected_errors_are_the_services_own(clients: Clients, local_aws: LocalAws, service: str) -> None:
    """A throttled and a failed call get a code that the service has, which a client retries."""
    name = FAULTY[service]
    operation = model(service).operation_model(name)
    given = absent(operation) if operation.input_shape and operation.input_shape.required_members else {}
    for kind in ("throttle", "error"):
        with (
            local_aws.fault(kind, service=service, times=1),
            Recorder().recording() as answers,
            contextlib.suppress(ClientError),
        ):
            getattr(clients(service), xform_name(name))(**given)
        assert len(answers) == 2, "it was tried again"
        assert answers[0].error
        assert answers[0].error != answers[1].error
        assert answers[0].faults == ()


BROKEN: Final = [
    ({"tasks": [{"lastState": "RUNNING"}]}, ".tasks[0].lastState is unknown"),
    ({"tasks": [{"healthStatus": "FINE"}]}, ".tasks[0].healthStatus is 'FINE', none of"),
    ({"tasks": [{"startedAt": "2026-01-01T00:00:00Z"}]}, ".tasks[0].startedAt is '2026-01-01T00:00:00Z', no timestamp"),
    ({"tasks": {}}, ".tasks is {}, no list"),
    ({"tasks": [None]}, ".tasks[0] is None, no structure"),
]


@pytest.mark.parametrize(("body", "fault"), BROKEN)
def test_a_wrong_answer_in_json_is_found(body: dict[str, Any], fault: str) -> None:
    """The judge is no rubber stamp."""
    found = judge(model("ecs").operation_model("DescribeTasks"), _answer(200, json.dumps(body).encode()))
    assert [each for each in found.faults if each.startswith(f"ecs.DescribeTasks: {fault}")]


def test_a_wrong_answer_in_xml_is_found() -> None:
    """Neither for elements."""
    inner = "<Descriptions><member/></Descriptions><TargetHealthDescriptions><item><TargetHealth><State>well</State>"
    inner += "</TargetHealth></item></TargetHealthDescriptions>"
    wrapped = f"<R><DescribeTargetHealthResult>{inner}</DescribeTargetHealthResult></R>"
    found = judge(model("elbv2").operation_model("DescribeTargetHealth"), _answer(200, wrapped.encode()))
    assert [fault.partition(": ")[2].partition(", none")[0] for fault in found.faults] == [
        ".Descriptions is unknown",
        ".TargetHealthDescriptions has <item> instead of <member>",
        ".TargetHealthDescriptions[0].TargetHealth.State is 'well'",
    ]


def test_another_operations_error_is_found() -> None:
    """An error is to be one of the operation's own, not only of the service's."""
    operation = model("docdb").operation_model("FailoverDBCluster")
    body = b"<ErrorResponse><Error><Code>DBInstanceNotFound</Code></Error></ErrorResponse>"
    [fault] = judge(operation, _answer(404, body)).faults
    assert "DBInstanceNotFound (404) is no error of it" in fault


def _answer(status: int, body: bytes) -> dict[str, Any]:
    return {"status_code": status, "headers": {}, "body": body}


def _raised() -> Iterator[tuple[str, str]]:
    """Yield (file, code) of each Refused that the extensions make with a code of their own."""
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Call(func=ast.Name(id="Refused"), args=[ast.Constant(value=str() as code), *_]):
                    yield path.name, code


def test_every_code_is_one_of_a_service() -> None:
    """A code that no model and no list of common errors has is a misspelling, even where no test gets there."""
    shapes = [shape for service in SERVICES for shape in model(service).error_shapes]
    known = {code for shape in shapes for code in (shape.name, shape.error_code)}.union(*COMMON.values())
    found = list(_raised())
    assert len(found) > 30
    assert [
        each
        for each in found
        if each[1] not in known and not any(rest.fullmatch(each[1]) for rest in UNMODELED.values())
    ] == []
