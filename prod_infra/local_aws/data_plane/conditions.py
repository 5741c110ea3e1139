"""When a rule of a load balancer's listener holds for a request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from ipaddress import ip_address, ip_network
from typing import Any, Final
from urllib.parse import parse_qsl

from prod_infra.local_aws.data_plane.http import Request

VIEWER: Final = ip_address("127.0.0.1")


def _like(value: str, patterns: Sequence[str], *, fold: bool = False) -> bool:
    """Match ELB's wildcards, `*` and `?`."""
    if fold:
        value, patterns = value.lower(), [pattern.lower() for pattern in patterns]
    return any(fnmatchcase(value, pattern.replace("[", "[[]")) for pattern in patterns)


def _query(request: Request, wanted: Sequence[Mapping[str, str]]) -> bool:
    pairs = parse_qsl(request.query, keep_blank_values=True)
    return any(
        _like(name, [each.get("Key") or "*"], fold=True) and _like(value, [each["Value"]], fold=True)
        for each in wanted
        for name, value in pairs
    )


def holds(condition: Mapping[str, Any], request: Request) -> bool:
    """Return whether one condition, in ELBv2's own words, holds (API_RuleCondition).

    Raises:
        ValueError: it is of a kind that is not known here.
    """
    values: Any = condition.get("Values") or ()
    for name, config in condition.items():
        if name.endswith("Config"):
            values = config.get("Values") or values
    match condition["Field"]:
        case "path-pattern":
            return _like(request.path, values)
        case "host-header":
            return _like(request.host, values, fold=True)
        case "http-header":
            found = request.headers.get(condition["HttpHeaderConfig"]["HttpHeaderName"].lower())
            return found is not None and _like(found, values, fold=True)
        case "http-request-method":
            return request.method in values
        case "query-string":
            return _query(request, values)
        case "source-ip":
            return any(VIEWER in ip_network(value) for value in values)
        case other:
            raise ValueError(f"the data plane knows no condition {other!r}")
