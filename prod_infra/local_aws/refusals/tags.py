"""Tags that AWS refuses: more than 50, keys that begin with `aws:`, keys over 128 and values over 256 characters.

Follows https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html; each service has its own
code for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from prod_infra.local_aws.calls import Call
from prod_infra.local_aws.refusals.checks import EVERYWHERE
from prod_infra.local_aws.refusals.refused import Refused

MOST: Final = 50
LONGEST_KEY, LONGEST_VALUE = 128, 256

# Codes for too many tags, and for a key or value that can't be.
CODES: Final = {
    "acm": ("TooManyTagsException", "InvalidTagException"),
    "application-autoscaling": ("TooManyTagsException", "ValidationException"),
    "cloudfront": ("InvalidTagging", "InvalidTagging"),
    "codedeploy": ("InvalidTagsToAddException", "InvalidTagsToAddException"),
    "docdb": ("InvalidParameterValue", "InvalidParameterValue"),
    "ec2": ("TagLimitExceeded", "InvalidParameterValue"),
    "ecr": ("TooManyTagsException", "InvalidTagParameterException"),
    "ecs": ("InvalidParameterException", "InvalidParameterException"),
    "elbv2": ("TooManyTags", "ValidationError"),
    "iam": ("LimitExceeded", "InvalidInput"),
    "kms": ("TagException", "TagException"),
    "logs": ("InvalidParameterException", "InvalidParameterException"),
    "route53": ("InvalidInput", "InvalidInput"),
    "s3": ("InvalidTag", "InvalidTag"),
    "secretsmanager": ("InvalidParameterException", "InvalidParameterException"),
    "sns": ("TagLimitExceeded", "InvalidParameter"),
    "wafv2": ("WAFTagOperationException", "WAFTagOperationException"),
}

MEMBERS: Final = ("Tags", "tags", "TagList", "tagsToAdd", "TagsToAdd")


def _lists(given: Any) -> Iterator[Any]:
    """Yield each list of tags in a call's input, wherever the service has it."""
    for name in MEMBERS:
        tags = given.get(name)
        if tags:
            yield tags.get("Items", tags) if isinstance(tags, dict) else tags
    if "Tagging" in given and isinstance(given["Tagging"], dict):
        yield given["Tagging"].get("TagSet") or []
    for each in given.get("TagSpecifications") or []:
        yield each.get("Tags") or []


def _pairs(tags: Any) -> list[tuple[str, str]]:
    if isinstance(tags, dict):
        return [(str(key), str(value)) for key, value in tags.items()]
    return [
        (
            str(next((each[name] for name in ("Key", "key", "TagKey") if name in each), "")),
            str(next((each[name] for name in ("Value", "value", "TagValue") if each.get(name)), "")),
        )
        for each in tags
        if isinstance(each, dict)
    ]


def _check_tags(call: Call, given: Any) -> None:
    service = min(call.services)
    if service not in CODES or not isinstance(given, dict):
        return
    too_many, invalid = CODES[service]
    for pairs in map(_pairs, _lists(given)):
        if len(pairs) > MOST:
            raise Refused(too_many, f"{len(pairs)} tags are over the maximum of {MOST} for a resource")
        for key, value in pairs:
            if key.lower().startswith("aws:"):
                raise Refused(invalid, f"Tag keys starting with 'aws:' are reserved for internal use: {key}")
            if not 0 < len(key) <= LONGEST_KEY:
                raise Refused(invalid, f"Tag key exceeds the maximum length of {LONGEST_KEY} or is empty: {key}")
            if len(value) > LONGEST_VALUE:
                raise Refused(invalid, f"Tag value of {key} exceeds the maximum length of {LONGEST_VALUE}")


def register() -> None:
    """Check the tags of every call that writes."""
    EVERYWHERE.append(_check_tags)
