"""ARC zonal shift, which moto lacks: traffic of a load balancer moves away from one availability zone, for a while.

Follows https://docs.aws.amazon.com/arc-zonal-shift/latest/api/Welcome.html. A shift expires by itself, as time passes
on the timeline; `expiryTime` is when it will do so here.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from wsgiref.types import StartResponse, WSGIEnvironment

from moto.ec2.models.availability_zones_and_regions import RegionsAndZonesBackend
from moto.elbv2.models import elbv2_backends

from prod_infra.local_aws import ACCOUNT_ID, admin
from prod_infra.local_aws.calls import recognized
from prod_infra.local_aws.refusals.refused import Refused
from prod_infra.local_aws.timeline import TIMELINE

SERVICE: Final = "arc-zonal-shift"
MOST_HOURS: Final = 72
PAGE: Final = 100


@dataclass
class Shift:
    """One zonal shift; `away_from` is a zone's ID such as `euc1-az2`, and `status` ACTIVE, EXPIRED or CANCELED."""

    id: str
    resource: str
    away_from: str
    comment: str
    starts: datetime
    expires: datetime
    status: str = "ACTIVE"

    def describe(self) -> dict[str, Any]:
        """Return it as AWS does."""
        return {
            "zonalShiftId": self.id,
            "resourceIdentifier": self.resource,
            "awayFrom": self.away_from,
            "comment": self.comment,
            "startTime": self.starts,
            "expiryTime": self.expires,
            "status": self.status,
        }


_SHIFTS: Final[dict[str, Shift]] = {}


def _active(resource: str) -> Shift | None:
    return next((each for each in _SHIFTS.values() if each.resource == resource and each.status == "ACTIVE"), None)


def active(resource: str) -> str | None:
    """Return the name of the availability zone that traffic of a resource is moved away from, if any.

    Args:
        resource: ARN of a load balancer.
    """
    shift = _active(resource)
    region = resource.split(":")[3]
    zones = RegionsAndZonesBackend.zones.get(region, ())
    return next((zone.name for zone in zones if shift and zone.zone_id == shift.away_from), None)


def _invalid(reason: str, message: str) -> Refused:
    return Refused("ValidationException", message, reason=reason)


def _resources(region: str) -> Iterator[tuple[Any, list[str]]]:
    """Yield each load balancer that zonal shifts are enabled for, with the IDs of its zones."""
    ids = {zone.name: zone.zone_id for zone in RegionsAndZonesBackend.zones.get(region, ())}
    for balancer in elbv2_backends[ACCOUNT_ID][region].load_balancers.values():
        if balancer.attrs.get("zonal_shift.config.enabled") == "true":
            yield balancer, sorted(ids[subnet.availability_zone] for subnet in balancer.subnets)


def _resource(region: str, identifier: str) -> tuple[Any, list[str]]:
    if not re.fullmatch(r"arn:[^:]+:elasticloadbalancing:[^:]+:\d{12}:loadbalancer/.+", identifier):
        raise _invalid("InvalidResourceIdentifier", f"{identifier} is not the ARN of a resource that can be shifted")
    for balancer, zones in _resources(region):
        if balancer.arn == identifier:
            return balancer, zones
    raise Refused(
        "ResourceNotFoundException",
        f"{identifier} is no managed resource: it does not exist, or zonal_shift.config.enabled is not true",
    )


def _span(text: str) -> timedelta:
    found = re.fullmatch(r"([1-9][0-9]*)([mh])", text)
    span = timedelta(**{"minutes" if found[2] == "m" else "hours": int(found[1])}) if found else timedelta()
    if not timedelta() < span <= timedelta(hours=MOST_HOURS):
        raise _invalid("InvalidExpiresIn", f"expiresIn is 1m to {MOST_HOURS}h, such as 30m; {text!r} is not")
    return span


def _keep(shift: Shift, span: timedelta) -> None:
    """Let a shift expire after a span of AWS's time from now."""
    expires = shift.expires = datetime.now(UTC) + span / TIMELINE.factor

    def expire() -> None:
        # An update has set another time, or the shift was canceled.
        if shift.status == "ACTIVE" and shift.expires == expires:
            shift.status = "EXPIRED"

    TIMELINE.after(span.total_seconds(), expire)


