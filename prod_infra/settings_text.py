"""Settings as text: types in plain words, configuration values parsed, pydantic's findings as sentences."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from difflib import get_close_matches
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

from pulumi.runtime.config import CONFIG, get_config_env

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo
    from pydantic_core import ErrorDetails


def _plain_type(annotation: Any) -> Any:
    """Return an annotation without `Annotated` and `| None`."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _plain_type(get_args(annotation)[0])
    if origin in {Union, UnionType}:
        return next(_plain_type(option) for option in get_args(annotation) if option is not NoneType)
    return annotation


def type_name(annotation: Any) -> str:
    """Return an annotation in plain words, such as `text`, `whole number` or `"HTTPS" or "HTTP"`."""
    plain = _plain_type(annotation)
    origin = get_origin(plain)
    if origin is Literal:
        return " or ".join(json.dumps(option) for option in get_args(plain))
    if origin is tuple:
        return f"list of {type_name(get_args(plain)[0])}"
    if origin is Mapping:
        return "mapping of text to text"
    return {str: "text", int: "whole number", bool: "true or false"}[plain]


def config_keys(namespace: str) -> list[str]:
    """Return the names that the stack's configuration sets in a namespace, sorted.

    Pulumi has no public call for this; `pulumi.Config` itself reads these two places.
    """
    known = {**get_config_env(), **CONFIG.get()}
    return sorted(key.removeprefix(f"{namespace}:") for key in known if key.startswith(f"{namespace}:"))


def parse(text: str, annotation: Any) -> Any:
    """Return a configuration text as the setting's type; what doesn't parse stays text, and its type refuses it."""
    plain = _plain_type(annotation)
    if plain is bool:
        return {"true": True, "false": False}.get(text, text)
    if plain is int:
        return int(text) if re.fullmatch(r"-?\d{1,18}", text) else text
    if get_origin(plain) in {tuple, Mapping}:
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text


def explain(name: str, detail: ErrorDetails, fields: Mapping[str, FieldInfo]) -> str:
    """Return one of pydantic's findings as a sentence about the setting, without its value."""
    if detail["type"] == "extra_forbidden":
        near = get_close_matches(name, fields, n=1)
        return f"{name} is no setting." + (f" Did you mean {near[0]}?" if near else "")
    if name not in fields:
        return f"The settings must be a mapping of names to values: {detail['msg']}."
    kind = detail["type"]
    if kind.endswith("_type") or kind == "literal_error":
        return f"{name} must be a {type_name(fields[name].annotation)}.".replace(" a true", " true")
    return f"{name}: {detail['msg'].replace('Input should', 'it should')}."
