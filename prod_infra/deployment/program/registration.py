"""What a program registers, resource by resource: people's inventory, the gate's and the graph's input."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from prod_infra.properties import Values


@dataclass(frozen=True, kw_only=True)
class Registration:
    """One `RegisterResource` call of a program, as the engine received it.

    Attributes:
        urn: `urn:pulumi:<stack>::<project>::<parent types$type>::<name>`.
        type: type token.
        name: logical name.
        custom: True for what a provider manages, False for components and the stack.
        parent: URN of the parent; empty for the stack itself.
        inputs: typed values, with secrets and unknowns; mask them before anyone sees them.
        dependencies: URNs of every resource it needs first.
        property_dependencies: URNs by input property; they link resources while IDs are unknown.
        deleted_with: URN of the resource whose deletion takes this one along; empty for none.
        replace_with: URNs of resources whose replacement replaces this one too.
        outputs: what `register_outputs` was given: a component's outputs, the stack's exports.
        source: `file:line` of the call in the user's or the library's code; empty where Pulumi did not say.
    """

    urn: str
    type: str
    name: str
    custom: bool
    parent: str = ""
    inputs: Values = field(default_factory=dict)
    dependencies: tuple[str, ...] = ()
    property_dependencies: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    provider: str = ""
    protect: bool = False
    retain_on_delete: bool = False
    delete_before_replace: bool | None = None
    ignore_changes: tuple[str, ...] = ()
    replace_on_changes: tuple[str, ...] = ()
    additional_secret_outputs: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    deleted_with: str = ""
    replace_with: tuple[str, ...] = ()
    outputs: Values = field(default_factory=dict)
    source: str = ""
