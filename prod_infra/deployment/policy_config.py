"""The pack's configuration, checked: nothing that is misspelt or lowers everything passes in silence."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, Final

from google.protobuf import json_format
from pulumi.runtime.proto import analyzer_pb2

from prod_infra.errors import InvalidInputError

LEVELS: Final = {"advisory": 0, "mandatory": 1, "disabled": 2}
_TYPES: Final[dict[str, type | tuple[type, ...]]] = {
    "boolean": bool,
    "string": str,
    "number": (int, float),
    "integer": int,
    "array": list,
    "object": dict,
}


def _nearest(name: str, known: list[str]) -> str:
    near = get_close_matches(name, known, n=1)
    return f"; did you mean {near[0]}?" if near else "."


def _faults(name: str, given: Any, policy: analyzer_pb2.PolicyInfo) -> list[str]:
    """Return what is wrong with one rule's configuration."""
    entry = {"enforcementLevel": given} if isinstance(given, str) else given
    if not isinstance(entry, Mapping):
        return [f"{name} must be an enforcement level or an object."]
    schema = json_format.MessageToDict(policy.configSchema.properties)
    found = []
    for key, value in entry.items():
        if key == "enforcementLevel":
            if value not in LEVELS:
                found.append(f"{name}: the enforcement level must be {', '.join(LEVELS)}.")
        elif key not in schema:
            found.append(f"{name} has no property {key}{_nearest(key, list(schema))}")
        else:
            kind = str(schema[key].get("type", ""))
            wanted = _TYPES.get(kind, object)
            if not isinstance(value, wanted) or (isinstance(value, bool) and kind != "boolean"):
                found.append(f"{name}.{key} must be a {kind}.")
    return found


def policy_config(info: analyzer_pb2.AnalyzerInfo, given: Mapping[str, Any]) -> dict[str, analyzer_pb2.PolicyConfig]:
    """Return the configuration of every rule of the pack: its own defaults, then `all`, then what names the rule.

    Args:
        info: what the pack says of itself.
        given: by rule or `all`, an enforcement level or an object with `enforcementLevel` and properties.

    Raises:
        InvalidInputError: unknown rules, properties or levels, wrong types, or no rule left enabled.
    """
    names = [policy.name for policy in info.policies]
    faults = [f"There is no rule {name}{_nearest(name, names)}" for name in given if name not in (*names, "all")]
    faults += [f"The pack has two rules named {name}." for name in sorted({n for n in names if names.count(n) > 1})]
    faults += _faults("all", given.get("all", {}), analyzer_pb2.PolicyInfo())
    result: dict[str, analyzer_pb2.PolicyConfig] = {}
    for policy in info.policies:
        own = given.get(policy.name, {})
        found = _faults(policy.name, own, policy)
        faults += found
        if found or faults:
            continue
        everyone = given.get("all", {})
        merged: dict[str, Any] = {
            key: schema["default"]
            for key, schema in json_format.MessageToDict(policy.configSchema.properties).items()
            if "default" in schema
        }
        for entry in (everyone, own):
            merged.update({"enforcementLevel": entry} if isinstance(entry, str) else entry)
        level = merged.pop("enforcementLevel", None)
        result[policy.name] = analyzer_pb2.PolicyConfig(
            enforcementLevel=policy.enforcementLevel
            if level is None
            else analyzer_pb2.EnforcementLevel.Value(str(level).upper())
        )
        result[policy.name].properties.update(merged)
    if not faults and result and all(entry.enforcementLevel == LEVELS["disabled"] for entry in result.values()):
        faults.append("Every rule is disabled, and a gate without rules would always be green.")
    if faults:
        raise InvalidInputError("The policy configuration can't be right", faults)
    return result
