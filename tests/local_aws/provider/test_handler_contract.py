"""What holds for every handler."""

from __future__ import annotations

import importlib
import inspect
import re
from functools import cache
from typing import Any

import pulumi
import pytest

from prod_infra.local_aws.provider.handler import Handler
from prod_infra.local_aws.provider.random_provider import RANDOM_HANDLERS
from prod_infra.local_aws.provider.registry import AWS_HANDLERS

HANDLERS = sorted([*AWS_HANDLERS.values(), *RANDOM_HANDLERS.values()], key=lambda handler: handler.token)

every_handler = pytest.mark.parametrize("handler", HANDLERS, ids=lambda handler: handler.token)


@cache
def resource_class(token: str) -> Any:
    """Return the Python class of a type token: `aws:ec2/vpcEndpoint:VpcEndpoint` is pulumi_aws.ec2.VpcEndpoint."""
    package, module, name = token.split(":")
    folder = module.partition("/")[0]
    place = f"pulumi_{package}" if folder == "index" else f"pulumi_{package}.{folder}"
    return getattr(importlib.import_module(place), name)


def camel(name: str) -> str:
    """Return Pulumi's name of a Python property."""
    return re.sub(r"_([a-z0-9])", lambda match: match[1].upper(), name)


def inputs_of(token: str) -> set[str]:
    """Return every input of a resource type, as Pulumi spells it."""
    parameters = inspect.signature(resource_class(token)._internal_init).parameters
    return {camel(name) for name in parameters} - {"_Self_", "resourceName", "opts", "_Props_"}


def outputs_of(token: str) -> set[str]:
    """Return every property of a resource type, as Pulumi spells it."""
    return {camel(name) for name, value in inspect.getmembers(resource_class(token)) if isinstance(value, property)}


def test_tokens_are_unique() -> None:
    """No two handlers share a type."""
    assert len({handler.token for handler in HANDLERS}) == len(HANDLERS)


@every_handler
def test_token_is_pulumis(handler: type[Handler]) -> None:
    """Each token belongs to a resource of Pulumi's package."""
    assert issubclass(resource_class(handler.token), pulumi.CustomResource)


@every_handler
def test_inputs_are_pulumis(handler: type[Handler]) -> None:
    """Each declared input exists in Pulumi's class; region is the provider's own business."""
    assert handler.inputs <= inputs_of(handler.token)
    assert handler.regional == ("region" in inputs_of(handler.token))


@every_handler
def test_outputs_are_pulumis(handler: type[Handler]) -> None:
    """Each declared output exists in Pulumi's class."""
    assert {name for name in handler.outputs if "." not in name} <= outputs_of(handler.token)
    assert handler.secret_outputs <= handler.inputs | handler.outputs


@every_handler
def test_facts_speak_of_inputs(handler: type[Handler]) -> None:
    """What a handler says about inputs is about inputs that it has."""
    facts = {
        *handler.replace_on,
        *handler.defaults,
        *handler.when_absent,
        *handler.json_inputs,
        *handler.write_only,
        *handler.set_inputs,
        *handler.nested_inputs,
        *(name for name in handler.outputs if "." in name),
    }
    assert {name.partition(".")[0] for name in facts} <= handler.inputs
    if handler.auto_name:
        assert handler.auto_name.property in handler.inputs


@every_handler
def test_what_can_change_in_place_has_an_update(handler: type[Handler]) -> None:
    """A handler without update replaces on every input but those that AWS never sees."""
    if handler.update is Handler.update:
        assert handler.inputs - handler.write_only <= handler.replace_on


@every_handler
def test_what_is_documented(handler: type[Handler]) -> None:
    """Each handler and its methods say what they do."""
    for member in (handler, handler.create, handler.read, handler.delete):
        assert inspect.getdoc(member)
