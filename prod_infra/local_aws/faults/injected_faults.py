"""Faults that a rehearsal injects: calls that fail, work that hangs, zones that are lost.

`POST /_prod_infra/faults` makes one, `GET` lists them, `DELETE` ends all or the one with an `id`. The kinds:

- `throttle`, `error`, `reset`, `latency`: what happens to AWS calls (`faulty_calls.py`), to all or those of a
  `service` (boto3's name) and its `operation` (the API's name), for `times` calls or until the fault ends. `latency`
  holds each up for `seconds`; the others end after `seconds`, if given.
- `stuck`: work of a kind (`what`) that should go on does not.
- `lost-az`, `lost-nat`: an availability zone, or the NAT gateways in it.
- `tasks-fail`: tasks of a `task_definition` (`family:revision`, with `*` for any) never get healthy.
- `failover`: how many `seconds` a DocumentDB failover takes, no fault in itself; the newest counts.
- `unhealthy-replica`: a DocumentDB replica (`instance`, or all) that can't take over.

All seconds are the real ones. What else there is of AWS asks `active` and `is_lost`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Final

from botocore.exceptions import DataNotFoundError
from moto.core.utils import get_service_model
from moto.ec2.models.availability_zones_and_regions import RegionsAndZonesBackend

from prod_infra.local_aws import admin
from prod_infra.local_aws.timeline import TIMELINE

STUCK: Final = ("deployment", "failover", "restore", "task")


@dataclass(frozen=True)
class Fault:
    """One that is in force.

    Attributes:
        id: such as `fault-1`.
        kind: such as `throttle`.
        members: what was given besides, by name.
    """

    id: str
    kind: str
    members: Mapping[str, Any]

    def describe(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {"id": self.id, "kind": self.kind, **self.members}


_FAULTS: Final[dict[str, Fault]] = {}
_NUMBERS: Final = itertools.count(1)


def active(kind: str, **match: str) -> list[Fault]:
    """Return the faults of a kind in force, oldest first.

    Args:
        kind: such as `stuck`.
        match: members with the value at hand, such as `what="failover"`: a fault without the member counts for every
            value, and one with `*` for those of the pattern.
    """
    return [
        fault
        for fault in _FAULTS.values()
        if fault.kind == kind
        and all(name not in fault.members or fnmatchcase(value, fault.members[name]) for name, value in match.items())
    ]


def is_lost(zone: str) -> bool:
    """Return whether an availability zone, such as `eu-central-1a`, is lost."""
    return bool(active("lost-az", zone=zone))


def spend(fault: Fault) -> None:
    """Count a call against the fault's `times`; the last ends it."""
    if "times" not in fault.members:
        return
    if (left := fault.members["times"] - 1) > 0:
        _FAULTS[fault.id] = Fault(fault.id, fault.kind, {**fault.members, "times": left})
    else:
        del _FAULTS[fault.id]


# A check returns what a member must be, or "" if it is that.
Check = Callable[[Any, Mapping[str, Any]], str]


def _seconds(value: Any, _: Mapping[str, Any]) -> str:
    good = isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < float("inf")
    return "" if good else "a number of seconds over 0"


def _whole(least: int, most: int) -> Check:
    def check(value: Any, _: Mapping[str, Any]) -> str:
        good = isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
        return "" if good else f"a whole number from {least} to {most}"

    return check


def _text(value: Any, _: Mapping[str, Any]) -> str:
    return "" if isinstance(value, str) and value else "a text"


def _what(value: Any, _: Mapping[str, Any]) -> str:
    return "" if value in STUCK else f"one of {', '.join(STUCK)}"


def _zone(value: Any, _: Mapping[str, Any]) -> str:
    region = value[:-1] if isinstance(value, str) else ""
    zones = [zone.name for zone in RegionsAndZonesBackend.zones.get(region, ())]
    return "" if value in zones else f"an availability zone, such as {', '.join(zones) or 'eu-central-1a'}"


def _model(service: Any) -> Any:
    """Return the model of a service, or None if boto3 knows none of that name."""
    try:
        return get_service_model(service) if isinstance(service, str) else None
    except DataNotFoundError:
        return None


