"""Property paths: their text, and what is ignored, compared and masked along them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prod_infra.deployment.property_paths import (
    changes,
    contains,
    ignoring,
    parse,
    text,
    with_secrets_of,
    without_secrets,
)
from prod_infra.properties import masked, plain, typed

STEPS = st.one_of(st.integers(0, 9), st.text("abC-_. \"'", min_size=1).filter(lambda name: "\\" not in name))


@given(st.builds(lambda first, rest: (first, *rest), st.text("abc", min_size=1), st.lists(STEPS)))
def test_a_path_reads_back_as_it_was_written(path: tuple[str | int, ...]) -> None:
    """Names with dots, quotes and blanks too."""
    assert parse(text(path)) == path


@pytest.mark.parametrize(
    ("path", "steps"),
    [
        ("tags", ("tags",)),
        ("tags.Name", ("tags", "Name")),
        ('tags["a.b"]', ("tags", "a.b")),
        ("ingress[0].fromPort", ("ingress", 0, "fromPort")),
        ("rules[*].tags", ("rules", "*", "tags")),
        ("*", ("*",)),
    ],
)
def test_paths_are_pulumis(path: str, steps: tuple[str | int, ...]) -> None:
    """Every form that the documentation of ignore_changes shows."""
    assert parse(path) == steps


def test_a_pattern_contains_what_lies_below_it() -> None:
    """Not what lies above, or beside."""
    assert contains(parse("a[*].b"), parse("a[3].b.c"))
    assert contains(parse("*"), parse("x.y"))
    assert not contains(parse("a[*].b"), parse("a[3]"))
    assert not contains(parse("a[*].b"), parse("a[3].c"))


@pytest.mark.parametrize(
    ("path", "result"),
    [
        ("a", {"a": {"x": 1, "y": 1}, "list": [{"p": 2}, {"p": 2}], "new": 2}),
        ("a.x", {"a": {"x": 1, "y": 2}, "list": [{"p": 2}, {"p": 2}], "new": 2}),
        ("list[*].p", {"a": {"x": 2, "y": 2}, "list": [{"p": 1}, {"p": 2}], "new": 2}),
        ("list[5].p", {"a": {"x": 2, "y": 2}, "list": [{"p": 2}, {"p": 2}], "new": 2}),
        ("new", {"a": {"x": 2, "y": 2}, "list": [{"p": 2}, {"p": 2}]}),
        ("gone", {"a": {"x": 2, "y": 2}, "list": [{"p": 2}, {"p": 2}], "new": 2, "gone": 1}),
        ("a.nothing.deeper", {"a": {"x": 2, "y": 2}, "list": [{"p": 2}, {"p": 2}], "new": 2}),
    ],
)
def test_ignoring_sets_back_exactly_what_the_path_names(path: str, result: dict[str, Any]) -> None:
    """What was absent becomes absent again; list elements that only one side has are the program's."""
    old = typed({"a": {"x": 1, "y": 1}, "list": [{"p": 1}], "gone": 1})
    new = typed({"a": {"x": 2, "y": 2}, "list": [{"p": 2}, {"p": 2}], "new": 2})
    assert plain(ignoring(new, old, [path])) == result


def test_changes_show_no_secret_and_mark_what_replaces() -> None:
    """A secret differs as a whole, even where only a part of it does."""
    old = typed({"s": {"k": "old!!"}, "l": [1, 2], "same": 1}, {"s"})
    new = typed({"s": {"k": "new!!"}, "l": [1], "same": 1}, {"s"})
    found = {(c.path, str(c.old), str(c.new), c.replaces) for c in changes(old, new, ["l"])}
    assert found == {("s", "[secret]", "[secret]", False), ("l[1]", "2", "None", True)}


def test_secretness_lost_by_a_provider_is_put_back() -> None:
    """At the same place in a map; as a whole for lists."""
    given_ = {**typed({"m": {"a": 1, "b": 2}}), **typed({"l": ["x"]}, {"l"}), **typed({"p": "x"}, {"p"})}
    inner = dict(given_["m"].value)  # type: ignore[arg-type]
    given_["m"] = given_["m"].with_value({**inner, "b": inner["b"].with_secret(is_secret=True)})
    found = with_secrets_of(typed({"m": {"a": 1, "b": 2}, "l": ["x"], "p": "x", "q": 1}), given_)
    assert {key for key, value in found.items() if value.contains_secret()} == {"m", "l", "p"}
    assert masked({"m": found["m"]}) == {"m": {"a": 1, "b": "[secret]"}}


def test_messages_lose_every_secret() -> None:
    """Also those inside structures, the longest first."""
    values = typed({"a": {"deep": ["hunter2", "hunter2-long"]}, "open": "seen"}, {"a"})
    assert without_secrets("hunter2-long and hunter2 and seen", values) == "[secret] and [secret] and seen"
