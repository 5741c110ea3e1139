"""Calls to a Pulumi provider in this process, from any thread, with what Pulumi's engine sees to around them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, runtime_checkable

from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.provider.experimental.provider import (
    CheckRequest,
    CreateRequest,
    DeleteRequest,
    DiffRequest,
    InvokeRequest,
    Provider,
    ReadRequest,
    UpdateRequest,
)

from prod_infra.deployment.embedded.resource_state import ResourceState
from prod_infra.deployment.property_paths import contains, parse, with_secrets, with_secrets_of, without_secrets
from prod_infra.errors import DeploymentError, ProdInfraError
from prod_infra.properties import Values, plain

_T = TypeVar("_T")


@runtime_checkable
class Recovers(Protocol):
    """What a provider may have besides Pulumi's methods, so that a killed create leaves nothing behind."""

    async def recover(self, urn: str, inputs: Values) -> str | None:
        """Return the ID of what a create with exactly these checked inputs made, or None if there is no such thing."""


class StepError(ProdInfraError):
    """A provider could not do a step.

    Attributes:
        made: the resource, where the provider made it and then could not finish it.
    """

    def __init__(self, message: str, made: tuple[str, Values] | None = None) -> None:
        self.made = made
        super().__init__(message)


@dataclass(frozen=True, kw_only=True)
class Difference:
    """What a provider says to new inputs.

    Attributes:
        changed: whether anything must be done.
        keys: top-level properties that differ; empty where the provider did not say.
        replaces: paths of properties that AWS can't change in place.
        delete_before_replace: whether the old one must go first.
    """

    changed: bool
    keys: frozenset[str]
    replaces: frozenset[str]
    delete_before_replace: bool