def _start(region: str, given: Mapping[str, Any]) -> dict[str, Any]:
    missing = [name for name in ("resourceIdentifier", "awayFrom", "expiresIn", "comment") if given.get(name) is None]
    if missing:
        raise _invalid("MissingValue", f"{', '.join(missing)} must be given")
    balancer, zones = _resource(region, given["resourceIdentifier"])
    away_from, span = given["awayFrom"], _span(given["expiresIn"])
    if away_from not in {zone.zone_id for zone in RegionsAndZonesBackend.zones[region]}:
        raise _invalid("InvalidAz", f"awayFrom is the ID of a zone, such as {zones[0]}; {away_from!r} is none here")
    if away_from not in zones:
        raise _invalid("UnsupportedAz", f"{balancer.arn} is not in {away_from}, but in {', '.join(zones)}")
    if running := _active(balancer.arn):
        raise Refused(
            "ConflictException",
            f"{balancer.arn} is shifted away from {running.away_from} already",
            reason="ZonalShiftAlreadyExists",
            zonalShiftId=running.id,
        )
    now = datetime.now(UTC)
    shift = Shift(str(uuid.uuid4()), balancer.arn, away_from, given["comment"], now, now)
    _SHIFTS[shift.id] = shift
    _keep(shift, span)
    return shift.describe()


def _running(region: str, shift_id: str) -> Shift:
    shift = _SHIFTS.get(shift_id)
    if shift is None or shift.resource.split(":")[3] != region:
        raise Refused("ResourceNotFoundException", f"{shift_id} is no zonal shift")
    if shift.status != "ACTIVE":
        raise Refused(
            "ConflictException",
            f"{shift_id} is not active but {shift.status}",
            reason="ZonalShiftStatusNotActive",
            zonalShiftId=shift_id,
        )
    return shift


def _update(region: str, given: Mapping[str, Any]) -> dict[str, Any]:
    shift = _running(region, given["zonalShiftId"])
    if given.get("expiresIn") is not None:
        _keep(shift, _span(given["expiresIn"]))
    if given.get("comment") is not None:
        shift.comment = given["comment"]
    return shift.describe()


def _cancel(region: str, given: Mapping[str, Any]) -> dict[str, Any]:
    shift = _running(region, given["zonalShiftId"])
    shift.status = "CANCELED"
    return shift.describe()


def _page(items: list[dict[str, Any]], given: Mapping[str, Any]) -> dict[str, Any]:
    token = given.get("nextToken") or "0"
    if not token.isdigit():
        raise _invalid("InvalidToken", f"{token!r} is no token of an earlier answer")
    first, size = int(token), given.get("maxResults") or PAGE
    page: dict[str, Any] = {"items": items[first : first + size]}
    return page | ({"nextToken": str(first + size)} if first + size < len(items) else {})


def _list(region: str, given: Mapping[str, Any]) -> dict[str, Any]:
    status = given.get("status")
    if status and status not in {"ACTIVE", "EXPIRED", "CANCELED"}:
        raise _invalid("InvalidStatus", f"{status!r} is no status of a zonal shift")
    found = [
        each.describe()
        for each in reversed(_SHIFTS.values())
        if each.resource.split(":")[3] == region
        and each.status == (status or each.status)
        and each.resource == (given.get("resourceIdentifier") or each.resource)
    ]
    return _page(found, given)


def _describe(balancer: Any, zones: list[str]) -> dict[str, Any]:
    shift = _active(balancer.arn)
    shifts = [{**shift.describe(), "appliedStatus": "APPLIED"}] if shift else []
    for each in shifts:
        del each["status"]
    return {
        "arn": balancer.arn,
        "name": balancer.name,
        "appliedWeights": {zone: 0.0 if shift and zone == shift.away_from else 1.0 for zone in zones},
        "zonalShifts": shifts,
        "autoshifts": [],
        "zonalAutoshiftStatus": "DISABLED",
    }


def _get_resource(region: str, given: Mapping[str, Any]) -> dict[str, Any]:
    return _describe(*_resource(region, given["resourceIdentifier"]))


def _list_resources(region: str, given: Mapping[str, Any]) -> dict[str, Any]:
    found = [{**_describe(balancer, zones), "availabilityZones": zones} for balancer, zones in _resources(region)]
    return _page(found, given)


OPERATIONS: Final[Mapping[str, Callable[[str, Mapping[str, Any]], dict[str, Any]]]] = {
    "StartZonalShift": _start,
    "UpdateZonalShift": _update,
    "CancelZonalShift": _cancel,
    "ListZonalShifts": _list,
    "GetManagedResource": _get_resource,
    "ListManagedResources": _list_resources,
}
"""What answers a call, by the API's name: it gets the region and the call's members."""


def answer(environ: WSGIEnvironment, start_response: StartResponse) -> bytes:
    """Answer a call of the service.

    Raises:
        NotImplementedError: there is no such operation here.
    """
    call = recognized(environ)
    if call is None or call.operation.name not in OPERATIONS:
        raise NotImplementedError(f"{call.operation.name if call else environ['PATH_INFO']} has not been implemented")
    try:
        return call.answer(OPERATIONS[call.operation.name](call.region, call.given), start_response)
    except Refused as error:
        return call.answer(error, start_response)


admin.ON_RESET.append(_SHIFTS.clear)
