"""What a resource's inputs must be before AWS is asked for anything."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.provider.experimental.provider import CheckFailure

from prod_infra.local_aws.provider.compare import unknown_keys
from prod_infra.local_aws.provider.handler import Handler
from prod_infra.local_aws.provider.naming import auto_name, is_auto_named
from prod_infra.properties import Values, plain, typed


def _nearest(name: str, known: Iterable[str]) -> str:
    close = get_close_matches(name, list(known), n=1)
    return f" The nearest name is {close[0]!r}." if close else ""


def unknown_type(token: str, known: Iterable[str]) -> str:
    """Return the sentence for a resource type that has no handler."""
    return (
        f"The local AWS provider does not know the resource type {token!r}.{_nearest(token, known)} "
        "Correct the type, or add a handler for it in prod_infra/local_aws/provider/handlers."
    )


def check_inputs(
    handler: Handler, name: str, old_inputs: Values, new_inputs: Values, seed: bytes
) -> tuple[dict[str, PropertyValue], list[CheckFailure]]:
    """Return the inputs with defaults and name filled in, and every fault.

    Args:
        handler: the type, with the clients of its region.
        name: the resource's logical name.
        old_inputs: the checked inputs of the last time; empty for a new or replaced resource.
        new_inputs: what the program gave.
        seed: what the automatic name is made from.
    """
    inputs = {key: value for key, value in new_inputs.items() if value.value is not None}
    failures = [
        CheckFailure(
            path,
            f"{handler.token} has no input {path!r} that the local AWS provider would send to AWS."
            f"{_nearest(key, known)} Correct or remove it, or teach it to the type's handler.",
        )
        for path, key, known in unknown_keys(type(handler), plain(inputs))
    ]
    for key, value in typed(handler.defaults).items():
        inputs.setdefault(key, value)
    if handler.auto_name and handler.auto_name.property not in inputs:
        old = old_inputs.get(handler.auto_name.property)
        inputs[handler.auto_name.property] = (
            old
            if old is not None and is_auto_named(name, old.value)
            else PropertyValue(auto_name(name, handler.auto_name, seed))
        )
    failures.extend(CheckFailure(path, reason) for path, reason in handler.faults(plain(inputs)).items())
    return inputs, failures
