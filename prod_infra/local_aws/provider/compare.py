"""What differs between the state that AWS reported and the inputs that the program wants."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pulumi.provider.experimental.provider import PropertyDiff, PropertyDiffKind

from prod_infra.deployment.property_paths import Path, contains, readable, text
from prod_infra.local_aws.provider.handler import Handler
from prod_infra.properties import UNKNOWN, Props

_MISSING: Final = object()


@dataclass(frozen=True)
class Difference:
    """One value that differs; `old` or `new` is None where that side lacks it."""

    path: Path
    old: Any
    new: Any
    replaces: bool

    @property
    def detail(self) -> PropertyDiff:
        """The same in the words of Pulumi's provider protocol."""
        kind = "ADD" if self.old is None else "DELETE" if self.new is None else "UPDATE"
        # Old is the state, not the old inputs.
        return PropertyDiff(PropertyDiffKind[f"{kind}_REPLACE" if self.replaces else kind], input_diff=False)


def _keys(path: Path) -> str:
    """Return the dotted form in which handlers name nested properties: list indexes left out."""
    return ".".join(segment for segment in path if isinstance(segment, str))


def _filled(value: Any, absent: Any) -> Any:
    """Return the value with what AWS makes of its gaps."""
    if value is None:
        return absent
    if isinstance(value, Mapping) and isinstance(absent, Mapping):
        return {**absent, **{key: _filled(item, absent.get(key)) for key, item in value.items()}}
    if isinstance(value, Sequence) and not isinstance(value, str) and isinstance(absent, Sequence):
        template = absent[0] if len(absent) == 1 and isinstance(absent[0], Mapping) else None
        return [_filled(item, template) for item in value]
    return value


def _order(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=repr)


def _normal(value: Any, path: Path, handler: type[Handler]) -> Any:
    """Return the value without falsy entries, JSON text parsed, sets in one order."""
    if isinstance(value, str) and _keys(path) in handler.json_inputs:
        try:
            value = json.loads(value)
        except ValueError:
            return value
    if isinstance(value, Mapping):
        items = {str(key): _normal(item, (*path, str(key)), handler) for key, item in value.items()}
        return {key: item for key, item in items.items() if item not in (None, "", False, 0, [], {})}
    if isinstance(value, list | tuple):
        listed = [_normal(item, (*path, index), handler) for index, item in enumerate(value)]
        return sorted(listed, key=_order) if _keys(path) in handler.set_inputs else listed
    return value


def _walk(old: Any, new: Any, path: Path, handler: type[Handler]) -> Iterator[tuple[Path, Any, Any]]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in sorted(old.keys() | new.keys()):
            yield from _walk(old.get(key, _MISSING), new.get(key, _MISSING), (*path, key), handler)
    elif isinstance(old, list) and isinstance(new, list) and _keys(path) not in handler.set_inputs:
        for index in range(max(len(old), len(new))):
            before = old[index] if index < len(old) else _MISSING
            after = new[index] if index < len(new) else _MISSING
            yield from _walk(before, after, (*path, index), handler)
    elif new is _MISSING and len(path) > 1 and _keys(path) in handler.outputs:
        return  # AWS's choice
    elif old is not new and (new is UNKNOWN or old != new):
        yield path, old, new


def differences(
    handler: type[Handler],
    old: Props,
    new: Props,
    *,
    absent: Mapping[str, Any] | None = None,
    ignore: Sequence[str] = (),
) -> list[Difference]:
    """Return every input value that differs.

    Args:
        handler: the facts of the type.
        old: the state, as `Handler.read` gave it.
        new: the checked inputs; an unknown value always differs.
        absent: more of `Handler.when_absent`, such as the provider's region.
        ignore: paths not to compare, in Pulumi's syntax; `[*]` is any element.
    """
    new = handler.as_read(new)
    when_absent = {**handler.when_absent, **(absent or {})}
    ignored = readable(ignore)
    found: list[Difference] = []
    for key in sorted(handler.inputs | {"region"}):
        if new.get(key) is None and key in handler.outputs and key not in when_absent:
            continue  # AWS's choice
        before = _normal({key: old.get(key)}, (), handler).get(key, _MISSING)
        after = _normal({key: _filled(new.get(key), when_absent.get(key))}, (), handler).get(key, _MISSING)
        found.extend(
            Difference(
                path,
                None if left is _MISSING else left,
                None if right is _MISSING else right,
                key in handler.replace_on or key == "region",
            )
            for path, left, right in _walk(before, after, (key,), handler)
            if not any(contains(pattern, path) for pattern in ignored)
        )
    return found


def keep_ignored(old: Props, new: Props, ignore: Sequence[str]) -> Props:
    """Return the new inputs with the old state's value wherever a path is ignored, for updates that send everything."""
    kept = dict(new)
    for path in readable(ignore):
        _keep(old, kept, path)
    return kept


def _keep(old: Any, new: Any, path: Path) -> None:
    """Copy the value at the path from `old` into `new`, whose containers on the way are copied first."""
    head, *rest = path
    if isinstance(new, list) and isinstance(old, list):
        indexes = range(min(len(old), len(new))) if head == "*" else [head]
        for index in indexes:
            if isinstance(index, int) and index < min(len(old), len(new)):
                new[index] = _kept(old[index], new[index], tuple(rest))
    elif isinstance(new, dict) and isinstance(old, Mapping) and head in old:
        new[head] = _kept(old[head], new.get(head), tuple(rest))


def _kept(old: Any, new: Any, rest: Path) -> Any:
    if not rest:
        return old
    copy = dict(new) if isinstance(new, Mapping) else list(new) if isinstance(new, list) else new
    _keep(old, copy, rest)
    return copy


def unknown_keys(handler: type[Handler], inputs: Props) -> Iterator[tuple[str, str, frozenset[str]]]:
    """Yield path, key and the known keys of each input that the handler would not send to AWS, at every level."""
    known = handler.inputs | ({"region"} if handler.regional else frozenset())
    for key in sorted(inputs.keys() - known):
        yield key, key, known
    for key in sorted(inputs.keys() & known):
        yield from _unknown_nested(handler, inputs[key], (key,))


def _unknown_nested(handler: type[Handler], value: Any, path: Path) -> Iterator[tuple[str, str, frozenset[str]]]:
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _unknown_nested(handler, item, (*path, index))
    elif isinstance(value, Mapping):
        known = handler.nested_inputs.get(_keys(path))
        for key, item in value.items():
            if known is not None and key not in known:
                yield text((*path, key)), key, known
            yield from _unknown_nested(handler, item, (*path, key))
