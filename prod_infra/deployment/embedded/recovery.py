"""Finds out what became of the steps that an earlier run left open: it was killed, or AWS failed half way.

What can be told: an update or delete is read again. A create is looked for by the provider's `recover`, which knows it
by the name or the tags that were sent. What can't be told: a create of a type that AWS gives neither name nor tags
while it is made, in the moment between AWS's doing and its answer. The warning names it.
"""

from __future__ import annotations

from dataclasses import replace

from prod_infra.deployment.embedded.provider_calls import Providers, StepError
from prod_infra.deployment.embedded.resource_state import ResourceState
from prod_infra.deployment.embedded.snapshot import Snapshot
from prod_infra.deployment.program.run import Run
from prod_infra.errors import DeploymentError
from prod_infra.properties import Values


def _reread(resource: ResourceState, snapshot: Snapshot, providers: Providers) -> None:
    found = providers.read(resource)
    if found is None:
        snapshot.put(resource, None)
        if not any(other.urn == resource.urn for other in snapshot.resources):
            snapshot.rename(resource.urn, None)
    else:
        # The inputs stay those of the last success: the next comparison is with what AWS has.
        snapshot.put(resource, replace(resource, id=found[0], outputs=found[1]))


def _adopt(asked: ResourceState, run: Run, snapshot: Snapshot, providers: Providers) -> bool:
    """Take what an open create made into the state; returns whether there is such a thing."""
    resource_id = providers.recover(asked)
    same = [resource for resource in snapshot.resources if resource.urn == asked.urn]
    if resource_id is None or any(resource.id == resource_id for resource in same):
        return False
    found = providers.read(replace(asked, id=resource_id))
    if found is None:
        return False
    for old in same:
        if not old.delete:
            snapshot.put(old, None if old.pending_replacement else replace(old, delete=True))
    # Its inputs were sent, but maybe not all of them reached AWS: the outputs say.
    snapshot.put(None, replace(asked, id=found[0], outputs=found[1]))
    run.warn(f"{asked.urn} was being created when the last run ended; AWS has it as {found[0]}, and it was taken over.")
    return True


def recover(run: Run, snapshot: Snapshot, providers: Providers) -> dict[str, Values]:
    """Settle every open step, and return the inputs of creates that made nothing, by URN: their names are used again.

    Raises:
        DeploymentError: AWS could not be asked; the steps stay open.
    """
    unfinished: dict[str, Values] = {}
    try:
        for operation in snapshot.pending:
            resource = operation.resource
            if operation.type == "creating":
                if not _adopt(resource, run, snapshot, providers):
                    unfinished[resource.urn] = resource.inputs
                    if not providers.can_recover(resource):
                        run.warn(
                            f"{resource.urn} was being created when the last run ended, and nobody can tell whether it "
                            "was: look for it, and delete it if it is there."
                        )
            else:
                for live in snapshot.resources:
                    if (live.urn, live.id) == (resource.urn, resource.id) and not live.pending_replacement:
                        _reread(live, snapshot, providers)
            snapshot.end(operation)
        for resource in snapshot.resources:
            if resource.init_errors and not resource.delete:
                _reread(resource, snapshot, providers)
    except StepError as error:
        raise DeploymentError(
            f"What became of the last run's open steps could not be found out: {error.message}",
            hint="mend the cause and run it again; nothing was changed",
        ) from None
    return unfinished
