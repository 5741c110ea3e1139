"""Plans, and outside of previews applies, what a program registers, while the program runs."""

from __future__ import annotations

import re
import threading
from dataclasses import replace
from typing import Any, Final

from pulumi.runtime.proto import resource_pb2

from prod_infra.deployment.embedded.decide import Decision, decide, dependents_to_replace
from prod_infra.deployment.embedded.provider_calls import Providers, StepError
from prod_infra.deployment.embedded.provider_resources import DefaultProviders, new_id, refuse_difference
from prod_infra.deployment.embedded.resource_state import ResourceState, now
from prod_infra.deployment.embedded.snapshot import Snapshot
from prod_infra.deployment.embedded.steps import Steps
from prod_infra.deployment.engine import Change, ChangeKind, Program, Review
from prod_infra.deployment.program.monitor import PROVIDER_TYPE, Monitor
from prod_infra.deployment.program.registration import Registration
from prod_infra.deployment.program.run import Run
from prod_infra.deployment.program.wire import UNKNOWN, to_struct
from prod_infra.deployment.property_paths import changes
from prod_infra.errors import InvalidInputError, ProdInfraError
from prod_infra.properties import Values

Response = resource_pb2.RegisterResourceResponse
ReadResponse = resource_pb2.ReadResourceResponse

_SECONDS: Final = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}


def _seconds(duration: str) -> float:
    """Return the length of a Go duration such as `1h30m`; 0 for none."""
    return sum(float(n) * _SECONDS[unit] for n, unit in re.findall(r"(\d+(?:\.\d+)?)(ms|h|m|s)", duration))


def _timeouts(request: resource_pb2.RegisterResourceRequest) -> dict[str, Any]:
    given = {name: _seconds(getattr(request.customTimeouts, name)) for name in ("create", "update", "delete")}
    found = {name: seconds for name, seconds in given.items() if seconds}
    return {"customTimeouts": found} if found else {}


def _when_gone(resource: ResourceState) -> ResourceState | None:
    """Return what the state keeps of a resource that is deleted first: the place of the one to come, if one comes."""
    return None if resource.delete else replace(resource, pending_replacement=True)


