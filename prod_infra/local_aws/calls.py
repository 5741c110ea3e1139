"""A call of AWS outside moto's dispatch: which operation it is, what it asks, and the answer in its own protocol."""

from __future__ import annotations

import io
import warnings
from http import HTTPStatus
from typing import Any, Final, NamedTuple
from wsgiref.types import StartResponse, WSGIEnvironment

from botocore.exceptions import DataNotFoundError
from moto.core.parse import PROTOCOL_PARSERS
from moto.core.request import Request, determine_request_protocol
from moto.core.routing import get_service_router
from moto.core.serialize import get_serializer_class
from moto.core.utils import get_service_model
from werkzeug.exceptions import NotFound

# boto3's name of a service where it signs under another; docdb and neptune share most of their calls with rds.
SERVICE_OF_SIGNER: Final = {"elasticloadbalancing": "elbv2", "monitoring": "cloudwatch"}
ALIKE: Final = {"rds": frozenset({"rds", "docdb", "neptune"})}


def signed_for(environ: WSGIEnvironment) -> tuple[str, str]:
    """Return region and service of the request's signature, both empty if it has none."""
    scope = environ.get("HTTP_AUTHORIZATION", "").partition("Credential=")[2].partition(",")[0].split("/")
    # Key, date, region, service and aws4_request.
    return (scope[2], scope[3]) if len(scope) == 5 else ("", "")  # noqa: PLR2004


class Call(NamedTuple):
    """A call of AWS.

    Attributes:
        services: boto3's names that its service may have.
        region: such as `eu-central-1`.
        operation: moto's model of it.
        protocol: such as `rest-json`.
        request: moto's view of the HTTP request.
        in_path: what the path tells, by member.
    """

    services: frozenset[str]
    region: str
    operation: Any
    protocol: str
    request: Any
    in_path: dict[str, Any]

    @property
    def given(self) -> Any:
        """The operation's input, by member."""
        return PROTOCOL_PARSERS[self.protocol](self.operation, map_type=dict).parse(
            {
                "method": self.request.method,
                "values": self.request.values,
                "headers": self.request.headers,
                "body": self.request.data,
                "url_path": self.request.path,
                "url_params": self.in_path,
            }
        )

    def answer(self, result: Any, start_response: StartResponse, status: int | None = None) -> bytes:
        """Start the response and return its body.

        Args:
            result: the operation's output by member, or a Refused.
            start_response: WSGI's.
            status: of HTTP, instead of the model's.
        """
        serializer = get_serializer_class(self.operation.service_model.service_name, self.protocol)(self.operation)
        with warnings.catch_warnings():
            # moto warns of codes outside the operation's model, as the common errors are.
            warnings.simplefilter("ignore")
            response = serializer.serialize(result)
        body = response["body"].encode() if isinstance(response["body"], str) else bytes(response["body"])
        code = status or response["status_code"]
        headers = [(name, str(value)) for name, value in response["headers"].items()]
        start_response(f"{code} {HTTPStatus(code).phrase}", [*headers, ("Content-Length", str(len(body)))])
        return body


def recognized(environ: WSGIEnvironment) -> Call | None:
    """Return the call that a signed request makes, or None where no service of botocore's knows it."""
    region, signer = signed_for(environ)
    service = SERVICE_OF_SIGNER.get(signer, signer)
    # moto's router reads the form, and moto must find it unread.
    request = Request({**environ, "wsgi.input": io.BytesIO(environ["wsgi.input"].getvalue())})
    try:
        operation, in_path = get_service_router(service).match(request)
        protocol = determine_request_protocol(get_service_model(service), request.content_type)
    except (DataNotFoundError, NotFound, NotImplementedError):
        return None
    return Call(ALIKE.get(service, frozenset({service})), region, operation, protocol, request, in_path)
