"""The engine that needs no CLI: it runs the program in this process and calls the providers itself.

A rehearsal engine: production is always deployed by Pulumi's own.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import as_completed
from dataclasses import replace
from typing import Any

from pulumi.provider.experimental.provider import Provider

from prod_infra.deployment.embedded import deletion
from prod_infra.deployment.embedded.deployer import Deployer
from prod_infra.deployment.embedded.order import needed_first
from prod_infra.deployment.embedded.provider_calls import Providers, StepError
from prod_infra.deployment.embedded.recovery import recover
from prod_infra.deployment.embedded.resource_state import ResourceState, now
from prod_infra.deployment.embedded.snapshot import Snapshot
from prod_infra.deployment.embedded.state import StateFile
from prod_infra.deployment.engine import Change, ChangeKind, Inspection, OnProgress, Program, Reading, Result, Review
from prod_infra.deployment.program import host
from prod_infra.deployment.program.monitor import PROVIDER_TYPE, STACK_TYPE
from prod_infra.deployment.program.run import Run
from prod_infra.deployment.property_paths import changes
from prod_infra.errors import ProdInfraError
from prod_infra.properties import Values, has_unknown, masked, plain


class EmbeddedEngine:
    """Implements `Engine` on one stack.

    Args:
        program: what to deploy.
        providers: Pulumi provider by package name: `aws`, `random`. One that also has `recover(urn, inputs)` (see
            `provider_calls.Recovers`) lets a run that follows a kill find what the killed one created.
        state: the stack's state file.
        workers: how many resources are worked on at once.
        review: asked before each create and update of `up`, such as a policy pack; a reason that it gives fails the
            step before AWS is touched.
    """

    def __init__(
        self,
        program: Program,
        providers: Mapping[str, Provider],
        state: StateFile,
        *,
        workers: int = 16,
        review: Review | None = None,
    ) -> None:
        self._review = review
        self.program = program
        self.state = state
        self._providers = Providers(providers)
        self._workers = workers

    def preview(self) -> Result:
        """Say what `up` would do; change nothing, the state neither.

        Raises:
            ProdInfraError: the program, the state or the providers object.
        """
        start = time.perf_counter()
        run = Run("preview")
        snapshot = Snapshot(*self.state.load())
        try:
            unfinished = recover(run, snapshot, self._providers)
            exports, _ = self._plan(run, snapshot, unfinished)
        finally:
            self._providers.close()
        return self._result(run, exports, start)

    def up(self, on_progress: OnProgress | None = None) -> Result:
        """Make what the program registers true.

        Raises:
            InvalidInputError: the providers refuse inputs; every fault is listed, and nothing was done.
            DeploymentError: protected resources are in the way, or a step failed or was interrupted; the state holds
                what was done.
            StateError: the state is locked, broken or another stack's.
            ProdInfraError: the program failed.
        """
        return self._operate("up", on_progress, self._up)

    def refresh(self, on_progress: OnProgress | None = None) -> Result:
        """Read every resource again and put what AWS says into the state; what differs is drift.

        Raises:
            DeploymentError: a resource could not be read.
            StateError: the state is locked, broken or another stack's.
        """
        return self._operate("refresh", on_progress, self._refresh)

    def inspect(self) -> Inspection:
        """Read every resource again and say what differs from the state; change nothing, the state neither.

        Raises:
            DeploymentError: a resource could not be read.
            StateError: the state is broken or another stack's.
        """
        run = Run("inspect")
        snapshot = Snapshot(*self.state.load())
        for operation in snapshot.pending:
            run.warn(f"{operation.type} {operation.resource.urn} is under way, or was interrupted: run `up` again.")
        try:
            found = self._reread_all(run, snapshot)
        finally:
            self._providers.close()
        run.raise_failures()
        readings = [
            Reading(
                change=change,
                id=old.id,
                declared=masked({key: old.outputs.get(key, value) for key, value in old.inputs.items()}),
                actual=masked(new.outputs) if new else {},
            )
            for old, (change, new) in found.items()
        ]
        return Inspection(readings=tuple(readings), warnings=tuple(run.warnings))

    def destroy(self, on_progress: OnProgress | None = None) -> Result:
        """Delete every resource of the stack, in reverse order of dependency.

        Raises:
            DeploymentError: resources are protected (nothing was done), or a step failed or was interrupted.
            StateError: the state is locked, broken or another stack's.
        """
        return self._operate("destroy", on_progress, self._destroy)

    def outputs(self) -> Mapping[str, Any]:
        """Return the stack's exports as of the last `up`, secrets masked.

        Raises:
            StateError: the state is broken or another stack's.
        """
        resources, _ = self.state.load()
        return next((masked(resource.outputs) for resource in resources if resource.type == STACK_TYPE), {})

    def _result(self, run: Run, exports: Values, start: float) -> Result:
        return Result(
            operation=run.operation,
            changes=tuple(run.changes),
            outputs=masked(exports),
            seconds=time.perf_counter() - start,
            warnings=tuple(run.warnings),
        )

    def _operate(
        self, operation: str, on_progress: OnProgress | None, work: Callable[[Run, Snapshot, dict[str, Values]], Values]
    ) -> Result:
        start = time.perf_counter()
        run = Run(operation, on_progress)
        snapshots: list[Snapshot] = []

        def attended() -> Result:
            with self.state.locked(operation):
                snapshot = Snapshot(*self.state.load(), self.state)
                snapshots.append(snapshot)
                self.state.backup()
                try:
                    unfinished = recover(run, snapshot, self._providers)
                    snapshot.commit()
                    exports = work(run, snapshot, unfinished)
                finally:
                    self._providers.close()
                return self._result(run, exports, start)

        def abort() -> None:
            for snapshot in snapshots:
                snapshot.abort()

        return host.attended(attended, run.interrupt, abort)

    def _plan(self, run: Run, snapshot: Snapshot, unfinished: dict[str, Values]) -> tuple[Values, Snapshot]:
        """Decide everything without doing anything; returns the exports, as far as known, and the state to come."""
        known = snapshot.plan()
        deployer = Deployer(self.program, self._providers, known, run, unfinished=unfinished, preview=True)
        host.run(self.program, deployer, preview=True)
        run.sort(needed_first({resource.urn: resource.references for resource in known.settled}))
        self._announce(run, known, snapshot)
        run.raise_faults()
        return deployer.exports, known

    def _announce(self, run: Run, after: Snapshot, before: Snapshot) -> list[ResourceState]:
        doomed = after.unsettled
        already = {(resource.urn, resource.id) for resource in before.resources if resource.delete}
        replaced = [r for r in doomed if r.delete and (r.urn, r.id) not in already]
        deletion.announce(run, doomed, replaced)
        return doomed

    def _up(self, run: Run, snapshot: Snapshot, unfinished: dict[str, Values]) -> Values:
        plan = Run("preview")
        exports, planned = self._plan(plan, snapshot, unfinished)
        if all(change.kind is ChangeKind.SAME for change in plan.changes) and not has_unknown(exports):
            # The program need not run a second time to do nothing.
            run.changes = plan.changes
            snapshot.take(planned)
            snapshot.commit()
            return exports
        before = Snapshot(snapshot.resources)
        deployer = Deployer(
            self.program, self._providers, snapshot, run, unfinished=unfinished, preview=False, review=self._review
        )
        try:
            host.run(self.program, deployer, preview=False, workers=self._workers)
        except ProdInfraError:
            # The program may well stumble over what a failed step left unknown: the step's failure is the news.
            run.raise_failures()
            raise
        finally:
            snapshot.commit()
        run.raise_failures()
        doomed = self._announce(run, snapshot, before)
        try:
            deletion.delete(run, snapshot, self._providers, doomed, workers=self._workers)
        finally:
            snapshot.commit()
        run.raise_failures()
        run.sort([change.urn for change in plan.changes if change.kind is not ChangeKind.DELETE])
        return deployer.exports

    def _destroy(self, run: Run, snapshot: Snapshot, unfinished: dict[str, Values]) -> Values:
        del unfinished
        doomed = snapshot.unsettled
        deletion.announce(run, doomed)
        run.raise_faults()
        try:
            deletion.delete(run, snapshot, self._providers, doomed, workers=self._workers)
        finally:
            snapshot.commit()
        run.raise_failures()
        return {}

    def _refresh(self, run: Run, snapshot: Snapshot, unfinished: dict[str, Values]) -> Values:
        del unfinished
        found = self._reread_all(run, snapshot)
        for old, (change, new) in found.items():
            run.decide(change)
            snapshot.put(old, new)
        # At last: a state that is put back would bring the reference to what is gone along.
        for old, (_, new) in found.items():
            if new is None and not any(other.urn == old.urn for other in snapshot.resources):
                snapshot.rename(old.urn, None)
        snapshot.commit()
        run.raise_failures()
        return next((r.outputs for r in snapshot.resources if r.type == STACK_TYPE), {})

    def _reread_all(self, run: Run, snapshot: Snapshot) -> dict[ResourceState, tuple[Change, ResourceState | None]]:
        """Read what can be read, and return by state, in its order, what became of each."""
        pool = host.Workers(self._workers)
        try:
            jobs = {
                pool.submit(self._reread, run, resource): resource
                for resource in snapshot.resources
                if resource.custom and not resource.pending_replacement and not resource.type.startswith(PROVIDER_TYPE)
            }
            found: dict[ResourceState, tuple[Change, ResourceState | None]] = {}
            for job in as_completed(jobs):
                try:
                    found[jobs[job]] = job.result()
                except StepError:
                    continue
        finally:
            pool.shutdown(wait=False)
        return {resource: found[resource] for resource in jobs.values() if resource in found}

    def _reread(self, run: Run, old: ResourceState) -> tuple[Change, ResourceState | None]:
        if run.stopping.is_set():
            raise StepError("left out")
        with run.step(Change(urn=old.urn, kind=ChangeKind.SAME)):
            found = self._providers.read(old)
        if found is None:
            return Change(urn=old.urn, kind=ChangeKind.DELETE), None
        resource_id, outputs, inputs = found
        if (resource_id, plain(outputs)) == (old.id, plain(old.outputs)):
            return Change(urn=old.urn, kind=ChangeKind.SAME), old
        # What nobody declared moves by itself, such as a cluster's list of members: news for the state, and no drift.
        declared = old.inputs.keys() | inputs.keys()
        before, after = ({key: of[key] for key in of.keys() & declared} for of in (old.outputs, outputs))
        drift = changes(before, after)
        kind = ChangeKind.UPDATE if drift or resource_id != old.id else ChangeKind.SAME
        new = replace(old, id=resource_id, outputs=outputs, inputs=inputs, modified=now())
        return Change(urn=old.urn, kind=kind, properties=drift), new