class Providers:
    """The providers of a deployment.

    Args:
        providers: provider by package name: `aws`, `random`.
    """

    def __init__(self, providers: Mapping[str, Provider]) -> None:
        self._providers = providers
        # A new event loop for each call would cost more than the call; each is used by one thread at a time.
        self._loops: list[asyncio.AbstractEventLoop] = []

    def close(self) -> None:
        """Give back what calls have left open; the next call opens it again."""
        while self._loops:
            self._loops.pop().close()

    def of(self, token: str) -> Provider:
        """Return the provider of a type or function token.

        Raises:
            ProdInfraError: there is none for its package.
        """
        package = token.partition(":")[0]
        if package not in self._providers:
            raise ProdInfraError(
                f"No provider here knows {token}.",
                hint=f"use the packages {', '.join(sorted(self._providers))}, or deploy with the Pulumi CLI",
            )
        return self._providers[package]

    def _call(self, call: Coroutine[Any, Any, _T], *values: Values) -> _T:
        try:
            loop = self._loops.pop()
        except IndexError:
            loop = asyncio.new_event_loop()
        try:
            return loop.run_until_complete(call)
        except (Exception, asyncio.CancelledError, SystemExit) as error:  # noqa: BLE001  any failure is the step's
            said = str(error) if isinstance(error, ProdInfraError) else f"{type(error).__name__}: {error}"
            # A provider that made the resource before it failed says so by these attributes of its error.
            made_id, properties = getattr(error, "resource_id", None), getattr(error, "properties", None)
            made = (made_id, properties) if made_id and isinstance(properties, Mapping) else None
            # The cause is cut off: a client's own error may hold what was sent, secrets too.
            raise StepError(without_secrets(said, *values), made) from None
        finally:
            self._loops.append(loop)

    def check(self, urn: str, token: str, old: Values, new: Values) -> tuple[dict[str, PropertyValue], list[str]]:
        """Return the inputs with defaults and names filled in, and every fault found, each a sentence."""
        request = CheckRequest(urn, dict(old), dict(new), os.urandom(32))
        response = self._call(self.of(token).check(request), new)
        faults = [f"{failure.property}: {failure.reason}".removeprefix(": ") for failure in response.failures or ()]
        inputs = new if response.inputs is None else response.inputs
        return with_secrets_of(inputs, new), [without_secrets(fault, new) for fault in faults]

    def diff(
        self, old: ResourceState, new: Values, ignore_changes: Sequence[str], replace_on_changes: Sequence[str]
    ) -> Difference:
        """Return what the new inputs would change."""
        request = DiffRequest(old.urn, old.id, dict(old.outputs), dict(new), list(ignore_changes))
        response = self._call(self.of(old.type).diff(request), old.inputs, old.outputs, new)
        changed = response.changes
        if changed is None:
            changed = bool(response.diffs or response.replaces) or plain(old.inputs) != plain(new)
        detailed = response.detailed_diff
        paths = {*response.diffs, *response.replaces, *detailed}
        replaces = {
            *response.replaces,
            *(path for path, found in detailed.items() if found.kind.name.endswith("REPLACE")),
        }
        patterns = [parse(path) for path in replace_on_changes]
        replaces |= {path for path in paths if any(contains(pattern, parse(path)) for pattern in patterns)}
        return Difference(
            changed=changed,
            keys=frozenset(str(parse(path)[0]) for path in paths),
            replaces=frozenset(replaces) if changed else frozenset(),
            delete_before_replace=response.delete_before_replace,
        )

    def _outputs(self, resource: ResourceState, outputs: Values) -> dict[str, PropertyValue]:
        return with_secrets(outputs, resource.inputs, resource.additional_secret_outputs)

    def create(self, resource: ResourceState, timeout: float) -> tuple[str, dict[str, PropertyValue]]:
        """Make the resource from its inputs; returns its ID and outputs."""
        request = CreateRequest(resource.urn, dict(resource.inputs), timeout, preview=False)
        try:
            response = self._call(self.of(resource.type).create(request), resource.inputs)
        except StepError as error:
            if error.made:
                error.made = (error.made[0], self._outputs(resource, error.made[1]))
            raise
        if not response.resource_id:
            raise StepError("the provider returned no ID")
        return response.resource_id, self._outputs(resource, response.properties)

    def update(self, old: ResourceState, new: ResourceState, timeout: float) -> dict[str, PropertyValue]:
        """Bring the resource from its old state to the new inputs; returns its outputs."""
        request = UpdateRequest(
            new.urn, old.id, dict(old.outputs), dict(new.inputs), timeout, list(new.ignore_changes), preview=False
        )
        response = self._call(self.of(new.type).update(request), old.outputs, new.inputs)
        return self._outputs(new, response.properties)

    def read(self, resource: ResourceState) -> tuple[str, dict[str, PropertyValue], dict[str, PropertyValue]] | None:
        """Return ID, outputs and inputs as AWS has them now, or None if the resource is gone."""
        request = ReadRequest(resource.urn, resource.id, dict(resource.outputs), dict(resource.inputs))
        response = self._call(self.of(resource.type).read(request), resource.inputs, resource.outputs)
        if not response.resource_id:
            return None
        inputs = with_secrets_of(response.inputs or resource.inputs, resource.inputs)
        outputs = self._outputs(resource, with_secrets_of(response.properties, resource.outputs))
        return response.resource_id, outputs, inputs

    def delete(self, resource: ResourceState, timeout: float) -> None:
        """Delete the resource."""
        request = DeleteRequest(resource.urn, resource.id, dict(resource.outputs), timeout)
        self._call(self.of(resource.type).delete(request), resource.inputs, resource.outputs)

    def recover(self, resource: ResourceState) -> str | None:
        """Return the ID of what an interrupted create made, or None: it made nothing, or nobody can say."""
        provider = self.of(resource.type)
        if not isinstance(provider, Recovers):
            return None
        return self._call(provider.recover(resource.urn, resource.inputs), resource.inputs)

    def can_recover(self, resource: ResourceState) -> bool:
        """Return whether the resource's provider can look for what an interrupted create made."""
        return isinstance(self.of(resource.type), Recovers)

    def invoke(self, token: str, args: Values) -> tuple[dict[str, PropertyValue], list[tuple[str, str]]]:
        """Return a lookup's answer, and the arguments it refuses with the reasons.

        Raises:
            DeploymentError: the lookup failed.
        """
        try:
            response = self._call(self.of(token).invoke(InvokeRequest(token, dict(args))), args)
        except StepError as error:
            raise DeploymentError(f"The lookup {token} failed: {error.message}") from None
        return dict(response.return_value or {}), [(fault.property, fault.reason) for fault in response.failures]
