"""What must happen to one resource so that it becomes what the program asks for."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from pulumi.provider.experimental.property_value import PropertyValue

from prod_infra.deployment.embedded.provider_calls import Difference, Providers
from prod_infra.deployment.embedded.resource_state import ResourceState
from prod_infra.deployment.embedded.snapshot import Snapshot
from prod_infra.deployment.engine import Change, ChangeKind
from prod_infra.deployment.program.registration import Registration
from prod_infra.deployment.property_paths import changes, ignoring
from prod_infra.properties import Values, plain


@dataclass(frozen=True, kw_only=True)
class Decision:
    """The plan for one resource.

    Attributes:
        change: what is reported.
        old: its state; None if it is new.
        inputs: what to send, checked by the provider.
        faults: what the provider refuses in the inputs.
        delete_first: whether the old one goes before the new one is made.
    """

    change: Change
    old: ResourceState | None
    inputs: Values
    faults: tuple[str, ...] = ()
    delete_first: bool = False


def _changed(old: ResourceState, inputs: Values, difference: Difference) -> Change:
    keys = difference.keys or {*old.inputs, *inputs}
    before = {key: old.inputs[key] for key in keys if key in old.inputs}
    after = {key: inputs[key] for key in keys if key in inputs}
    for key, was in plain(before).items():
        # The program asks for the same as ever: then it is AWS that has something else.
        if key in after and key in old.outputs and plain({key: after[key]})[key] == was:
            before[key] = old.outputs[key]
    return Change(urn=old.urn, kind=ChangeKind.UPDATE, properties=changes(before, after, difference.replaces))


def decide(
    goal: Registration,
    old: ResourceState | None,
    providers: Providers,
    *,
    unfinished: Values,
    must_replace: bool,
) -> Decision:
    """Ask the provider what a registration means for the resource.

    Args:
        goal: what the program registers.
        providers: one of them is asked.
        old: the resource's state; None if there is none that the stack manages.
        unfinished: what an interrupted create had sent; its names are used again.
        must_replace: whether something else's replacement replaces this one as well.

    Raises:
        StepError: the provider failed.
        ProdInfraError: no provider knows the type.
    """
    if old is None or old.pending_replacement:
        inputs, faults = providers.check(goal.urn, goal.type, unfinished, goal.inputs)
        kind = ChangeKind.REPLACE if old else ChangeKind.CREATE
        return Decision(change=Change(urn=goal.urn, kind=kind), old=old, inputs=inputs, faults=tuple(faults))
    wanted = ignoring(goal.inputs, old.inputs, goal.ignore_changes)
    inputs, faults = providers.check(goal.urn, goal.type, old.inputs, wanted)
    if faults:
        return Decision(change=Change(urn=goal.urn, kind=ChangeKind.SAME), old=old, inputs=inputs, faults=tuple(faults))
    difference = providers.diff(old, inputs, goal.ignore_changes, goal.replace_on_changes)
    if not (difference.changed or must_replace or old.init_errors):
        return Decision(change=Change(urn=goal.urn, kind=ChangeKind.SAME), old=old, inputs=inputs)
    found = _changed(old, inputs, difference)
    if difference.replaces or must_replace:
        # As in Pulumi, a replacement gets new names, and what was ignored counts again.
        inputs, faults = providers.check(goal.urn, goal.type, {}, goal.inputs)
        first = goal.delete_before_replace
        return Decision(
            change=Change(urn=goal.urn, kind=ChangeKind.REPLACE, properties=found.properties),
            old=old,
            inputs=inputs,
            faults=tuple(faults),
            delete_first=difference.delete_before_replace if first is None else first,
        )
    return Decision(change=found, old=old, inputs=inputs)


def dependents_to_replace(
    root: ResourceState, snapshot: Snapshot, providers: Providers, decided: Collection[str], replaced: Collection[str]
) -> list[ResourceState]:
    """Return what can't outlive a resource that is deleted before it is replaced, those needed first.

    As Pulumi's engine does it: what depends on it is asked whether it could take a new value of that input in place.

    Args:
        root: what is deleted first.
        snapshot: the state.
        providers: asked for each dependent.
        decided: URNs of what the program has registered already, and which therefore depends on it no longer.
        replaced: URNs of those that this run replaces.
    """
    gone = {root.urn}
    copies: set[str] = set()
    found: list[ResourceState] = []
    for resource in snapshot.unsettled:
        if resource.delete and (gone | copies).intersection(resource.references):
            # An old copy, of this run or left by an interrupted one: it would hold the root until the end.
            found.append(resource)
            (gone if resource.urn in replaced else copies).add(resource.urn)
        if resource.urn in decided or not resource.custom or resource.external or resource.delete:
            continue
        touched = {key for key, urns in resource.property_dependencies.items() if gone.intersection(urns)}
        inputs: Mapping[str, PropertyValue] = {
            key: PropertyValue.computed() if key in touched else value for key, value in resource.inputs.items()
        }
        if (
            resource.deleted_with in gone
            or root.urn in resource.replace_with
            or (
                touched
                and providers.diff(resource, inputs, resource.ignore_changes, resource.replace_on_changes).replaces
            )
        ):
            gone.add(resource.urn)
            found.append(resource)
    return found
