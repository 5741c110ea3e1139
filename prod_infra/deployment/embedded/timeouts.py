"""How long a resource's steps may take, as the program says it and as the state keeps it."""

from __future__ import annotations

import re
from typing import Any, Final

from pulumi.runtime.proto import resource_pb2

from prod_infra.errors import InvalidInputError

_SECONDS: Final = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_PART: Final = r"(\d+\.?\d*|\.\d+)(ms|us|µs|ns|h|m|s)"


def _seconds(duration: str) -> float:
    """Return the length of a Go duration such as `1h30m`; 0 for none."""
    if not re.fullmatch(rf"({_PART})*|0", duration):
        raise InvalidInputError(
            "A timeout can't be read", [f"{duration!r} is no duration"], hint="write it as in `30s` or `1h30m`"
        )
    return sum(float(number) * _SECONDS[unit] for number, unit in re.findall(_PART, duration))


def timeouts(request: resource_pb2.RegisterResourceRequest) -> dict[str, Any]:
    """Return the timeouts of a registration as the state holds them, in seconds; nothing where it gives none.

    Raises:
        InvalidInputError: one is no duration.
    """
    given = {name: _seconds(getattr(request.customTimeouts, name)) for name in ("create", "update", "delete")}
    found = {name: seconds for name, seconds in given.items() if seconds}
    return {"customTimeouts": found} if found else {}
