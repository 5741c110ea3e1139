"""Every typed weakening of what the environment registers, one at a time."""

from __future__ import annotations

import fnmatch
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from pulumi.provider.experimental.property_value import Computed, PropertyValue

from prod_infra.deployment.program.registration import Registration
from prod_infra.properties import typed
from tests.policies.schema import required
from tests.policies.weaker import ADDED, DOCUMENTS, WEAKER

_LABELS: Final = ("name", "originId", "pathPattern", "id", "ruleNo", "metricName")


@dataclass(frozen=True)
class Mutation:
    """One weakening.

    Attributes:
        place: type token without `aws:`, and the path in its inputs; the type alone where the resource is removed.
        what: what was done.
        urn: of the resource.
        changes: what is registered instead, by URN; None for what is not registered.
        refused: why no program can do this; empty where one can.
    """

    place: str
    what: str
    urn: str
    changes: Mapping[str, Registration | None] = field(compare=False)
    refused: str = ""

    @property
    def kind(self) -> tuple[str, str]:
        """What resources of one type have in common."""
        return self.place, self.what


@dataclass(frozen=True)
class _Change:
    """A change of one value: where, what is done, the keys down to it, the new value, and what lists have lost."""

    path: str
    what: str
    keys: tuple[str, ...]
    value: PropertyValue | None
    size: int = 0
    lost: tuple[int, ...] = ()