def _service(value: Any, _: Mapping[str, Any]) -> str:
    return "" if _model(value) else "boto3's name of a service, such as docdb"


def _operation(value: Any, given: Mapping[str, Any]) -> str:
    model = _model(given.get("service"))
    if not model:
        return "given together with its service"
    names = model.operation_names
    near = [name for name in names if name.lower() == str(value).replace("_", "").lower()]
    return (
        "" if value in names else f"the API's name of an operation of {given['service']}, such as {[*near, *names][0]}"
    )


_CALLS: Final[Mapping[str, Check]] = {"service": _service, "operation": _operation, "times": _whole(1, 1_000_000)}
_ANSWER: Final[Mapping[str, Check]] = {"code": _text, "status": _whole(400, 599)}
_LIFE: Final[Mapping[str, Check]] = {"seconds": _seconds}

KINDS: Final[Mapping[str, Mapping[str, Check]]] = {
    "throttle": {**_CALLS, **_ANSWER, **_LIFE},
    "error": {**_CALLS, **_ANSWER, **_LIFE},
    "reset": {**_CALLS, **_LIFE},
    "latency": {**_CALLS, "seconds": _seconds},
    "stuck": {"what": _what, **_LIFE},
    "lost-az": {"zone": _zone, **_LIFE},
    "lost-nat": {"zone": _zone, **_LIFE},
    "tasks-fail": {"task_definition": _text, **_LIFE},
    "failover": {"seconds": _seconds},
    "unhealthy-replica": {"instance": _text, **_LIFE},
}
"""What each kind of fault may be given, and the check of each member."""

REQUIRED: Final[Mapping[str, tuple[str, ...]]] = {
    "latency": ("seconds",),
    "stuck": ("what",),
    "lost-az": ("zone",),
    "lost-nat": ("zone",),
    "tasks-fail": ("task_definition",),
    "failover": ("seconds",),
}

# Their seconds are no life span.
_LASTING: Final = frozenset({"latency", "failover"})


def _faults_of(kind: str, members: Mapping[str, Any]) -> list[str]:
    known = KINDS[kind]
    found = [f"{name} is missing" for name in REQUIRED.get(kind, ()) if name not in members]
    for name, value in members.items():
        if name not in known:
            found.append(f"{name} is unknown; {kind} knows {', '.join(sorted(known))}")
        elif must := known[name](value, members):
            found.append(f"{name} must be {must}; {value!r} is not")
    return found


@admin.route("POST /faults")
def inject(given: Mapping[str, Any]) -> dict[str, Any]:
    """Make a fault and return it with its `id`.

    Raises:
        AdminError: the kind or a member can't be; it names each and what is known.
    """
    members = dict(given)
    kind = members.pop("kind", None)
    if kind not in KINDS:
        raise admin.AdminError(f"kind must be one of {', '.join(sorted(KINDS))}; {kind!r} is not")
    if found := _faults_of(kind, members):
        raise admin.AdminError("; ".join(found))
    if kind == "failover":
        for earlier in active(kind):
            del _FAULTS[earlier.id]
    fault = Fault(f"fault-{next(_NUMBERS)}", kind, members)
    _FAULTS[fault.id] = fault
    if "seconds" in members and kind not in _LASTING:

        def expire() -> None:
            _FAULTS.pop(fault.id, None)

        TIMELINE.after(members["seconds"], expire, real=True)
    return fault.describe()


@admin.route("GET /faults")
def _list(_: Mapping[str, Any]) -> dict[str, Any]:
    return {"faults": [fault.describe() for fault in _FAULTS.values()]}


@admin.route("DELETE /faults")
def _end(given: Mapping[str, Any]) -> dict[str, Any]:
    if unknown := given.keys() - {"id"}:
        raise admin.AdminError(f"{', '.join(sorted(unknown))} is unknown; id names one fault, and nothing means all")
    # One that has ended by itself meanwhile is no error: what was asked for is so.
    ended = [given["id"]] if "id" in given else list(_FAULTS)
    return {"deleted": [fault_id for fault_id in ended if _FAULTS.pop(fault_id, None)]}


admin.ON_RESET.append(_FAULTS.clear)
