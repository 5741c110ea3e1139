"""The stack as rules see it: resources linked by the properties that refer to one another, IDs known or not."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, NoReturn

from pulumi_policy import PolicyResource
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE, UnknownValueError

from policies.tokens import Tokens


def undecided(resource: PolicyResource, path: str) -> NoReturn:
    """Say that a verdict needs what `resource`'s property at `path` refers to, and the stack doesn't hold it.

    Raises:
        UnknownValueError: always; the guard makes an undecided verdict of it.
    """
    raise UnknownValueError(UNKNOWN_STRING_VALUE, [resource.name, path])


def known(resource: PolicyResource, key: str) -> Any:
    """Return a property that a stack rule may not need: None where it is absent or AWS has yet to decide it.

    In a preview an output that the program left out is unknown too, so unknown here means "not given".
    """
    try:
        return resource.props.get(key)
    except UnknownValueError:
        return None


class Stack:
    """Every resource of a stack, with the questions that rules over the graph ask."""

    def __init__(self, resources: Sequence[PolicyResource]) -> None:
        self.resources = resources

    @cached_property
    def _by_type(self) -> dict[str, list[PolicyResource]]:
        found: dict[str, list[PolicyResource]] = defaultdict(list)
        for resource in self.resources:
            found[resource.resource_type].append(resource)
        return found

    @cached_property
    def _users(self) -> dict[tuple[str, str], list[PolicyResource]]:
        """Who was made from what, by the URN and the property; asking each resource anew would take quadratic time."""
        found: dict[tuple[str, str], list[PolicyResource]] = defaultdict(list)
        for user in self.resources:
            for key, targets in user.property_dependencies.items():
                for urn in {target.urn for target in targets}:
                    found[urn, key].append(user)
        return found

    def of(self, tokens: Tokens) -> list[PolicyResource]:
        """Return the resources of these types, type by type in the order in which they were registered."""
        return [resource for token in tokens for resource in self._by_type.get(token, ())]

    def used(self, resource: PolicyResource, key: str, tokens: Tokens) -> list[PolicyResource]:
        """Return the resources of these types that `resource`'s property `key` was made from."""
        return [used for used in resource.property_dependencies.get(key, []) if used.resource_type in tokens]

    def users(self, target: PolicyResource, key: str, tokens: Tokens) -> list[PolicyResource]:
        """Return the resources of these types whose property `key` was made from `target`."""
        return [user for user in self._users.get((target.urn, key), ()) if user.resource_type in tokens]

    def zones(self, resource: PolicyResource, key: str, subnets: Tokens) -> set[str]:
        """Return the availability zones of the subnets that `resource`'s property `key` was made from.

        Raises:
            UnknownValueError: where the subnets are not the stack's own, or don't say their zone.
        """
        found = self.used(resource, key, subnets)
        if not found:
            undecided(resource, key)
        return {zone_of(subnet) for subnet in found}


def zone_of(resource: PolicyResource) -> str:
    """Return the availability zone that `resource` is pinned to.

    Raises:
        UnknownValueError: where AWS chooses the zone.
    """
    zone = known(resource, "availabilityZone") or known(resource, "availabilityZoneId")
    if not zone:
        undecided(resource, "availabilityZone")
    return str(zone)


def items(value: Any) -> Iterator[Any]:
    """Yield what a list property holds; a missing one holds nothing."""
    yield from value or ()
