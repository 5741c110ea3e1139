"""What the state knows of what a program registers: the same resource, or the one whose place it takes by an alias."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from prod_infra.deployment.embedded.resource_state import ResourceState, now
from prod_infra.deployment.embedded.snapshot import Snapshot
from prod_infra.deployment.program.registration import Registration
from prod_infra.deployment.property_paths import with_secrets
from prod_infra.errors import InvalidInputError
from prod_infra.properties import Values


class FormerStates:
    """Finds the states of a program's resources; ask it once for each, one at a time.

    Args:
        snapshot: the state; a resource that takes another's place is renamed in it.
        registered: URNs of what the program has registered so far.
        aliased: is told, by URN, what the resource was called before.
    """

    def __init__(self, snapshot: Snapshot, registered: Collection[str], aliased: dict[str, str]) -> None:
        self._snapshot = snapshot
        self._registered = registered
        self._aliased = aliased
        self._known = {resource.urn for resource in snapshot.resources if not resource.delete}
        # URN in the state -> URN of the resource that took it over by an alias.
        self._taken: dict[str, str] = {}

    def of(self, goal: Registration) -> ResourceState | None:
        """Return the resource's state, found by its URN or an alias; the alias is taken out of use.

        Raises:
            InvalidInputError: another resource of the program has, or is an alias of, the same state.
        """
        if goal.urn in self._taken:
            raise _taken_twice(goal.urn, goal.urn, self._taken[goal.urn])
        for urn in (goal.urn, *goal.aliases):
            if urn != goal.urn and urn in self._known and (urn in self._taken or urn in self._registered):
                raise _taken_twice(urn, goal.urn, self._taken.get(urn, urn))
            old = self._snapshot.find(urn)
            if old is None:
                continue
            if urn != goal.urn:
                self._aliased[goal.urn] = urn
                self._taken[urn] = goal.urn
                renamed = replace(old, urn=goal.urn)
                self._snapshot.put(old, renamed)
                self._snapshot.rename(urn, goal.urn)
                return self._snapshot.find(goal.urn)
            return old
        return None


def _taken_twice(known: str, *claims: str) -> InvalidInputError:
    return InvalidInputError(
        "Two resources of the program claim the same one of the state",
        [f"{known} is claimed by {' and by '.join(sorted(claims))}; let one alias go"],
    )


def state_of(goal: Registration, old: ResourceState | None, inputs: Values, **more: Any) -> ResourceState:
    """Return the state that a registration asks for.

    Args:
        goal: what the program registers.
        old: whose ID, outputs and times it keeps; None for a new one.
        inputs: checked by the provider.
        **more: fields that the engine alone knows.
    """
    return ResourceState(
        urn=goal.urn,
        type=goal.type,
        custom=goal.custom,
        id=old.id if old else "",
        inputs=inputs,
        outputs=with_secrets(old.outputs, inputs, goal.additional_secret_outputs) if old else {},
        parent=goal.parent,
        protect=goal.protect,
        dependencies=goal.dependencies,
        property_dependencies=goal.property_dependencies,
        deleted_with=goal.deleted_with,
        replace_with=goal.replace_with,
        retain_on_delete=goal.retain_on_delete,
        ignore_changes=goal.ignore_changes,
        replace_on_changes=goal.replace_on_changes,
        additional_secret_outputs=goal.additional_secret_outputs,
        source=goal.source,
        created=old.created if old else now(),
        modified=old.modified if old else now(),
        **more,
    )
