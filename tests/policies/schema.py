"""Which inputs pulumi_aws itself requires: without them a program can't register the resource at all."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Sequence
from functools import cache

import pulumi
from pulumi.type_token import get_type_token

_ARGS = re.compile(r"ForwardRef\('(\w+Args)'")


@cache
def _resources() -> dict[str, type]:
    """Return the classes that the program has imported, by type token."""
    classes = pulumi.CustomResource.__subclasses__()
    return {token: found for found in classes if (token := get_type_token(found))}


@cache
def _members(args: type) -> dict[str, tuple[bool, type | None]]:
    """Return, by Pulumi's name of each input, whether it is required and the class of what it holds."""
    found: dict[str, tuple[bool, type | None]] = {}
    package = sys.modules[args.__module__.rpartition(".")[0]]
    for name, parameter in inspect.signature(args).parameters.items():
        getter = getattr(args, name, None)
        key = getattr(getattr(getter, "fget", None), "_pulumi_name", name)
        inner = _ARGS.search(str(parameter.annotation))
        found[key] = (parameter.default is inspect.Parameter.empty, getattr(package, inner[1], None) if inner else None)
    return found


def required(type_: str, keys: Sequence[str]) -> bool:
    """Whether pulumi_aws requires the input that `keys` lead to, given all those above it.

    Args:
        type_: type token.
        keys: Pulumi's names from the resource's input down, without positions in lists.
    """
    resource = _resources().get(type_)
    args = getattr(sys.modules[resource.__module__], f"{resource.__name__}Args", None) if resource else None
    needed = False
    for key in keys:
        if args is None or key not in _members(args):
            return False
        needed, args = _members(args)[key]
    return needed
