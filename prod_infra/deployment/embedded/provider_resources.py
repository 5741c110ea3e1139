"""Providers as resources of the state: the default ones, and those that a program makes itself."""

from __future__ import annotations

import uuid
from typing import Any

from pulumi.provider.experimental.property_value import PropertyValue

from prod_infra.deployment.embedded.resource_state import ResourceState, now
from prod_infra.deployment.embedded.snapshot import Snapshot
from prod_infra.deployment.engine import Program
from prod_infra.deployment.program.monitor import PROVIDER_TYPE, make_urn
from prod_infra.deployment.program.registration import Registration
from prod_infra.errors import InvalidInputError
from prod_infra.properties import plain


def new_id() -> str:
    """Return an ID as Pulumi gives providers."""
    return str(uuid.uuid4())


def is_default_provider(urn: str) -> bool:
    """Return whether it is a provider that no program registered; such are not worth a line to people."""
    _, _, types, name = urn.split("::", 3)
    return types.startswith(PROVIDER_TYPE) and (name == "default" or name.startswith("default_"))


def refuse_difference(goal: Registration, program: Program) -> None:
    """Refuse an explicit provider that is configured differently from the stack: each package has one provider here.

    Raises:
        InvalidInputError: names every property that differs.
    """
    package = goal.type.removeprefix(PROVIDER_TYPE)
    # pulumi-aws sets skip flags by itself; there is nothing here that could be skipped.
    given: dict[str, Any] = {key: value for key, value in plain(goal.inputs).items() if not key.startswith("skip")}
    other = [key for key, value in given.items() if program.config.get(f"{package}:{key}") != value]
    if other:
        raise InvalidInputError(
            f"The explicit provider {goal.name!r} differs from the stack's configuration",
            [f"{package}:{key} can't be set for one provider alone in the embedded engine" for key in other],
            hint="set it in the stack's configuration; for another region, use the resource's own region=",
        )


class DefaultProviders:
    """The providers that Pulumi's engine registers by itself, one a package and version, under the names it gives them.

    Args:
        program: its configuration becomes theirs.
        snapshot: where they go.
    """

    def __init__(self, program: Program, snapshot: Snapshot) -> None:
        self._program = program
        self._snapshot = snapshot
        self._ids: dict[str, str] = {}

    def reference(self, token: str, version: str) -> str:
        """Return `<urn>::<id>` of the default provider for a type; the caller holds the monitor's lock.

        Args:
            token: type token of a resource.
            version: the version of the package that the program uses; may be empty.
        """
        package = token.partition(":")[0]
        name = f"default_{version.replace('.', '_')}" if version else "default"
        urn = make_urn(self._program.stack, self._program.project, "", PROVIDER_TYPE + package, name)
        if urn not in self._ids:
            old = self._snapshot.find(urn)
            self._ids[urn] = old.id if old else new_id()
            inputs = {
                key.removeprefix(f"{package}:"): PropertyValue(value, is_secret=key in self._program.secret_keys)
                for key, value in sorted(self._program.config.items())
                if key.startswith(f"{package}:")
            }
            if version:
                inputs["version"] = PropertyValue(version)
            new = ResourceState(
                urn=urn,
                type=PROVIDER_TYPE + package,
                custom=True,
                id=self._ids[urn],
                inputs=inputs,
                outputs=inputs,
                created=old.created if old else now(),
                modified=old.modified if old else now(),
            )
            self._snapshot.settle(old, new)
        return f"{urn}::{self._ids[urn]}"
