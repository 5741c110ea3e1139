"""What is wrong with a value, in JSON or in XML, for a shape of botocore's."""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final
from xml.etree import ElementTree as ET


def local_name(element: ET.Element) -> str:
    """Return an element's name without its namespace."""
    return element.tag.rpartition("}")[2]


def json_faults(shape: Any, value: Any, at: str, *, required: bool = True) -> Iterator[str]:
    """Yield what a shape's model has against a value of JSON.

    Args:
        shape: botocore's.
        value: parsed.
        at: where it is, for the words.
        required: whether what the model requires has to be there.
    """
    if not _has_type(shape, value):
        yield f"{at} is {value!r}, no {shape.type_name}"
    elif shape.type_name == "structure":
        yield from _json_structure(shape, value, at, required=required)
    elif shape.type_name == "list":
        for number, each in enumerate(value):
            yield from json_faults(shape.member, each, f"{at}[{number}]")
    elif shape.type_name == "map":
        for name, each in value.items():
            yield from _scalar(shape.key, name, f"{at}'s key")
            yield from json_faults(shape.value, each, f"{at}[{name}]")
    elif isinstance(value, str):
        yield from _scalar(shape, value, at)


def _has_type(shape: Any, value: Any) -> bool:
    kinds: dict[str, Any] = {
        "structure": dict, "map": dict, "list": list, "boolean": bool, "integer": int, "long": int,
        "float": int | float, "double": int | float,
    }  # fmt: skip
    if shape.type_name == "timestamp":
        # Seconds, unless the model says otherwise.
        seconds = shape.serialization.get("timestampFormat", "unixTimestamp") == "unixTimestamp"
        return isinstance(value, int | float if seconds else str)
    return isinstance(value, kinds.get(shape.type_name, str)) and (
        shape.type_name == "boolean" or not isinstance(value, bool)
    )


def _json_structure(shape: Any, value: Mapping[str, Any], at: str, *, required: bool) -> Iterator[str]:
    members = {m.serialization.get("name", name): m for name, m in shape.members.items() if not _elsewhere(m)}
    yield from (f"{at}.{name} is unknown" for name in value if name not in members)
    needed = [shape.members[name].serialization.get("name", name) for name in shape.required_members]
    yield from (f"{at}.{name} is missing" for name in needed if required and value.get(name) is None)
    for name in members.keys() & value.keys():
        # A null is what the serializers of AWS leave out: to a client it is the same.
        if value[name] is not None:
            yield from json_faults(members[name], value[name], f"{at}.{name}")


def _elsewhere(member: Any) -> bool:
    """Whether a member travels outside the body."""
    return member.serialization.get("location") in {"header", "headers", "statusCode", "uri", "querystring"}


def _finite(text: str) -> None:
    if not math.isfinite(float(text)):
        raise ValueError(text)


def _with_zone(text: str) -> None:
    if datetime.fromisoformat(text).tzinfo is None:
        raise ValueError(text)


READ: Final[dict[str, Callable[[str], Any]]] = {
    "boolean": {"true": True, "false": False}.__getitem__,
    "integer": int,
    "long": int,
    "float": _finite,
    "double": _finite,
    "timestamp": _with_zone,
    "blob": lambda text: base64.b64decode(text, validate=True),
}
"""How a text is read as each type; what can't be raises."""


def _scalar(shape: Any, value: str, at: str) -> Iterator[str]:
    if shape.type_name == "string" and shape.enum and value not in shape.enum:
        yield f"{at} is {value!r}, none of {shape.enum}"
    try:
        READ.get(shape.type_name, str)(value)
    except (ValueError, KeyError):
        yield f"{at} is {value!r}, no {shape.type_name}"


def xml_faults(shape: Any, element: ET.Element, at: str) -> Iterator[str]:
    """Yield what a structure's model has against an element; `at` names it in the words."""
    members = {_tag(name, m): (name, m) for name, m in shape.members.items() if not _elsewhere(m)}
    by_tag: dict[str, list[ET.Element]] = {}
    for child in element:
        by_tag.setdefault(local_name(child), []).append(child)
    yield from (f"{at}.{tag} is unknown" for tag in by_tag if tag not in members)
    present = {members[tag][0] for tag in by_tag if tag in members}
    in_body = {name for name, m in shape.members.items() if not _elsewhere(m) and "xmlAttribute" not in m.serialization}
    yield from (f"{at}.{name} is missing" for name in shape.required_members if name in in_body and name not in present)
    for tag in by_tag.keys() & members.keys():
        member, children = members[tag][1], by_tag[tag]
        if member.type_name == "list" and member.serialization.get("flattened"):
            for number, child in enumerate(children):
                yield from _xml(member.member, child, f"{at}.{tag}[{number}]")
            continue
        if len(children) > 1 and not (member.type_name == "map" and member.serialization.get("flattened")):
            yield f"{at}.{tag} is there {len(children)} times"
        yield from _xml(member, children[0], f"{at}.{tag}")


def _tag(name: str, member: Any) -> str:
    if member.type_name == "list" and member.serialization.get("flattened"):
        return str(member.member.serialization.get("name", member.serialization.get("name", name)))
    return str(member.serialization.get("name", name))


def _xml(shape: Any, element: ET.Element, at: str) -> Iterator[str]:
    match shape.type_name:
        case "structure":
            yield from xml_faults(shape, element, at)
        case "list":
            name = shape.member.serialization.get("name", "member")
            for number, child in enumerate(element):
                if local_name(child) != name:
                    yield f"{at} has <{local_name(child)}> instead of <{name}>"
                yield from _xml(shape.member, child, f"{at}[{number}]")
        case "map":
            # Only SNS and SQS have maps in XML, and those of strings.
            pass
        case _ if len(element):
            yield f"{at} has elements, and is a {shape.type_name}"
        case "string" | "character":
            if element.text:
                yield from _scalar(shape, element.text, at)
        case _:
            yield from _scalar(shape, element.text or "", at)