def _weaker(place: str, value: PropertyValue) -> Iterator[tuple[str, PropertyValue]]:
    """Yield what is done to one value, and the value that comes of it."""
    path = place.rpartition(":")[2].partition(".")[2]
    inner = value.value
    if isinstance(inner, bool):
        yield f"{str(inner).lower()} becomes {str(not inner).lower()}", PropertyValue(not inner)
    elif isinstance(inner, float):
        for number in dict.fromkeys((0.0, -1.0, inner // 2, inner * 100)):
            if number != inner:
                yield f"{inner:.12g} becomes {number:.12g}", PropertyValue(number)
    elif isinstance(inner, str):
        for pattern, values in WEAKER.items():
            if fnmatch.fnmatchcase(path, pattern):
                yield from ((f"becomes {weak or 'empty'}", PropertyValue(weak)) for weak in values if weak != inner)
    if isinstance(inner, str | Computed):
        documents = DOCUMENTS.get(place, {})
        yield from ((f"becomes {name}", PropertyValue(json.dumps(text))) for name, text in documents.items())


def _label(item: PropertyValue, index: int) -> str:
    inner = item.value
    if isinstance(inner, Mapping):
        for key in _LABELS:
            if key in inner and isinstance(inner[key].value, str | float):
                found = inner[key].value
                return f"{found:g}" if isinstance(found, float) else str(found)
    return inner if isinstance(inner, str) else str(index)


def _changes(path: str, keys: tuple[str, ...], value: PropertyValue) -> Iterator[_Change]:
    """Yield each weakening of a value or of what it holds."""
    inner = value.value
    yield _Change(path, "is removed", keys, None, *_all_lost(inner))
    for what, weak in _weaker(path, value):
        yield _Change(path, what, keys, weak)
    if isinstance(inner, Mapping):
        for key, item in inner.items():
            for found in _changes(f"{path}.{key}", (*keys, key), item):
                rest = {name: other for name, other in inner.items() if name != key}
                yield replace(found, value=value.with_value(_put(rest, key, found.value)))
    elif isinstance(inner, tuple) and inner:
        yield _Change(path, "is emptied", keys, value.with_value([]), *_all_lost(inner))
        for index, item in enumerate(inner):
            for found in _changes(f"{path}({_label(item, index)})", keys, item):
                others = [*inner[:index], *([found.value] if found.value else []), *inner[index + 1 :]]
                # An element is dropped where it is the change itself, not something that it holds.
                dropped = found.value is None
                loss = (len(inner), (index,)) if dropped else (found.size, found.lost)
                what = "is dropped" if dropped else found.what
                yield replace(found, value=value.with_value(others), size=loss[0], lost=loss[1], what=what)


def _all_lost(inner: object) -> tuple[int, tuple[int, ...]]:
    return (len(inner), tuple(range(len(inner)))) if isinstance(inner, tuple) else (0, ())


def _put(rest: Mapping[str, PropertyValue], key: str, value: PropertyValue | None) -> dict[str, PropertyValue]:
    return dict(rest) if value is None else {**rest, key: value}


def _type(urn: str) -> str:
    return urn.split("::")[2].rpartition("$")[2]


def _still_used(urns: Sequence[str], size: int, lost: Sequence[int]) -> tuple[str, ...]:
    """Return what a property still refers to when its list of `size` has lost some elements.

    Elements and resources are matched where just one type of resource is referred to as often as the list is long.
    """
    by_type: dict[str, list[str]] = defaultdict(list)
    for urn in urns:
        by_type[_type(urn)].append(urn)
    alike = [found for found in by_type.values() if len(found) == size]
    gone = {alike[0][index] for index in lost} if len(alike) == 1 else set()
    return tuple(urn for urn in urns if urn not in gone)


def _without_key(found: Registration, key: str) -> Registration:
    return replace(
        found,
        inputs={name: value for name, value in found.inputs.items() if name != key},
        property_dependencies={name: urns for name, urns in found.property_dependencies.items() if name != key},
    )


def _changed(found: Registration, key: str, change: _Change) -> Registration:
    if change.value is None:
        return _without_key(found, key)
    urns = found.property_dependencies.get(key, ())
    return replace(
        found,
        inputs={**found.inputs, key: change.value},
        property_dependencies={**found.property_dependencies, key: _still_used(urns, change.size, change.lost)},
    )


def _not_made(found: Registration, registrations: Sequence[Registration]) -> tuple[dict[str, Registration | None], str]:
    """Return the stack without a resource and without what was made from it alone, and which input can't be without."""
    changes: dict[str, Registration | None] = {found.urn: None}
    refused = ""
    for other in registrations:
        for key, urns in other.property_dependencies.items():
            if found.urn not in urns:
                continue
            user = changes.get(other.urn) or other
            if len(urns) == 1:
                changes[other.urn] = _without_key(user, key)
                if required(other.type, (key,)):
                    refused = f"{other.type.rpartition(':')[2]}.{key} needs it"
            else:
                left = tuple(urn for urn in urns if urn != found.urn)
                items = user.inputs[key].value if key in user.inputs else None
                inputs = dict(user.inputs)
                if isinstance(items, tuple) and len(items) == len(urns):
                    inputs[key] = inputs[key].with_value(list(items[1:]))
                changes[other.urn] = replace(
                    user, inputs=inputs, property_dependencies={**user.property_dependencies, key: left}
                )
    return changes, refused


_REQUIRED: Final = "pulumi_aws or the provider requires it"


def mutations(registrations: Sequence[Registration]) -> Iterator[Mutation]:
    """Yield every weakening of every resource."""
    for found in registrations:
        if not found.custom or not found.type.startswith("aws:"):
            continue
        kind = found.type.removeprefix("aws:")
        changes, refused = _not_made(found, registrations)
        yield Mutation(kind, "is not made", found.urn, changes, refused)
        for key, value in found.inputs.items():
            if key in ("tags", "tagsAll"):
                continue
            for change in _changes(f"{kind}.{key}", (key,), value):
                gone = change.what == "is removed" and required(found.type, change.keys)
                yield Mutation(
                    change.path,
                    change.what,
                    found.urn,
                    {found.urn: _changed(found, key, change)},
                    _REQUIRED if gone else "",
                )
        if found.protect:
            unprotected = {found.urn: replace(found, protect=False)}
            yield Mutation(f"{kind}.options.protect", "true becomes false", found.urn, unprotected)
        for addition in ADDED.get(kind, ()):
            inputs = {**found.inputs, **typed(addition)}
            what = f"gets {json.dumps(addition, sort_keys=True)}"
            yield Mutation(kind, what, found.urn, {found.urn: replace(found, inputs=inputs)})
