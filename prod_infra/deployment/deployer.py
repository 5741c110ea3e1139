"""Plans, and outside of previews applies, what a program registers, while the program runs."""

from __future__ import annotations

import re
import threading
import uuid
from dataclasses import replace
from typing import Any, Final

from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.runtime.proto import resource_pb2

from prod_infra.deployment.decide import Decision, decide, dependents_to_replace
from prod_infra.deployment.engine import Change, ChangeKind, Program
from prod_infra.deployment.monitor import PROVIDER_TYPE, Monitor, make_urn
from prod_infra.deployment.property_paths import changes
from prod_infra.deployment.provider_calls import Providers, StepError
from prod_infra.deployment.registration import Registration
from prod_infra.deployment.resource_state import ResourceState, now
from prod_infra.deployment.run import Run
from prod_infra.deployment.snapshot import Snapshot, without
from prod_infra.deployment.state import Operation
from prod_infra.deployment.wire import UNKNOWN, to_struct
from prod_infra.errors import InvalidInputError, ProdInfraError
from prod_infra.properties import Values, plain

Response = resource_pb2.RegisterResourceResponse
ReadResponse = resource_pb2.ReadResourceResponse

_SECONDS: Final = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}


def _seconds(duration: str) -> float:
    """Return the length of a Go duration such as `1h30m`; 0 for none."""
    return sum(float(n) * _SECONDS[unit] for n, unit in re.findall(r"(\d+(?:\.\d+)?)(ms|h|m|s)", duration))


def timeout(resource: ResourceState, step: str) -> float:
    """Return the time in seconds that the program allows for a step, or 0."""
    return float((resource.rest.get("customTimeouts") or {}).get(step, 0))


def _timeouts(request: resource_pb2.RegisterResourceRequest) -> dict[str, Any]:
    given = {name: _seconds(getattr(request.customTimeouts, name)) for name in ("create", "update", "delete")}
    found = {name: seconds for name, seconds in given.items() if seconds}
    return {"customTimeouts": found} if found else {}


