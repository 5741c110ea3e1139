"""What several handlers need: tags, key cases, JSON, absence, and waiting with a bound."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from botocore.exceptions import ClientError

from prod_infra.errors import ProdInfraError
from prod_infra.properties import Props

_T = TypeVar("_T")


def tag_list(tags: Mapping[str, str] | None, key: str = "Key", value: str = "Value") -> list[dict[str, str]]:
    """Return tags as AWS takes them: one `{key: …, value: …}` a tag."""
    return [{key: name, value: text} for name, text in (tags or {}).items()]


def tags_of(items: Iterable[Mapping[str, str]] | None, key: str = "Key", value: str = "Value") -> dict[str, str]:
    """Return tags as Pulumi has them; AWS's own `aws:` tags left out, as pulumi-aws does."""
    return {item[key]: item.get(value, "") for item in items or () if not item[key].startswith("aws:")}


def tag_state(tags: Mapping[str, str]) -> Props:
    """Return the two properties in which pulumi-aws shows a resource's tags."""
    return {"tags": dict(tags), "tagsAll": dict(tags)}


def tag_changes(old: Mapping[str, str] | None, new: Mapping[str, str] | None) -> tuple[dict[str, str], list[str]]:
    """Return the tags to set and the keys to remove to get from old to new."""
    before, after = old or {}, new or {}
    return (
        {name: text for name, text in after.items() if before.get(name) != text},
        [name for name in before if name not in after],
    )


def compact(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values without those that are None: boto3 takes absence, never None."""
    return {key: value for key, value in values.items() if value is not None}


def _renamed(value: Any, rename: Callable[[str], str]) -> Any:
    if isinstance(value, Mapping):
        return {rename(key): _renamed(item, rename) for key, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [_renamed(item, rename) for item in value]
    return value


def pascal(value: Any) -> Any:
    """Return a structure with its keys' first letter in upper case, all levels, None left out."""
    return _renamed(value, lambda key: key[:1].upper() + key[1:])


def camel(value: Any) -> Any:
    """Return a structure with its keys' first letter in lower case, all levels, None left out."""
    return _renamed(value, lambda key: key[:1].lower() + key[1:])


def json_text(document: Any) -> str:
    """Return a JSON document as text; text that is one already stays as it is."""
    return document if isinstance(document, str) else json.dumps(document)


def error_code(error: ClientError) -> str:
    """Return AWS's code of an error, such as `NoSuchBucket`."""
    return str(error.response.get("Error", {}).get("Code", ""))


@contextlib.contextmanager
def absent_is_fine(*codes: str) -> Iterator[None]:
    """Swallow the errors with which AWS says that the resource is not there."""
    try:
        yield
    except ClientError as error:
        if error_code(error) not in codes:
            raise


def found(call: Callable[[], _T], *codes: str) -> _T | None:
    """Return what the call returns, or None where AWS answers with one of the codes."""
    with absent_is_fine(*codes):
        return call()
    return None


def wait_until(what: str, done: Callable[[], bool], *, seconds: float = 600.0, pause: float = 0.1) -> None:
    """Ask until `done` is true; the pause grows up to 5 s.

    Args:
        what: the condition in words, such as `cluster "docdb" is available`.
        done: asks AWS; its errors pass through.
        seconds: the bound.
        pause: seconds before the second question.

    Raises:
        ProdInfraError: the bound passed first.
    """
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() >= deadline:
            raise ProdInfraError(
                f"AWS did not get to where {what} within {seconds:g} s.",
                hint="look at the resource in AWS; the next `up` goes on from what the state holds",
            )
        time.sleep(pause)
        pause = min(pause * 1.5, 5.0)