class Deployer(Monitor):
    """The monitor of `preview` and `up`.

    Args:
        providers: do the work.
        snapshot: the state; a plan's writes nothing.
        run: is told.
        unfinished: what interrupted creates had sent, by URN.
        preview: whether only to plan.
        review: may object to a create or update just before it is done.
    """

    def __init__(
        self,
        program: Program,
        providers: Providers,
        snapshot: Snapshot,
        run: Run,
        *,
        unfinished: dict[str, Values],
        preview: bool,
        review: Review | None = None,
    ) -> None:
        super().__init__(program)
        self.providers = providers
        self.snapshot = snapshot
        self.run = run
        self.unfinished = unfinished
        self.preview = preview
        self.review = review
        self.exports: Values = {}
        self._decided: set[str] = set()
        self._replaced: set[str] = set()
        self._components: dict[str, ResourceState] = {}
        self._defaults = DefaultProviders(program, snapshot)
        self._steps = Steps(providers, snapshot)
        # Set once a resource that had to go before another's replacement is gone.
        self._going: dict[str, threading.Event] = {}

    # What the state knows -------------------------------------------------------------------------------------------

    def _old(self, goal: Registration) -> ResourceState | None:
        """Return the resource's state, found by its URN or an alias; the alias is taken out of use."""
        for urn in (goal.urn, *goal.aliases):
            old = self.snapshot.find(urn)
            if old is None:
                continue
            if urn != goal.urn:
                self.aliased[goal.urn] = urn
                renamed = replace(old, urn=goal.urn)
                self.snapshot.put(old, renamed)
                self.snapshot.rename(urn, goal.urn)
                return self.snapshot.find(goal.urn)
            return old
        return None

    def _state(self, goal: Registration, old: ResourceState | None, inputs: Values, **more: Any) -> ResourceState:
        return ResourceState(
            urn=goal.urn,
            type=goal.type,
            custom=goal.custom,
            id=old.id if old else "",
            inputs=inputs,
            outputs=old.outputs if old else {},
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
            aliases=goal.aliases,
            source=goal.source,
            created=old.created if old else now(),
            modified=old.modified if old else now(),
            **more,
        )

    # Registrations --------------------------------------------------------------------------------------------------

    def register(self, goal: Registration, request: resource_pb2.RegisterResourceRequest) -> Response:
        """Bring one resource to what the program asks for, or say what that would take."""
        if self.run.stopping.is_set():
            # The SDK takes every output of a failed resource for unknown, and lets the program run on.
            return Response(urn=goal.urn, result=resource_pb2.FAIL)
        if request.importId:
            raise ProdInfraError(
                f"{goal.type} {goal.name!r} is to be imported, which the embedded engine does not support.",
                hint="leave import_ out, or deploy with the Pulumi CLI",
            )
        if not goal.custom:
            return self._component(goal)
        if goal.type.startswith(PROVIDER_TYPE):
            return self._explicit_provider(goal)
        try:
            decision, new, doomed = self._plan(goal, request)
        except ProdInfraError as error:
            self._fault(goal, str(error))
            return Response(urn=goal.urn, result=resource_pb2.FAIL)
        for fault in decision.faults:
            self._fault(goal, fault)
        if decision.faults:
            return Response(urn=goal.urn, result=resource_pb2.FAIL)
        return self._foresee(decision, new, doomed) if self.preview else self._apply(goal, decision, new, doomed)

    def _fault(self, goal: Registration, fault: str) -> None:
        with self.lock:
            if self.preview:
                self.run.faults.append(
                    f"{goal.type} {goal.name!r}: {fault}" + (f" ({goal.source})" if goal.source else "")
                )
            else:
                self.run.fail(goal.urn, fault)

    def _component(self, goal: Registration) -> Response:
        with self.lock:
            old = self._old(goal)
            new = self._state(goal, old, goal.inputs)
            self.snapshot.settle(old, new)
            self._components[goal.urn] = new
            self.run.decide(Change(urn=goal.urn, kind=ChangeKind.SAME if old else ChangeKind.CREATE))
        return Response(urn=goal.urn)

    def _explicit_provider(self, goal: Registration) -> Response:
        refuse_difference(goal, self.program)
        with self.lock:
            old = self._old(goal)
            new = replace(self._state(goal, old, goal.inputs), id=old.id if old else new_id(), outputs=goal.inputs)
            self.snapshot.settle(old, new)
            differs = changes(old.inputs, goal.inputs) if old else ()
            kind = ChangeKind.CREATE if old is None else ChangeKind.UPDATE if differs else ChangeKind.SAME
            self.run.decide(Change(urn=goal.urn, kind=kind, properties=differs))
        return Response(urn=goal.urn, id=new.id, object=to_struct(goal.inputs))

    def _plan(
        self, goal: Registration, request: resource_pb2.RegisterResourceRequest
    ) -> tuple[Decision, ResourceState, list[ResourceState]]:
        """Decide one resource at a time, so that each decision sees those before it."""
        while True:
            with self.lock:
                going = self._going.get(goal.urn)
                if going is None or going.is_set() or self.preview:
                    decision, new = self._decide(goal, request)
                    self._decided.add(goal.urn)
                    return decision, new, [] if decision.faults else self._condemn(decision, new)
            going.wait()

    def _decide(
        self, goal: Registration, request: resource_pb2.RegisterResourceRequest
    ) -> tuple[Decision, ResourceState]:
        self.providers.of(goal.type)
        old = self._old(goal)
        # What was only looked up so far is AWS's, not ours: the stack makes its own.
        managed = old if old and not old.external else None
        decision = decide(
            goal,
            managed,
            self.providers,
            unfinished=self.unfinished.get(goal.urn, {}),
            must_replace=bool(self._replaced.intersection(goal.replace_with)),
        )
        if old is not managed:
            self.snapshot.put(old, None)
        provider = goal.provider or self._defaults.reference(goal.type, request.version)
        rest = _timeouts(request)
        new = self._state(goal, managed, decision.inputs, provider=provider, rest=rest)
        if not decision.faults:
            self.run.decide(decision.change)
        return decision, new

    def _condemn(self, decision: Decision, new: ResourceState) -> list[ResourceState]:
        """Return what must be deleted before the replacement is made, dependents first, and reserve it."""
        old = decision.old
        if old is None or decision.change.kind is not ChangeKind.REPLACE:
            return []
        self._replaced.add(old.urn)
        if old.pending_replacement:
            return []
        # As in Pulumi, a program may lift the protection and replace in one go.
        if old.protect and new.protect:
            self.run.blocked[old.urn] = "it must be replaced, and it is protected"
        doomed: list[ResourceState] = []
        if decision.delete_first:
            doomed = [*reversed(dependents_to_replace(old, self.snapshot, self.providers, self._decided)), old]
        for resource in doomed[:-1]:
            if resource.protect and not resource.delete:
                self.run.blocked[resource.urn] = f"it can't outlive {old.urn}, which must be replaced, and is protected"
        if self.run.blocked and not self.preview:
            # The plan saw none of it: a value that was unknown then makes the difference.
            raise StepError("; ".join(f"{urn}: {why}" for urn, why in self.run.blocked.items()))
        fresh = [resource for resource in doomed if not resource.pending_replacement]
        self._going.update({resource.urn: threading.Event() for resource in fresh if not resource.delete})
        return fresh

    def _foresee(self, decision: Decision, new: ResourceState, doomed: list[ResourceState]) -> Response:
        """Answer in a preview: what is not in the object is unknown to the program."""
        old = decision.old
        for resource in doomed:
            self.snapshot.put(resource, _when_gone(resource))
        if old is None or decision.change.kind is ChangeKind.REPLACE:
            stays = replace(old, delete=True) if old and old not in doomed and not old.pending_replacement else None
            self.snapshot.settle(
                self.snapshot.find(new.urn) if old else None, replace(new, id="", outputs={}), keep_old=stays
            )
            known = {
                key: value.with_secret(is_secret=value.is_secret or key in new.additional_secret_outputs)
                for key, value in new.inputs.items()
            }
            return Response(urn=new.urn, object=to_struct(known))
        self.snapshot.settle(old, new)
        outputs = old.outputs if decision.change.kind is ChangeKind.SAME else {**old.outputs, **new.inputs}
        return Response(urn=new.urn, id=old.id, object=to_struct(outputs))

    def _apply(
        self, goal: Registration, decision: Decision, new: ResourceState, doomed: list[ResourceState]
    ) -> Response:
        old, kind = decision.old, decision.change.kind
        if kind is ChangeKind.SAME:
            # AWS is not touched: the file learns of it with the next write.
            self.snapshot.settle(old, new)
            return Response(urn=new.urn, id=new.id, object=to_struct(new.outputs))
        try:
            with self.run.step(decision.change):
                self._ask_reviewer(replace(goal, inputs=new.inputs))
                for resource in doomed:
                    with self.run.step(Change(urn=resource.urn, kind=ChangeKind.DELETE)):
                        self._steps.delete(resource, becomes=_when_gone(resource))
                if old and kind is ChangeKind.UPDATE:
                    made = self._steps.update(old, new)
                else:
                    made = self._steps.create(new, old)
        except StepError:
            return Response(urn=new.urn, result=resource_pb2.FAIL)
        finally:
            for resource in doomed:
                if not resource.delete:
                    self._going[resource.urn].set()
        return Response(urn=new.urn, id=made.id, object=to_struct(made.outputs))

    def _ask_reviewer(self, goal: Registration) -> None:
        if self.review and (objections := self.review(goal)):
            raise StepError("; ".join(objections))

    # Everything else ------------------------------------------------------------------------------------------------

    def read(self, goal: Registration, resource_id: str) -> ReadResponse:
        """Look up an existing resource, and note it in the state as one that is not ours."""
        if self.run.stopping.is_set():
            return ReadResponse(urn=goal.urn, result=resource_pb2.FAIL)
        if resource_id == UNKNOWN:
            return ReadResponse(urn=goal.urn)
        with self.lock:
            old = self._old(goal)
            if old and not old.external:
                raise InvalidInputError(
                    "A resource can't be managed and looked up under one name",
                    [f"{goal.type} {goal.name!r} is managed by this stack; give the lookup another name"],
                )
            provider = goal.provider or self._defaults.reference(goal.type, "")
        asked = replace(self._state(goal, None, goal.inputs, provider=provider, external=True), id=resource_id)
        found = self.providers.read(asked)
        if found is None:
            raise ProdInfraError(
                f"{goal.type} {goal.name!r} looks up {resource_id!r}, and there is no such thing.",
                hint="correct the id, or create it first",
            )
        known = replace(asked, id=found[0], outputs=found[1], inputs=found[2])
        with self.lock:
            self.snapshot.settle(old, known)
            self.run.decide(Change(urn=goal.urn, kind=ChangeKind.SAME))
        return ReadResponse(urn=goal.urn, id=known.id, properties=to_struct(known.outputs))

    def register_outputs(self, urn: str, outputs: Values) -> None:
        """Put a component's outputs, or the stack's exports, into the state."""
        # After a failure the outputs of what was skipped are unknown, and the old ones are better than none.
        if self.run.stopping.is_set():
            return
        with self.lock:
            component = self._components[urn]
            self._components[urn] = replace(component, outputs=outputs)
            self.snapshot.put(component, self._components[urn])
            if not component.parent:
                self.exports = outputs

    def invoke(self, token: str, args: Values, provider: str) -> resource_pb2.ResourceInvokeResponse:
        """Ask the provider."""
        del provider  # each package has one provider, and explicit ones may not differ from it
        found, faults = self.providers.invoke(token, args)
        failures = [{"property": name, "reason": reason} for name, reason in faults]
        return resource_pb2.ResourceInvokeResponse(**{"return": to_struct(found), "failures": failures})