class Deployer(Monitor):
    """The monitor of `preview` and `up`.

    Args:
        providers: do the work.
        snapshot: the state; a plan's writes nothing.
        run: is told.
        unfinished: what interrupted creates had sent, by URN.
        preview: whether only to plan.
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
    ) -> None:
        super().__init__(program)
        self.providers = providers
        self.snapshot = snapshot
        self.run = run
        self.unfinished = unfinished
        self.preview = preview
        self.exports: Values = {}
        self._decided: set[str] = set()
        self._replaced: set[str] = set()
        self._components: dict[str, ResourceState] = {}
        self._default_providers: dict[str, ResourceState] = {}
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

    def _default_provider(self, token: str, version: str) -> str:
        package = token.partition(":")[0]
        name = f"default_{version.replace('.', '_')}" if version else "default"
        type_ = PROVIDER_TYPE + package
        urn = make_urn(self.program.stack, self.program.project, "", type_, name)
        if urn not in self._default_providers:
            config = {
                key.removeprefix(f"{package}:"): PropertyValue(value, is_secret=key in self.program.secret_keys)
                for key, value in sorted(self.program.config.items())
                if key.startswith(f"{package}:")
            }
            inputs = {**config, **({"version": PropertyValue(version)} if version else {})}
            old = self.snapshot.find(urn)
            new = ResourceState(
                urn=urn,
                type=type_,
                custom=True,
                id=old.id if old else str(uuid.uuid4()),
                inputs=inputs,
                outputs=inputs,
                created=old.created if old else now(),
                modified=now(),
            )
            self.snapshot.settle(old, new)
            self._default_providers[urn] = new
        return f"{urn}::{self._default_providers[urn].id}"

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
        if self.run.stopping.is_set():
            return Response(urn=goal.urn, result=resource_pb2.SKIP)
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
        except StepError as error:
            self.run.failures[goal.urn] = error.message
            self.run.stopping.set()
            return Response(urn=goal.urn, result=resource_pb2.FAIL)
        except ProdInfraError as error:
            self._fault(goal, str(error))
            return Response(urn=goal.urn, result=resource_pb2.FAIL)
        if decision.faults:
            for fault in decision.faults:
                self._fault(goal, fault)
            return Response(urn=goal.urn, result=resource_pb2.FAIL)
        if self.preview:
            return self._foresee(decision, new, doomed)
        try:
            made = self._apply(decision, new, doomed)
        except StepError:
            return Response(urn=goal.urn, result=resource_pb2.FAIL)
        finally:
            for resource in doomed:
                self._going[resource.urn].set()
        return Response(urn=goal.urn, id=made.id, object=to_struct(made.outputs))

    def _fault(self, goal: Registration, fault: str) -> None:
        with self.lock:
            if self.preview:
                self.run.faults.append(f"{goal.type} {goal.name!r}: {fault}" + (f" ({goal.source})" if goal.source else ""))
            else:
                self.run.failures[goal.urn] = fault
                self.run.stopping.set()

    def _component(self, goal: Registration) -> Response:
        with self.lock:
            old = self._old(goal)
            new = self._state(goal, old, goal.inputs)
            self.snapshot.settle(old, new)
            self._components[goal.urn] = new
            self.run.decide(Change(urn=goal.urn, kind=ChangeKind.SAME if old else ChangeKind.CREATE))
        return Response(urn=goal.urn)

    def _explicit_provider(self, goal: Registration) -> Response:
        package = goal.type.removeprefix(PROVIDER_TYPE)
        # pulumi-aws sets skip flags by itself; there is nothing here that could be skipped.
        given = {key: value for key, value in plain(goal.inputs).items() if not key.startswith("skip")}
        other = [key for key, value in given.items() if self.program.config.get(f"{package}:{key}") != value]
        if other:
            raise InvalidInputError(
                f"The explicit provider {goal.name!r} differs from the stack's configuration",
                [f"{package}:{key} can't be set for one provider alone in the embedded engine" for key in other],
                hint="set it in the stack's configuration; for another region, use the resource's own region=",
            )
        with self.lock:
            old = self._old(goal)
            known = replace(old, outputs=goal.inputs) if old else None
            new = replace(self._state(goal, known, goal.inputs), outputs=goal.inputs)
            new = new if old else replace(new, id=str(uuid.uuid4()))
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
                    doomed = self._condemn(decision, new)
                    if self.run.blocked and not self.preview:
                        raise StepError("; ".join(f"{urn}: {why}" for urn, why in self.run.blocked.items()))
                    return decision, new, doomed
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
        provider = goal.provider or self._default_provider(goal.type, request.version)
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
        if not decision.delete_first:
            return []
        doomed = [*reversed(dependents_to_replace(old, self.snapshot, self.providers, self._decided)), old]
        for resource in doomed[:-1]:
            if resource.protect:
                self.run.blocked[resource.urn] = f"it can't outlive {old.urn}, which must be replaced, and is protected"
        fresh = [resource for resource in doomed if not resource.pending_replacement]
        for resource in fresh:
            self._going[resource.urn] = threading.Event()
        return fresh

    def _foresee(self, decision: Decision, new: ResourceState, doomed: list[ResourceState]) -> Response:
        """Answer in a preview: what is not in the object is unknown to the program."""
        old = decision.old
        for resource in doomed:
            self.snapshot.put(resource, without(resource))
        if old is None or decision.change.kind is ChangeKind.REPLACE:
            stays = replace(old, delete=True) if old and old not in doomed and not old.pending_replacement else None
            self.snapshot.settle(self.snapshot.find(new.urn) if old else None, replace(new, id="", outputs={}), keep_old=stays)
            secret = {key: value.with_secret(is_secret=True) for key, value in new.inputs.items()
                      if key in new.additional_secret_outputs}  # fmt: skip
            return Response(urn=new.urn, object=to_struct({**new.inputs, **secret}))
        self.snapshot.settle(old, new)
        outputs = old.outputs if decision.change.kind is ChangeKind.SAME else {**old.outputs, **new.inputs}
        return Response(urn=new.urn, id=old.id, object=to_struct(outputs))

    # Steps ----------------------------------------------------------------------------------------------------------

    def _apply(self, decision: Decision, new: ResourceState, doomed: list[ResourceState]) -> ResourceState:
        old, kind = decision.old, decision.change.kind
        if kind is ChangeKind.SAME:
            # Nothing AWS has changes: the file learns of it with the next write.
            self.snapshot.settle(old, new)
            return new
        with self.run.step(decision.change):
            if kind is ChangeKind.UPDATE and old:
                return self._update(old, new)
            for resource in doomed:
                self._delete_first(resource)
            return self._create(new, old)

    def _update(self, old: ResourceState, new: ResourceState) -> ResourceState:
        operation = Operation(type="updating", resource=new)
        self.snapshot.begin(operation)
        # After a failure nobody knows how far the update came: the operation stays open, and the next run reads.
        made = replace(
            new, outputs=self.providers.update(old, new, timeout(new, "update")), modified=now(), init_errors=()
        )
        self.snapshot.end(operation)
        self.snapshot.settle(old, made)
        self.snapshot.commit()
        return made

    def _create(self, new: ResourceState, old: ResourceState | None) -> ResourceState:
        new = replace(new, id="", outputs={}, created=now(), modified=now())
        operation = Operation(type="creating", resource=new)
        self.snapshot.begin(operation)
        failure: StepError | None = None
        try:
            resource_id, outputs = self.providers.create(new, timeout(new, "create"))
            made = replace(new, id=resource_id, outputs=outputs, modified=now())
        except StepError as error:
            if error.made is None:
                if not self.providers.can_recover(new):
                    # Nobody could ever say more about it.
                    self.snapshot.end(operation)
                    self.snapshot.commit()
                raise
            failure = error
            made = replace(new, id=error.made[0], outputs=error.made[1], init_errors=(error.message,))
        self.snapshot.end(operation)
        current = self.snapshot.find(new.urn)
        stays = replace(current, delete=True) if current and not current.pending_replacement else None
        self.snapshot.settle(current if old else None, made, keep_old=stays)
        self.snapshot.commit()
        if failure:
            raise failure
        return made

    def _delete_first(self, resource: ResourceState) -> None:
        operation = Operation(type="deleting", resource=resource)
        with self.run.step(Change(urn=resource.urn, kind=ChangeKind.DELETE)):
            self.snapshot.begin(operation)
            if not resource.retain_on_delete:
                self.providers.delete(resource, timeout(resource, "delete"))
            self.snapshot.end(operation)
            self.snapshot.put(resource, without(resource))
            self.snapshot.commit()

    # Everything else ------------------------------------------------------------------------------------------------

    def read(self, goal: Registration, resource_id: str) -> ReadResponse:
        if self.run.stopping.is_set():
            return ReadResponse(urn=goal.urn, result=resource_pb2.SKIP)
        if resource_id == UNKNOWN:
            return ReadResponse(urn=goal.urn)
        with self.lock:
            old = self._old(goal)
            if old and not old.external:
                raise InvalidInputError(
                    "A resource can't be managed and looked up under one name",
                    [f"{goal.type} {goal.name!r} is managed by this stack; give the lookup another name"],
                )
            provider = goal.provider or self._default_provider(goal.type, "")
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
        del provider  # each package has one provider, and explicit ones may not differ from it
        found, faults = self.providers.invoke(token, args)
        failures = [{"property": name, "reason": reason} for name, reason in faults]
        return resource_pb2.ResourceInvokeResponse(**{"return": to_struct(found), "failures": failures})  # type: ignore[arg-type]
