"""What AWS refuses and moto takes: each check sees a call before moto does, and answers it with AWS's own error.

Here are the checks of every service's own model: lengths and patterns that botocore's client leaves to the server.
The others are in the modules beside this one, one for an area; `CHECKS` holds them by service and operation.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, Final, NamedTuple
from wsgiref.types import WSGIEnvironment

from prod_infra.local_aws.calls import Call, recognized
from prod_infra.local_aws.refusals.refused import Refused

Check = Callable[[Call, Any], None]
"""Gets the call and its input by member; raises Refused for what AWS would not take."""

CHECKS: Final[dict[tuple[str, str], list[Check]]] = {}
"""By boto3's name of the service and the API's of the operation."""

READS: Final = re.compile(
    r"Describe|List|Get|Head|Batch|Search|Lookup|Generate|Delete|Remove|Untag|Deregister|Detach|PutObject$|UploadPart"
)
"""Operations that bring no new names or tags."""

CONSTRAINED: Final = {
    "cloudwatch": "ValidationError",
    "iam": "ValidationError",
    "kms": "ValidationException",
    "logs": "InvalidParameterException",
    "secretsmanager": "ValidationException",
}
"""Services whose input is held to its model's lengths and patterns, and the code of the error."""

_UNICODE: Final = {r"\p{L}": r"\w", r"\p{M}": "", r"\p{N}": r"\d", r"\p{Z}": r"\s", r"\p{S}": "", r"\p{P}": ""}


def refuses(service: str, *operations: str) -> Callable[[Check], None]:
    """Return what adds a check of one or more operations, named as the API does, such as `CreateSubnet`."""

    def put(check: Check) -> None:
        for operation in operations:
            CHECKS.setdefault((service, operation), []).append(check)

    return put


@cache
def _pattern(text: str) -> re.Pattern[str] | None:
    for theirs, ours in _UNICODE.items():
        text = text.replace(theirs, ours)
    try:
        return re.compile(text)
    except re.error:
        # Java knows more than Python does.
        return None


def _length(shape: Any, value: Any) -> Iterator[str]:
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if low is not None and len(value) < low:
        yield f"Member must have length greater than or equal to {low}"
    if high is not None and len(value) > high:
        yield f"Member must have length less than or equal to {high}"


def _constraints(shape: Any, value: Any, at: str) -> Iterator[str]:
    """Yield what the model has against a value and what is in it, in AWS's words."""
    found: list[str] = []
    if shape.type_name in {"string", "list", "map"} and isinstance(value, str | list | dict):
        found = list(_length(shape, value))
    if shape.type_name == "string" and isinstance(value, str):
        pattern = _pattern(shape.metadata.get("pattern", ""))
        if pattern is not None and pattern.pattern and not pattern.fullmatch(value):
            found.append(f"Member must satisfy regular expression pattern: {shape.metadata['pattern']}")
    # A secret must not come back in an error.
    told = "***" if shape.metadata.get("sensitive") else value
    for each in found:
        yield f"Value '{told}' at '{at}' failed to satisfy constraint: {each}"
    if shape.type_name == "structure" and isinstance(value, dict):
        for name, member in shape.members.items():
            if value.get(name) is not None:
                yield from _constraints(member, value[name], f"{at}.{name}".lstrip("."))
    elif shape.type_name == "list" and isinstance(value, list):
        for number, each in enumerate(value, 1):
            yield from _constraints(shape.member, each, f"{at}.{number}.member")


def _hold_to_model(service: str, call: Call, given: Any) -> None:
    shape = call.operation.input_shape
    found = list(_constraints(shape, given, "")) if shape else []
    if found:
        plural = "s" if len(found) > 1 else ""
        raise Refused(CONSTRAINED[service], f"{len(found)} validation error{plural} detected: {'; '.join(found)}")


class Refusal(NamedTuple):
    """A call that AWS would refuse, and how."""

    call: Call
    error: Refused


EVERYWHERE: Final[list[Check]] = []
"""Checks of every operation that writes, of whatever service."""


def refusal(environ: WSGIEnvironment) -> Refusal | None:
    """Return what AWS would answer to a call that it refuses, or None."""
    # What is compressed is metric data alone.
    if environ["REQUEST_METHOD"] in {"GET", "HEAD"} or environ.get("HTTP_CONTENT_ENCODING") == "gzip":
        return None
    call = recognized(environ)
    if call is None:
        return None
    service, name = min(call.services), call.operation.name
    writes = not READS.match(name)
    checks = CHECKS.get((service, name), [])
    if not writes and not checks:
        return None
    given = call.given
    try:
        if writes:
            if service in CONSTRAINED:
                _hold_to_model(service, call, given)
            for check in EVERYWHERE:
                check(call, given)
        for check in checks:
            check(call, given)
    except Refused as error:
        return Refusal(call, error)
    return None
