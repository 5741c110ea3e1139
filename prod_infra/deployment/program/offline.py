"""What a preview knows while nobody is connected: answers to a program's lookups, and names that the provider gives."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Final

from prod_infra.errors import ProdInfraError
from prod_infra.local_aws import ACCOUNT_ID
from prod_infra.local_aws.provider.handler import AutoName
from prod_infra.local_aws.provider.naming import auto_name
from prod_infra.properties import Props

_ZONES: Final = {
    "ap-northeast-1": ("apne1", {"a": 4, "c": 1, "d": 2}),
    "ap-south-1": ("aps1", {"a": 1, "b": 3, "c": 2}),
    "ap-southeast-1": ("apse1", {"a": 1, "b": 2, "c": 3}),
    "ap-southeast-2": ("apse2", {"a": 1, "b": 3, "c": 2}),
    "ca-central-1": ("cac1", {"a": 1, "b": 2, "d": 4}),
    "eu-central-1": ("euc1", {"a": 2, "b": 3, "c": 1}),
    "eu-central-2": ("euc2", {"a": 1, "b": 2, "c": 3}),
    "eu-north-1": ("eun1", {"a": 1, "b": 2, "c": 3}),
    "eu-south-1": ("eus1", {"a": 1, "b": 2, "c": 3}),
    "eu-west-1": ("euw1", {"a": 3, "b": 1, "c": 2}),
    "eu-west-2": ("euw2", {"a": 2, "b": 3, "c": 1}),
    "eu-west-3": ("euw3", {"a": 1, "b": 2, "c": 3}),
    "sa-east-1": ("sae1", {"a": 1, "b": 2, "c": 3}),
    "us-east-1": ("use1", {"a": 6, "b": 1, "c": 2, "d": 4, "e": 3, "f": 5}),
    "us-east-2": ("use2", {"a": 1, "b": 2, "c": 3}),
    "us-west-1": ("usw1", {"a": 1, "b": 3}),
    "us-west-2": ("usw2", {"a": 2, "b": 1, "c": 3, "d": 4}),
}
"""Zone ID prefix and number by zone letter, one account's view: AWS maps letters to IDs anew for each account.

https://docs.aws.amazon.com/global-infrastructure/latest/regions/az-ids.html
"""

NAMED: Final = {
    "aws:iam/role:Role": AutoName(max_length=64),
    "aws:s3/bucket:Bucket": AutoName("bucket", max_length=63, lower=True),
}
"""What programs leave to pulumi-aws to name, and then name in policies: a preview knows these names."""


def _made_up(prefix: str, *parts: str, length: int = 17) -> str:
    return prefix + hashlib.sha256("\0".join(parts).encode()).hexdigest()[:length]


def _availability_zones(args: Props, region: str) -> Props:
    if region not in _ZONES:
        raise ProdInfraError(
            f"The availability zones of region {region!r} are not known offline.",
            hint=f"use one of {', '.join(sorted(_ZONES))}, or a target that can be asked",
        )
    prefix, letters = _ZONES[region]
    zones = {f"{region}{letter}": f"{prefix}-az{number}" for letter, number in letters.items()}
    kept = {
        name: zone_id
        for name, zone_id in zones.items()
        if name not in args.get("excludeNames", ()) and zone_id not in args.get("excludeZoneIds", ())
    }
    return {
        **args,
        "id": region,
        "region": region,
        "names": list(kept),
        "zoneIds": list(kept.values()),
        "groupNames": [region],
    }


def _zone(args: Props, region: str) -> Props:
    del region
    zone_id = args.get("zoneId") or _made_up("Z", str(args.get("name", "")).rstrip("."), length=20).upper()
    return {
        "privateZone": False,
        "tags": {},
        "vpcId": "",
        **args,
        "id": zone_id,
        "zoneId": zone_id,
        # AWS's provider drops the trailing dot.
        "name": str(args.get("name", "example.com")).rstrip("."),
        "arn": f"arn:aws:route53:::hostedzone/{zone_id}",
        "callerReference": "offline",
        "comment": "",
        "nameServers": [f"ns-{n}.awsdns-{n:02}.{end}" for n, end in enumerate(("com", "net", "org", "co.uk"), 1)],
        "primaryNameServer": "ns-1.awsdns-01.com",
        "resourceRecordSetCount": 2,
        "linkedServiceDescription": "",
        "linkedServicePrincipal": "",
        "enableAcceleratedRecovery": False,
    }


def _prefix_list(args: Props, region: str) -> Props:
    name = args.get("name") or next(
        (item["values"][0] for item in args.get("filters", ()) if item["name"] == "prefix-list-name"), ""
    )
    list_id = args.get("id") or _made_up("pl-", name, region, length=8)
    return {
        **args,
        "id": list_id,
        "name": name,
        "region": region,
        "addressFamily": "IPv4",
        "arn": f"arn:aws:ec2:{region}:aws:prefix-list/{list_id}",
        "entries": [],
        # The CloudFront origin-facing list counts as 55 rules in a security group:
        # https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/LocationsOfEdgeServers.html
        "maxEntries": 55,
        "ownerId": "AWS",
        "tags": {},
        "version": 1,
    }


def _caller_identity(args: Props, region: str) -> Props:
    del args, region
    return {
        "id": ACCOUNT_ID,
        "accountId": ACCOUNT_ID,
        "arn": f"arn:aws:iam::{ACCOUNT_ID}:user/offline",
        "userId": "AIDAOFFLINEOFFLINE00",
    }


def _region(args: Props, region: str) -> Props:
    name = args.get("region") or args.get("name") or region
    return {"id": name, "name": name, "region": name, "description": name, "endpoint": f"ec2.{name}.amazonaws.com"}


def _partition(args: Props, region: str) -> Props:
    del args, region
    return {"id": "aws", "partition": "aws", "dnsSuffix": "amazonaws.com", "reverseDnsPrefix": "com.amazonaws"}


_ANSWERS: Final[dict[str, Callable[[Props, str], Props]]] = {
    "aws:index/getAvailabilityZones:getAvailabilityZones": _availability_zones,
    "aws:index/getCallerIdentity:getCallerIdentity": _caller_identity,
    "aws:index/getPartition:getPartition": _partition,
    "aws:index/getRegion:getRegion": _region,
    "aws:ec2/getManagedPrefixList:getManagedPrefixList": _prefix_list,
    "aws:route53/getZone:getZone": _zone,
}


def answer(token: str, args: Props, region: str) -> Props:
    """Return what AWS would say to a lookup, with made-up but well-formed and stable identifiers.

    Args:
        token: such as `aws:index/getRegion:getRegion`.
        args: the lookup's arguments in pulumi-aws's camelCase.
        region: the region of the lookup, unless the arguments name one.

    Raises:
        ProdInfraError: nothing is known offline about this lookup or region.
    """
    if token not in _ANSWERS:
        raise ProdInfraError(
            f"The program looks up {token}, which can't be answered without a connection.",
            hint="pass the value in as a setting; known offline are " + ", ".join(sorted(_ANSWERS)),
        )
    return _ANSWERS[token](args, args.get("region") or region)


def named(urn: str, token: str, inputs: Mapping[str, object]) -> Props:
    """Return the name that pulumi-aws would give a resource whose program gave none, by property; stable for a URN."""
    rule = NAMED.get(token)
    if rule is None or rule.property in inputs:
        return {}
    return {rule.property: auto_name(urn.rpartition("::")[2], rule, urn.encode())}
