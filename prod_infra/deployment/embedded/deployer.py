"""Plans, and outside of previews applies, what a program registers, while the program runs."""

from __future__ import annotations

import threading
from dataclasses import replace

from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.runtime.proto import resource_pb2

from prod_infra.deployment.embedded.decide import Decision, decide, dependents_to_replace
from prod_infra.deployment.embedded.former_states import FormerStates, state_of
from prod_infra.deployment.embedded.provider_calls import Providers, StepError
from prod_infra.deployment.embedded.provider_resources import DefaultProviders, new_id, refuse_difference
from prod_infra.deployment.embedded.resource_state import ResourceState
from prod_infra.deployment.embedded.snapshot import Snapshot
from prod_infra.deployment.embedded.steps import Steps
from prod_infra.deployment.embedded.timeouts import timeouts
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
        self._former = FormerStates(snapshot, self.registered, self.aliased)
        self._defaults = DefaultProviders(program, snapshot)
        self._steps = Steps(providers, snapshot)
        # Set once a resource that had to go before another's replacement is gone.
        self._going: dict[str, threading.Event] = {}
        # Set once what was decided for a resource is done, or has failed.
        self._working: dict[str, threading.Event] = {}

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
            return self._explicit_provider(goal, request.version)
        try:
            return self._managed(goal, request)
        finally:
            if goal.urn in self._working:
                self._working[goal.urn].set()

    def _managed(self, goal: Registration, request: resource_pb2.RegisterResourceRequest) -> Response:
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
            old = self._former.of(goal)
            was = None if old and old.custom else old
            new = state_of(goal, was, goal.inputs)
            # What a provider made under this name before goes at the end.
            self.snapshot.settle(old, new, keep_old=replace(old, delete=True) if old and old.custom else None)
            self._components[goal.urn] = new
            if was is None:
                kind = ChangeKind.REPLACE if old else ChangeKind.CREATE
            else:
                kind = ChangeKind.SAME if was.inputs == new.inputs else ChangeKind.UPDATE
            self.run.decide(Change(urn=goal.urn, kind=kind))
        return Response(urn=goal.urn)

    def _explicit_provider(self, goal: Registration, version: str) -> Response:
        refuse_difference(goal, self.program)
        inputs = {**goal.inputs, **({"version": PropertyValue(version)} if version else {})}
        with self.lock:
            old = self._former.of(goal)
            new = replace(state_of(goal, old, inputs), id=old.id if old else new_id(), outputs=inputs)
            self.snapshot.settle(old, new)
            differs = changes(old.inputs, inputs) if old else ()
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
                    self._working[goal.urn] = threading.Event()
                    break
            going.wait()
        while True:
            with self.lock:
                holder = self._holder(decision) if decision.delete_first else None
                if holder is None:
                    return decision, new, [] if decision.faults else self._condemn(decision, new)
            # What no longer needs the old one may let go of it only now.
            holder.wait()

    def _holder(self, decision: Decision) -> threading.Event | None:
        """Return the end of a step that is under way on what needs, or needed, a resource that is deleted first."""
        needing = {decision.change.urn}
        for resource in self.snapshot.unsettled:
            if needing.intersection(resource.references):
                needing.add(resource.urn)
                step = self._working.get(resource.urn)
                if step and not step.is_set():
                    return step
        return None

    def _decide(
        self, goal: Registration, request: resource_pb2.RegisterResourceRequest
    ) -> tuple[Decision, ResourceState]:
        self.providers.of(goal.type)
        old = self._former.of(goal)
        # What was only looked up so far, or was a component, is none of ours in AWS: the stack makes its own.
        managed = old if old and old.custom and not old.external else None
        decision = decide(
            goal,
            managed,
            self.providers,
            unfinished=self.unfinished.get(goal.urn, {}),
            must_replace=bool(self._replaced.intersection((*goal.replace_with, goal.deleted_with))),
        )
        if old is not managed:
            self.snapshot.put(old, None)
            # So Pulumi calls it: something else has this name from now on.
            decision = replace(decision, change=replace(decision.change, kind=ChangeKind.REPLACE))
        provider = goal.provider or self._defaults.reference(goal.type, request.version)
        rest = timeouts(request)
        new = state_of(goal, managed, decision.inputs, provider=provider, rest=rest)
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
            dependents = dependents_to_replace(old, self.snapshot, self.providers, self._decided, self._replaced)
            doomed = [*reversed(dependents), old]
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
        outputs = new.outputs if decision.change.kind is ChangeKind.SAME else {**new.outputs, **new.inputs}
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
                going = {resource.urn for resource in doomed}
                for resource in doomed:
                    with self.run.step(Change(urn=resource.urn, kind=ChangeKind.DELETE)):
                        self._steps.delete(
                            resource, becomes=_when_gone(resource), gone_anyway=resource.deleted_with in going
                        )
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

    def read(self, goal: Registration, resource_id: str, version: str) -> ReadResponse:
        """Look up an existing resource, and note it in the state as one that is not ours."""
        if self.run.stopping.is_set():
            return ReadResponse(urn=goal.urn, result=resource_pb2.FAIL)
        if resource_id == UNKNOWN:
            self.run.decide(Change(urn=goal.urn, kind=ChangeKind.SAME))
            return ReadResponse(urn=goal.urn)
        with self.lock:
            old = self._former.of(goal)
            if old and not old.external:
                raise InvalidInputError(
                    "A resource can't be managed and looked up under one name",
                    [f"{goal.type} {goal.name!r} is managed by this stack; give the lookup another name"],
                )
            provider = goal.provider or self._defaults.reference(goal.type, version)
        asked = replace(state_of(goal, None, goal.inputs, provider=provider, external=True), id=resource_id)
        found = self.providers.read(asked)
        if found is None:
            raise ProdInfraError(
                f"{goal.type} {goal.name!r} looks up {resource_id!r}, and there is no such thing.",
                hint="correct the id, or create it first",
            )
        known = replace(asked, id=found[0], outputs=found[1])
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
