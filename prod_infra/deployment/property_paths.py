"""Pulumi's property paths (`tags.Name`, `ingress[0].fromPort`, `rules[*].tags`) and what is done along them."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from pulumi.provider.experimental.property_value import PropertyValue

from prod_infra.deployment.engine import PropertyChange
from prod_infra.errors import InvalidInputError
from prod_infra.properties import SECRET_MASK, Values, masked, plain

Path = tuple[str | int, ...]

_STEP: Final = re.compile(r'\.*(?:\[(?:"((?:\\"|\\(?!")|[^"\\])*)"|([+-]?\d+)|(\*))\]|([^.\[]+))')
_ABSENT: Final = object()


def parse(path: str) -> Path:
    """Return the steps of a path: names, indices, and `*` for every element.

    https://www.pulumi.com/docs/iac/concepts/resources/options/ignorechanges/

    Raises:
        InvalidInputError: it is no path for Pulumi's engine either.
    """
    steps: list[str | int] = []
    end = 0
    while end < len(path):
        found = None if path[0] == "." else _STEP.match(path, end)
        if found is None:
            raise InvalidInputError(
                "A property path can't be read",
                [f"{path!r} is not understood from {path[end:]!r} on"],
                hint="""write it as in `tags.Name`, `tags["a.b"]`, `ingress[0].fromPort` or `rules[*].tags`""",
            )
        quoted, index, star, name = found.groups()
        steps.append(int(index) if index else quoted.replace('\\"', '"') if quoted is not None else star or name)
        end = found.end()
    return tuple(steps)


def readable(paths: Iterable[str]) -> list[Path]:
    """Return those paths that are any: Pulumi's engine passes over the others in `ignore_changes`."""
    found: list[Path] = []
    for path in paths:
        with contextlib.suppress(InvalidInputError):
            found.append(parse(path))
    return [path for path in found if path]


def text(path: Path) -> str:
    """Return a path as Pulumi writes it."""
    found = ""
    for step in path:
        if isinstance(step, int):
            found += f"[{step}]"
        elif re.fullmatch(r"[^.\[\]\"]+", step):
            found += f".{step}" if found else step
        else:
            escaped = step.replace('"', '\\"')
            found += f'["{escaped}"]'
    return found


def contains(pattern: Path, path: Path) -> bool:
    """Return whether a path lies at or below what a pattern names."""
    return len(pattern) <= len(path) and all(want in ("*", got) for want, got in zip(pattern, path, strict=False))


def _children(value: PropertyValue | None) -> dict[str | int, PropertyValue]:
    inner = value.value if value else None
    if isinstance(inner, Mapping):
        return {key: item for key, item in inner.items()}  # noqa: C416  widens the type of the keys
    return dict(enumerate(inner)) if isinstance(inner, tuple) else {}


def _reset(new: PropertyValue | None, old: PropertyValue | None, path: Path) -> PropertyValue | None:
    if not path:
        return old
    if new is None or not isinstance(new.value, Mapping | tuple):
        return new
    news, olds = _children(new), _children(old)
    is_list = isinstance(new.value, tuple)
    # Elements that were added to or taken from a list stay the program's: Pulumi can't ignore those either.
    steps = (news.keys() & olds.keys() if is_list else news.keys() | olds.keys()) if path[0] == "*" else {path[0]}
    for step in steps:
        if is_list and (step not in news or step not in olds):
            continue
        kept = _reset(news.get(step), olds.get(step), path[1:])
        if kept is None:
            news.pop(step, None)
        else:
            news[step] = kept
    if is_list:
        return new.with_value(list(news.values()))
    return new.with_value({str(key): value for key, value in news.items()})


def ignoring(new: Values, old: Values, paths: Sequence[str]) -> dict[str, PropertyValue]:
    """Return the new values with those at the paths set back to the old ones; absent before means absent now."""
    if not paths:
        return dict(new)
    found: PropertyValue | None = PropertyValue(dict(new))
    for path in readable(paths):
        found = _reset(found, PropertyValue(dict(old)), path)
    inner = found.value if found else None
    return dict(inner) if isinstance(inner, Mapping) else {}


def _leaves(path: Path, old: Any, new: Any, shown: tuple[Any, Any]) -> Iterator[tuple[Path, Any, Any]]:
    if old == new:
        return
    sides: list[dict[Any, Any]] = []
    for kind in (dict, list):
        # Only what both sides let be seen is taken apart: a secret differs as a whole.
        if all(isinstance(item, kind) for item in (old, new, *shown)):
            sides = [dict(enumerate(item)) if isinstance(item, list) else item for item in (old, new, *shown)]
    if not sides:
        before, after = (None if value is _ABSENT else value for value in shown)
        yield path, before, after
        return
    for step in dict.fromkeys([*sides[0], *sides[1]]):
        was, now, *seen = (side.get(step, _ABSENT) for side in sides)
        yield from _leaves((*path, step), was, now, (seen[0], seen[1]))


def changes(old: Values, new: Values, replaces: Collection[str] = ()) -> tuple[PropertyChange, ...]:
    """Return what differs, leaf by leaf, fit to be shown.

    Args:
        old: values before.
        new: values after.
        replaces: paths whose change makes a replacement.
    """
    patterns = [parse(path) for path in replaces]
    found = _leaves((), plain(old), plain(new), (masked(old), masked(new)))
    return tuple(
        PropertyChange(
            path=text(path),
            old=before,
            new=after,
            replaces=any(contains(pattern, path) or contains(path, pattern) for pattern in patterns),
        )
        for path, before, after in found
    )


def with_secrets_of(values: Values, source: Values) -> dict[str, PropertyValue]:
    """Return the values, secret where the same property of the source is: providers may lose the mark.

    As Pulumi's engine does it (`annotateSecrets`): a list is secret as a whole if anything in it is.
    """
    found = dict(values)
    for key, given in source.items():
        value = found.get(key)
        if value is None:
            continue
        if isinstance(value.value, Mapping) and isinstance(given.value, Mapping) and not given.is_secret:
            found[key] = value.with_value(with_secrets_of(value.value, given.value))
        elif given.contains_secret() and not value.is_secret:
            found[key] = value.with_secret(is_secret=True)
    return found


def with_secrets(outputs: Values, inputs: Values, names: Collection[str]) -> dict[str, PropertyValue]:
    """Return a resource's outputs, secret where its inputs are and where the program names them."""
    found = with_secrets_of(outputs, inputs)
    return {key: value.with_secret(is_secret=value.is_secret or key in names) for key, value in found.items()}


def secret_texts(*groups: Values) -> frozenset[str]:
    """Return every text that is, or lies in, a secret."""

    def walk(value: PropertyValue, *, inside: bool) -> Iterator[str]:
        inside = inside or value.is_secret
        if inside and isinstance(value.value, str) and value.value:
            yield value.value
        for child in _children(value).values():
            yield from walk(child, inside=inside)

    return frozenset(found for group in groups for value in group.values() for found in walk(value, inside=False))


def without_secrets(message: str, *groups: Values) -> str:
    """Return the message with every secret of the values masked."""
    for secret in sorted(secret_texts(*groups), key=len, reverse=True):
        message = message.replace(secret, SECRET_MASK)
    return message
