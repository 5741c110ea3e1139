"""Data sources: what a program asks AWS while it runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any, Final

from prod_infra.errors import InvalidInputError, ProdInfraError
from prod_infra.local_aws.clients import Clients
from prod_infra.local_aws.provider.handlers.common import tags_of
from prod_infra.properties import Props


def _filters(args: Props) -> list[dict[str, Any]]:
    return [{"Name": item["name"], "Values": list(item["values"])} for item in args.get("filters") or ()]


def _only(what: str, found: list[Any]) -> Any:
    if len(found) != 1:
        raise ProdInfraError(
            f"{what} matches {len(found)} times in AWS, and exactly one is needed.",
            hint="narrow the query, or create what it asks for first",
        )
    return found[0]


def get_availability_zones(args: Props, clients: Clients) -> Props:
    """Answer `aws:index/getAvailabilityZones`: names and zone IDs, sorted by name."""
    filters = _filters(args)
    if args.get("state"):
        filters.append({"Name": "state", "Values": [args["state"]]})
    answer = clients("ec2").describe_availability_zones(
        Filters=filters, AllAvailabilityZones=bool(args.get("allAvailabilityZones"))
    )
    zones = [
        zone
        for zone in sorted(answer["AvailabilityZones"], key=lambda zone: str(zone["ZoneName"]))
        if zone["ZoneName"] not in (args.get("excludeNames") or ())
        and zone["ZoneId"] not in (args.get("excludeZoneIds") or ())
    ]
    return {
        "names": [zone["ZoneName"] for zone in zones],
        "zoneIds": [zone["ZoneId"] for zone in zones],
        "groupNames": sorted({zone["GroupName"] for zone in zones if zone.get("GroupName")}),
        "region": clients.region,
        "id": clients.region,
    }


def get_zone(args: Props, clients: Clients) -> Props:
    """Answer `aws:route53/getZone`, by `zoneId` or by `name` and `privateZone`."""
    route53 = clients("route53")
    if args.get("zoneId"):
        zone_id = str(args["zoneId"])
    else:
        name = str(args.get("name", "")).rstrip(".") + "."
        private = bool(args.get("privateZone"))
        pages = route53.get_paginator("list_hosted_zones").paginate()
        zones = [
            zone
            for page in pages
            for zone in page["HostedZones"]
            if zone["Name"] == name and bool(zone["Config"].get("PrivateZone")) == private
        ]
        zone_id = _only(f"The hosted zone {name!r}", zones)["Id"].rsplit("/", 1)[-1]
    answer = route53.get_hosted_zone(Id=zone_id)
    zone = answer["HostedZone"]
    servers = sorted(answer.get("DelegationSet", {}).get("NameServers", []))
    tags = route53.list_tags_for_resource(ResourceType="hostedzone", ResourceId=zone_id)["ResourceTagSet"]["Tags"]
    return {
        "arn": f"arn:aws:route53:::hostedzone/{zone_id}",
        "callerReference": zone["CallerReference"],
        "comment": zone.get("Config", {}).get("Comment", ""),
        "name": zone["Name"].rstrip("."),
        "nameServers": servers,
        "primaryNameServer": servers[0] if servers else "",
        "privateZone": bool(zone.get("Config", {}).get("PrivateZone")),
        "resourceRecordSetCount": zone["ResourceRecordSetCount"],
        "tags": tags_of(tags),
        "zoneId": zone_id,
        "id": zone_id,
    }


def get_managed_prefix_list(args: Props, clients: Clients) -> Props:
    """Answer `aws:ec2/getManagedPrefixList`, by `id`, `name` or filters."""
    ec2 = clients("ec2")
    filters = _filters(args)
    if args.get("name"):
        filters.append({"Name": "prefix-list-name", "Values": [args["name"]]})
    ids = {"PrefixListIds": [args["id"]]} if args.get("id") else {}
    found = ec2.describe_managed_prefix_lists(Filters=filters, **ids)["PrefixLists"]
    # The local AWS may answer with more than the filter asks for.
    found = [item for item in found if not args.get("name") or item["PrefixListName"] == args["name"]]
    prefix_list = _only(f"The prefix list {args.get('name') or args.get('id')!r}", found)
    entries = ec2.get_managed_prefix_list_entries(PrefixListId=prefix_list["PrefixListId"])["Entries"]
    return {
        "addressFamily": prefix_list.get("AddressFamily", "IPv4"),
        "arn": prefix_list["PrefixListArn"],
        "entries": [{"cidr": item["Cidr"], "description": item.get("Description", "")} for item in entries],
        "id": prefix_list["PrefixListId"],
        "maxEntries": prefix_list.get("MaxEntries", len(entries)),
        "name": prefix_list["PrefixListName"],
        "ownerId": prefix_list.get("OwnerId", "AWS"),
        "region": clients.region,
        "tags": tags_of(prefix_list.get("Tags")),
        "version": prefix_list.get("Version", 1),
    }


def get_caller_identity(args: Props, clients: Clients) -> Props:
    """Answer `aws:index/getCallerIdentity`."""
    del args
    found = clients.identity
    return {"accountId": found["Account"], "arn": found["Arn"], "userId": found["UserId"], "id": found["Account"]}


def get_region(args: Props, clients: Clients) -> Props:
    """Answer `aws:index/getRegion`."""
    del args
    region = clients.region
    return {
        "name": region,
        "region": region,
        "id": region,
        "endpoint": f"ec2.{region}.amazonaws.com",
        "description": region,
    }


def get_partition(args: Props, clients: Clients) -> Props:
    """Answer `aws:index/getPartition`: the local AWS plays the commercial one."""
    del args, clients
    return {"partition": "aws", "dnsSuffix": "amazonaws.com", "reverseDnsPrefix": "com.amazonaws", "id": "aws"}


INVOKES: Final[Mapping[str, tuple[Callable[[Props, Clients], Props], frozenset[str]]]] = {
    "aws:index/getAvailabilityZones:getAvailabilityZones": (
        get_availability_zones,
        frozenset({"allAvailabilityZones", "excludeNames", "excludeZoneIds", "filters", "region", "state"}),
    ),
    "aws:route53/getZone:getZone": (get_zone, frozenset({"name", "privateZone", "zoneId"})),
    "aws:ec2/getManagedPrefixList:getManagedPrefixList": (
        get_managed_prefix_list,
        frozenset({"filters", "id", "name", "region"}),
    ),
    "aws:index/getCallerIdentity:getCallerIdentity": (get_caller_identity, frozenset()),
    "aws:index/getRegion:getRegion": (get_region, frozenset({"region"})),
    "aws:index/getPartition:getPartition": (get_partition, frozenset()),
}
"""Each data source with the arguments that it understands."""


def answer(token: str, args: Props, clients: Clients) -> Props:
    """Return what the data source says.

    Raises:
        InvalidInputError: an unknown data source or argument.
        ProdInfraError: AWS holds none, or more than one, of what is asked for.
    """
    if token not in INVOKES:
        close = get_close_matches(token, INVOKES, n=1)
        nearest = f"; the nearest is {close[0]!r}" if close else ""
        raise InvalidInputError(
            "A data source can't be read", [f"the local AWS provider does not know {token!r}{nearest}"]
        )
    function, known = INVOKES[token]
    if unknown := sorted(key for key in args.keys() - known if args[key] is not None):
        faults = [f"{token} has no argument {key!r} that the local AWS provider understands" for key in unknown]
        raise InvalidInputError("A data source can't be read", faults)
    return function(args, clients)
