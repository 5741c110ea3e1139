"""Small checks that rules are made of.

A check takes a resource's properties and yields one sentence for each fault; none means pass. Reading what AWS has
yet to decide raises the SDK's `UnknownValueError`, which the guard turns into an undecided verdict. Sentences show
expectations, and of what was found only booleans and numbers: any string may be a secret that the SDK has unwrapped.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, Final

from pulumi_policy.proxy import UnknownValueError

Props = Mapping[str, Any]
Check = Callable[[Props], Iterator[str]]

MISSING: Final = object()
"""What a path leads to where a key is absent or null."""


def given(props: Props, key: str) -> bool:
    """Whether `key` is there, without reading its value: an unknown counts as given."""
    return key in list(props)


def read(props: Props, path: str) -> Iterator[tuple[str, Any]]:
    """Yield `(path, value)` for each value that `path` leads to.

    Args:
        props: the properties.
        path: keys joined by dots; `[]` after a key means each item of its list: `origins[].domainName`.
    """
    key, _, rest = path.partition(".")
    name = key.removesuffix("[]")
    value = props[name] if given(props, name) else None
    if value is None:
        yield name, MISSING
    elif key.endswith("[]"):
        for index in range(len(value)):
            yield from _below(value[index], f"{name}[{index}]", rest)
    else:
        yield from _below(value, name, rest)


def _below(value: Any, shown: str, rest: str) -> Iterator[tuple[str, Any]]:
    if not rest:
        yield shown, value
    elif isinstance(value, Mapping):
        for path, found in read(value, rest):
            yield f"{shown}.{path}", found
    else:
        yield shown, MISSING


def show(value: Any) -> str:
    """Return an expectation, a boolean or a number as a reader writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def found(value: Any) -> str:
    """Say what was found; never a string, because any string may be a secret."""
    if value is MISSING:
        return "is absent"
    if isinstance(value, bool | int | float):
        return f"is {show(value)}"
    return "is something else"


def satisfies(path: str, holds: Callable[[Any], bool], must: str, *, absent_ok: bool = False) -> Check:
    """Return the check that every value at `path` satisfies `holds`; `must` ends the sentence "it must …"."""

    def check(props: Props) -> Iterator[str]:
        for shown, value in read(props, path):
            if value is MISSING and absent_ok:
                continue
            if value is MISSING or not holds(value):
                yield f"{shown} {found(value)}; it must {must}"

    return check


def equals(path: str, expected: Any, *, absent_ok: bool = False) -> Check:
    """Return the check that every value at `path` equals `expected`; 14.0 equals 14."""
    return satisfies(path, lambda value: value == expected, f"be {show(expected)}", absent_ok=absent_ok)


def one_of(path: str, allowed: Collection[Any], *, absent_ok: bool = False) -> Check:
    """Return the check that every value at `path` is one of `allowed`."""
    choices = " or ".join(show(choice) for choice in allowed)
    return satisfies(path, lambda value: value in allowed, f"be {choices}", absent_ok=absent_ok)


def number(value: Any) -> float | None:
    """Return a number or a numeral as a float, None for what is neither."""
    if isinstance(value, bool):
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def at_least(path: str, floor: float, *, absent_ok: bool = False) -> Check:
    """Return the check that every value at `path` is a number of at least `floor`."""

    def holds(value: Any) -> bool:
        amount = number(value)
        return amount is not None and amount >= floor

    return satisfies(path, holds, f"be at least {show(floor)}", absent_ok=absent_ok)


def at_most(path: str, ceiling: float, *, absent_ok: bool = False) -> Check:
    """Return the check that every value at `path` is a number of at most `ceiling`."""

    def holds(value: Any) -> bool:
        amount = number(value)
        return amount is not None and amount <= ceiling

    return satisfies(path, holds, f"be at most {show(ceiling)}", absent_ok=absent_ok)


def holds_all(path: str, expected: Sequence[str]) -> Check:
    """Return the check that the list at `path` holds all of `expected`."""

    def check(props: Props) -> Iterator[str]:
        for shown, value in read(props, path):
            held = [] if value is MISSING else list(value)
            missing = [item for item in expected if item not in held]
            if missing:
                yield f"{shown} lacks {' and '.join(missing)}"

    return check


def only(path: str, allowed: Collection[str]) -> Check:
    """Return the check that the list at `path` is there, is not empty and holds nothing but `allowed`."""
    return satisfies(
        path,
        lambda value: len(value) > 0 and all(item in allowed for item in list(value)),
        f"hold only {' and '.join(allowed)}",
    )


def present(path: str) -> Check:
    """Return the check that `path` leads to something that is not empty; an unknown counts as something."""
    parent, _, key = path.rpartition(".")

    def there(value: Any) -> bool:
        if not isinstance(value, Mapping) or not given(value, key):
            return False
        try:
            return bool(value[key])
        except UnknownValueError:
            return True

    def check(props: Props) -> Iterator[str]:
        for shown, value in read(props, parent) if parent else (("", props),):
            if not there(value):
                yield f"{shown}.{key} is absent; it must be given".lstrip(".")

    return check


def starts_with(path: str, prefix: str) -> Check:
    """Return the check that the string at `path` starts with `prefix`."""
    return satisfies(path, lambda value: str(value).startswith(prefix), f"start with {prefix}")


def empty(path: str) -> Check:
    """Return the check that the list at `path` holds nothing."""
    return satisfies(path, lambda value: len(value) == 0, "be empty", absent_ok=True)


def all_of(*checks: Check) -> Check:
    """Return the check that all of `checks` pass; one that meets an unknown doesn't hide the faults of the others."""

    def check(props: Props) -> Iterator[str]:
        unknown: UnknownValueError | None = None
        for one in checks:
            try:
                yield from one(props)
            except UnknownValueError as met:
                unknown = unknown or met
        if unknown is not None:
            raise unknown

    return check


def any_of(*checks: Check) -> Check:
    """Return the check that at least one of `checks` passes; its faults are those of the first."""

    def check(props: Props) -> Iterator[str]:
        unknown: UnknownValueError | None = None
        faults: list[str] = []
        for one in checks:
            try:
                those = list(one(props))
            except UnknownValueError as met:
                unknown = unknown or met
                continue
            if not those:
                return
            faults = faults or those
        if unknown is not None:
            raise unknown
        yield from faults

    return check


def unless(path: str, values: Collection[Any], check: Check) -> Check:
    """Return `check` for resources whose value at `path` is none of `values`."""

    def limited(props: Props) -> Iterator[str]:
        if all(value not in values for _, value in read(props, path)):
            yield from check(props)

    return limited


def each(path: str, check: Check) -> Check:
    """Return the check that every object in the list at `path` passes `check`."""

    def over(props: Props) -> Iterator[str]:
        unknown: UnknownValueError | None = None
        for shown, value in read(props, f"{path}[]"):
            if value is MISSING:
                continue
            try:
                for fault in check(value):
                    yield f"{shown}.{fault}"
            except UnknownValueError as met:
                unknown = unknown or met
        if unknown is not None:
            raise unknown

    return over
