"""One resource as the state holds it, and its form in Pulumi's deployment JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final

from pulumi.provider.experimental.property_value import Computed, PropertyValue

from prod_infra.deployment.program.wire import SECRET, SIGNATURE, UNKNOWN
from prod_infra.properties import Values

Encrypt = Callable[[str], str]
Decrypt = Callable[[str], str]


def now() -> str:
    """Return the time in UTC as Pulumi's state writes it: RFC 3339."""
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


@dataclass(frozen=True, kw_only=True, eq=False)
class ResourceState:
    """A resource of the state; the fields are those of Pulumi's deployment schema, version 3. Compared by identity.

    Attributes:
        inputs: what the provider's check made of the program's inputs.
        outputs: what the provider returned; for a component or the stack, what was registered as its outputs.
        delete: it was replaced, and AWS still holds it.
        external: only looked up; never changed or deleted.
        pending_replacement: it was deleted to be replaced, and the replacement is not there yet.
        init_errors: why it is not finished, where a create failed half way.
        rest: fields of the schema that this engine does not use, kept as they are.
    """

    urn: str
    type: str
    custom: bool
    id: str = ""
    inputs: Values = field(default_factory=dict)
    outputs: Values = field(default_factory=dict)
    parent: str = ""
    protect: bool = False
    external: bool = False
    delete: bool = False
    pending_replacement: bool = False
    provider: str = ""
    dependencies: tuple[str, ...] = ()
    property_dependencies: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    deleted_with: str = ""
    replace_with: tuple[str, ...] = ()
    retain_on_delete: bool = False
    ignore_changes: tuple[str, ...] = ()
    replace_on_changes: tuple[str, ...] = ()
    additional_secret_outputs: tuple[str, ...] = ()
    init_errors: tuple[str, ...] = ()
    source: str = ""
    created: str = ""
    modified: str = ""
    rest: Mapping[str, Any] = field(default_factory=dict)

    @property
    def references(self) -> frozenset[str]:
        """URNs of every resource that must exist as long as this one does."""
        listed = {urn for urns in self.property_dependencies.values() for urn in urns}
        single = {self.parent, self.deleted_with, self.provider.rpartition("::")[0]}
        return frozenset({*self.dependencies, *listed, *single} - {""})

    def renamed(self, old: str, new: str | None) -> ResourceState:
        """Return this resource with its references to one URN moved to another, or dropped."""

        def moved(urns: tuple[str, ...]) -> tuple[str, ...]:
            return tuple(found for urn in urns if (found := new if urn == old else urn) is not None)

        provider_urn, _, provider_id = self.provider.rpartition("::")
        return replace(
            self,
            parent=self.parent if self.parent != old else new or "",
            deleted_with=self.deleted_with if self.deleted_with != old else new or "",
            provider=f"{new}::{provider_id}" if provider_urn == old and new else self.provider,
            dependencies=moved(self.dependencies),
            replace_with=moved(self.replace_with),
            property_dependencies={key: moved(urns) for key, urns in self.property_dependencies.items()},
        )


def _plain_json(value: PropertyValue, encrypt: Encrypt | None) -> Any:
    inner = value.value
    if value.is_secret and encrypt:
        # Secrets inside a secret are part of its ciphertext.
        return {SIGNATURE: SECRET, "ciphertext": encrypt(json.dumps(_plain_json(value, None), separators=(",", ":")))}
    if isinstance(inner, Computed):
        return UNKNOWN
    if isinstance(inner, Mapping):
        return {key: _plain_json(item, encrypt) for key, item in inner.items()}
    if isinstance(inner, tuple):
        return [_plain_json(item, encrypt) for item in inner]
    if isinstance(inner, float) and inner.is_integer():
        return int(inner)
    return inner


def _from_json(value: Any, decrypt: Decrypt) -> PropertyValue:
    if isinstance(value, dict):
        if value.get(SIGNATURE) == SECRET:
            text = decrypt(value["ciphertext"]) if "ciphertext" in value else value["plaintext"]
            return _from_json(json.loads(text), decrypt).with_secret(is_secret=True)
        if SIGNATURE in value:
            raise ValueError("an asset, archive or resource reference, which the embedded engine does not support")
        return PropertyValue({key: _from_json(item, decrypt) for key, item in value.items()})
    if isinstance(value, list):
        return PropertyValue([_from_json(item, decrypt) for item in value])
    if value == UNKNOWN:
        return PropertyValue.computed()
    if isinstance(value, int) and not isinstance(value, bool):
        return PropertyValue(float(value))
    return PropertyValue(value)


# Field of `ResourceState` by key of the JSON, in Pulumi's order; those with values of their own follow below.
_FIELDS: Final = {
    "urn": "urn",
    "custom": "custom",
    "delete": "delete",
    "id": "id",
    "type": "type",
    "parent": "parent",
    "protect": "protect",
    "external": "external",
    "initErrors": "init_errors",
    "provider": "provider",
    "pendingReplacement": "pending_replacement",
    "additionalSecretOutputs": "additional_secret_outputs",
    "retainOnDelete": "retain_on_delete",
    "deletedWith": "deleted_with",
    "replaceWith": "replace_with",
    "created": "created",
    "modified": "modified",
    "sourcePosition": "source",
    "ignoreChanges": "ignore_changes",
    "replaceOnChanges": "replace_on_changes",
    "dependencies": "dependencies",
}
_ALWAYS: Final = frozenset({"urn", "custom", "type"})


def _read(known: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, name in _FIELDS.items():
        if key in known:
            yield name, tuple(known[key]) if isinstance(known[key], list) else known[key]


def to_json(resource: ResourceState, encrypt: Encrypt) -> dict[str, Any]:
    """Return the resource as Pulumi's `ResourceV3`; secrets encrypted, empty fields left out."""
    found: dict[str, Any] = dict(resource.rest)
    for key, name in _FIELDS.items():
        value = getattr(resource, name)
        if value or key in _ALWAYS:
            found[key] = list(value) if isinstance(value, tuple) else value
    for key in ("inputs", "outputs"):
        values: Values = getattr(resource, key)
        if values or resource.custom:
            found[key] = {name: _plain_json(value, encrypt) for name, value in values.items()}
    if resource.property_dependencies:
        found["propertyDependencies"] = {key: list(urns) for key, urns in resource.property_dependencies.items()}
    return found


def from_json(found: Mapping[str, Any], decrypt: Decrypt) -> ResourceState:
    """Return the resource that `to_json`, or the real CLI, wrote.

    Raises:
        KeyError, TypeError, ValueError: it is not one.
        StateError: a secret can't be decrypted.
    """
    own = {*_FIELDS, "inputs", "outputs", "propertyDependencies"}
    return ResourceState(
        **dict(_read(found)),
        inputs={key: _from_json(value, decrypt) for key, value in (found.get("inputs") or {}).items()},
        outputs={key: _from_json(value, decrypt) for key, value in (found.get("outputs") or {}).items()},
        property_dependencies={
            key: tuple(urns or ()) for key, urns in (found.get("propertyDependencies") or {}).items()
        },
        rest={key: value for key, value in found.items() if key not in own},
    )
