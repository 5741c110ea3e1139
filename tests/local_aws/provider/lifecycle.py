"""One resource through its whole life, over Pulumi's provider interface, as an engine would lead it."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from typing import Any

from pulumi.provider.experimental import provider as rpc

from prod_infra.local_aws.clients import Clients
from prod_infra.local_aws.provider.provider import LocalAwsProvider
from prod_infra.properties import Props, plain, typed


class Resource:
    """One resource of a program, and what the engine remembers of it.

    Args:
        clients: the local AWS.
        token: type token.
        name: logical name.
        provider: another provider than the local aws.
    """

    def __init__(self, clients: Clients, token: str, name: str = "thing", provider: rpc.Provider | None = None) -> None:
        self.provider = provider or LocalAwsProvider(clients)
        self.token = token
        self.urn = f"urn:pulumi:prod::prod-infra::{token}::{name}"
        self.id = ""
        self.inputs: dict[str, Any] = {}
        self.typed_state: dict[str, Any] = {}

    @property
    def state(self) -> Props:
        """The state in plain values."""
        return plain(self.typed_state)

    def check(self, inputs: Mapping[str, Any], secrets: Collection[str] = ()) -> dict[str, str]:
        """Check the inputs and keep them; return the failures by property."""
        answer = asyncio.run(
            self.provider.check(rpc.CheckRequest(self.urn, self.inputs, typed(inputs, secrets), b"seed"))
        )
        self.inputs = answer.inputs or {}
        return {failure.property: failure.reason for failure in answer.failures or ()}

    def preview(self) -> Props:
        """Return what the engine would show before a create."""
        return plain(
            asyncio.run(self.provider.create(rpc.CreateRequest(self.urn, self.inputs, 0, preview=True))).properties
        )

    def create(self) -> str:
        """Create the resource from the checked inputs."""
        answer = asyncio.run(self.provider.create(rpc.CreateRequest(self.urn, self.inputs, 0, preview=False)))
        self.id, self.typed_state = answer.resource_id or "", answer.properties
        return self.id

    def read(self) -> Props | None:
        """Return what AWS says now, or None if it is gone; the state stays as it was."""
        answer = asyncio.run(self.provider.read(rpc.ReadRequest(self.urn, self.id, self.typed_state, self.inputs)))
        return plain(answer.properties) if answer.resource_id else None

    def diff(self, ignore: Collection[str] = ()) -> rpc.DiffResponse:
        """Compare the checked inputs with the state."""
        return asyncio.run(
            self.provider.diff(rpc.DiffRequest(self.urn, self.id, self.typed_state, self.inputs, list(ignore)))
        )

    def update(self, ignore: Collection[str] = ()) -> Props:
        """Bring the resource to the checked inputs; return its state."""
        answer = asyncio.run(
            self.provider.update(
                rpc.UpdateRequest(self.urn, self.id, self.typed_state, self.inputs, 0, list(ignore), preview=False)
            )
        )
        self.typed_state = answer.properties
        return self.state

    def delete(self) -> None:
        """Delete the resource."""
        asyncio.run(self.provider.delete(rpc.DeleteRequest(self.urn, self.id, self.typed_state, 0)))

    def recover(self) -> str | None:
        """Return the ID that a kill right after the create would have lost."""
        assert isinstance(self.provider, LocalAwsProvider)
        return asyncio.run(self.provider.recover(self.urn, self.inputs))


def made(clients: Clients, token: str, inputs: Mapping[str, Any], name: str = "thing") -> Resource:
    """Return a resource that a test needs, created."""
    resource = Resource(clients, token, name)
    assert resource.check(inputs) == {}
    resource.create()
    return resource


def run_lifecycle(
    clients: Clients,
    token: str,
    inputs: Mapping[str, Any],
    *updates: Mapping[str, Any],
    secrets: Collection[str] = (),
    findable: bool = True,
    vanishes: bool = True,
) -> Props:
    """Lead a resource through check, preview, create, read, no change, each update, delete, and gone.

    Args:
        clients: the local AWS.
        token: type token.
        inputs: the first inputs.
        updates: complete inputs of each update; each must change something, in place.
        secrets: the inputs that are secret.
        findable: whether `recover` finds it by its inputs.
        vanishes: whether AWS no longer knows it after the delete; False for what AWS keeps.

    Returns:
        The state before the delete.
    """
    resource = Resource(clients, token)
    assert resource.check(inputs, secrets) == {}
    previewed = resource.preview()
    resource.create()
    handler = resource.provider.handlers[token]  # type: ignore[attr-defined]
    assert resource.id
    assert {name for name in handler.outputs if "." not in name} <= previewed.keys(), "a preview shows every output"
    assert resource.state.keys() - handler.inputs - handler.outputs <= {"id", "region"}, "only declared properties"
    assert resource.read() == resource.state, "a read right after the create says the same"
    assert not resource.diff().changes, f"no change right after the create: {resource.diff().detailed_diff.keys()}"
    if findable:
        assert resource.recover() == resource.id, "a killed create is found again"
    for update in updates:
        assert resource.check(update, secrets) == {}
        difference = resource.diff()
        assert difference.changes, "the update changes something"
        assert not difference.replaces, "in place"
        resource.update()
        assert resource.read() == resource.state, "a read right after the update says the same"
        assert not resource.diff().changes, f"no change after the update: {resource.diff().detailed_diff.keys()}"
    last = resource.state
    resource.delete()
    if vanishes:
        assert resource.read() is None
        if findable:
            assert resource.recover() is None
    resource.delete()  # once more: what is gone is no error
    return last
