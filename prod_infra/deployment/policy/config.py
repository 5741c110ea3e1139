"""The pack's configuration, checked: nothing that is misspelt or lowers everything passes in silence."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any, Final

from google.protobuf import json_format
from pulumi.runtime.proto import analyzer_pb2

from prod_infra.deployment.program.registration import Registration
from prod_infra.errors import InvalidInputError
from prod_infra.properties import masked

LEVELS: Final = {"advisory": 0, "mandatory": 1, "disabled": 2}
NON_PRODUCTION: Final = ("dev", "test", "qa", "staging", "sandbox")
"""First words of the names of stacks and environments in which the pack may advise; any other is production."""

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
            else:
                found += _below_floor(f"{name}.{key}", value, schema[key])
    return found


def _below_floor(name: str, value: Any, schema: Mapping[str, Any]) -> list[str]:
    """Return a fault where a threshold would lower the pack's floor."""
    if "minimum" in schema and value < schema["minimum"]:
        return [f"{name} is {value:g}, under the floor: it must be at least {schema['minimum']:g}."]
    if "maximum" in schema and value > schema["maximum"]:
        return [f"{name} is {value:g}, over the ceiling: it must be at most {schema['maximum']:g}."]
    return []


def unique_json(text: str, name: str) -> dict[str, Any]:
    """Return a JSON object in which no key occurs twice, at any depth.

    Args:
        text: the JSON.
        name: what the message calls it.

    Raises:
        InvalidInputError: it is no JSON object, or a key occurs twice and the second would win in silence.
    """
    twice: list[str] = []

    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        twice.extend(f"{key} occurs twice." for key, n in Counter(key for key, _ in found).items() if n > 1)
        return dict(found)

    try:
        given = json.loads(text, object_pairs_hook=pairs)
    except ValueError as error:
        raise InvalidInputError(f"{name} can't be right", [f"It is not JSON: {error}."]) from error
    if not isinstance(given, dict):
        raise InvalidInputError(f"{name} can't be right", ["It must be an object, by rule."])
    if twice:
        raise InvalidInputError(f"{name} can't be right", twice)
    return given


def lowered(info: analyzer_pb2.AnalyzerInfo, config: Mapping[str, analyzer_pb2.PolicyConfig]) -> tuple[str, ...]:
    """Return the rules that the configuration made advisory, or lets pass what they can't decide."""

    def is_lowered(policy: analyzer_pb2.PolicyInfo) -> bool:
        found = config[policy.name]
        weaker = policy.enforcementLevel == LEVELS["mandatory"] and found.enforcementLevel == LEVELS["advisory"]
        return weaker or json_format.MessageToDict(found.properties).get("strict") is False

    return tuple(policy.name for policy in info.policies if is_lowered(policy))


def _lowers(entry: Any) -> bool:
    found = entry if isinstance(entry, Mapping) else {"enforcementLevel": entry}
    return found.get("enforcementLevel") in {"advisory", "disabled"} or found.get("strict") is False


def refuse_in_production(given: Mapping[str, Any], registrations: Iterable[Registration]) -> None:
    """Let a configuration make rules advisory, disabled or not strict in a development environment only.

    Args:
        given: as `policy_config` takes it.
        registrations: what it is to judge; the stack's name and every tag `Environment` have to say that it is none of
            production's.

    Raises:
        InvalidInputError: it lowers a rule in what may be production.
    """
    rules = sorted(name for name, entry in given.items() if _lowers(entry))
    if not rules:
        return
    names = {found.urn.split("::", 1)[0].rpartition(":")[2] for found in registrations}
    for found in registrations:
        tags = masked(found.inputs).get("tags")
        if isinstance(tags, Mapping) and "Environment" in tags:
            names.add(str(tags["Environment"]))
    known = re.compile(rf"({'|'.join(NON_PRODUCTION)})\d*(-.*)?")
    production = sorted(name for name in names if not known.fullmatch(name))
    if production:
        raise InvalidInputError(
            "The policy configuration can't be right",
            [f"It lowers {', '.join(rules)} in {' and '.join(production)}, taken for production."],
            hint="every rule is mandatory there, but for a waiver; stacks and environments whose names begin with "
            f"{', '.join(NON_PRODUCTION)} may have the pack advise",
        )


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
    everyone = given.get("all", {})
    if (everyone.get("enforcementLevel") if isinstance(everyone, Mapping) else everyone) == "disabled":
        faults.append("all: disabled turns the gate off, and a gate without rules would always be green.")
    result: dict[str, analyzer_pb2.PolicyConfig] = {}
    for policy in info.policies:
        own = given.get(policy.name, {})
        found = _faults(policy.name, own, policy)
        faults += found
        if found or faults:
            continue
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
