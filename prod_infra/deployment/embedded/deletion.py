"""Deletes resources in reverse order of dependency, as many at once as allow it."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from graphlib import TopologicalSorter

from prod_infra.deployment.embedded.provider_calls import Providers, StepError
from prod_infra.deployment.embedded.provider_resources import is_default_provider
from prod_infra.deployment.embedded.resource_state import ResourceState
from prod_infra.deployment.embedded.snapshot import Snapshot
from prod_infra.deployment.embedded.steps import Steps
from prod_infra.deployment.engine import Change, ChangeKind
from prod_infra.deployment.program.host import Workers
from prod_infra.deployment.program.monitor import PROVIDER_TYPE
from prod_infra.deployment.program.run import Run


def _graph(doomed: Sequence[ResourceState]) -> TopologicalSorter[ResourceState]:
    graph: TopologicalSorter[ResourceState] = TopologicalSorter()
    for resource in reversed(doomed):
        graph.add(resource)
    for index, resource in enumerate(doomed):
        # Only what stands before it in the state: an old copy and its successor share a URN, and may need each other's.
        for needed in doomed[:index]:
            if needed.urn in resource.references:
                graph.add(needed, resource)
    return graph


def in_order(doomed: Sequence[ResourceState]) -> list[ResourceState]:
    """Return the resources so that each comes before what it needs."""
    return list(_graph(doomed).static_order())


def announce(run: Run, doomed: Sequence[ResourceState], replaced: Sequence[ResourceState] = ()) -> None:
    """Note what will be deleted, and which of it is protected.

    Args:
        run: is told.
        doomed: what will be deleted.
        replaced: old ones whose replacement is reported already.
    """
    for resource in in_order(doomed):
        if resource.protect and not resource.delete:
            run.blocked[resource.urn] = "it is protected"
        # What was only looked up stays in AWS.
        if resource not in replaced and not resource.external and not is_default_provider(resource.urn):
            run.decide(Change(urn=resource.urn, kind=ChangeKind.DELETE))


def delete(
    run: Run, snapshot: Snapshot, providers: Providers, doomed: Sequence[ResourceState], *, workers: int
) -> None:
    """Delete the resources; after a failure, only what does not wait for it and is under way goes on."""
    going = {resource.urn for resource in doomed}
    graph = _graph(doomed)
    graph.prepare()
    pool = Workers(workers)
    running: dict[Future[None], ResourceState] = {}
    try:
        while graph.is_active():
            if not run.stopping.is_set():
                for resource in graph.get_ready():
                    running[pool.submit(_delete, run, snapshot, providers, resource, going)] = resource
            if not running:
                break
            ended, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in ended:
                resource = running.pop(future)
                try:
                    future.result()
                except StepError:
                    continue
                graph.done(resource)
    finally:
        pool.shutdown(wait=False)


def _delete(run: Run, snapshot: Snapshot, providers: Providers, resource: ResourceState, going: set[str]) -> None:
    gone = not resource.custom or resource.external or resource.pending_replacement
    if gone or resource.type.startswith(PROVIDER_TYPE):
        # Nothing of it is in AWS: the file learns of it with the next write.
        snapshot.put(resource, None)
        return
    with run.step(Change(urn=resource.urn, kind=ChangeKind.DELETE)):
        Steps(providers, snapshot).delete(resource, gone_anyway=resource.deleted_with in going)
