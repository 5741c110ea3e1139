"""The steps that change AWS, each written to the state before it begins and after it ends."""

from __future__ import annotations

from dataclasses import replace

from prod_infra.deployment.embedded.provider_calls import Providers, StepError
from prod_infra.deployment.embedded.resource_state import ResourceState, now
from prod_infra.deployment.embedded.snapshot import Snapshot
from prod_infra.deployment.embedded.state import Operation


def _timeout(resource: ResourceState, step: str) -> float:
    """Return the time in seconds that the program allows for a step, or 0."""
    return float((resource.rest.get("customTimeouts") or {}).get(step, 0))


class Steps:
    """Does one step at a time and thread.

    After a failed step nobody knows how far AWS came. Its operation stays open in the state; the next run finds out.

    Args:
        providers: do the work.
        snapshot: the state.
    """

    def __init__(self, providers: Providers, snapshot: Snapshot) -> None:
        self._providers = providers
        self._snapshot = snapshot

    def create(self, new: ResourceState, old: ResourceState | None) -> ResourceState:
        """Make a resource; an old one that still is in AWS stays beside it, to be deleted later.

        Raises:
            StepError: the provider failed; what it made nevertheless is in the state.
        """
        new = replace(new, id="", outputs={}, created=now(), modified=now())
        operation = Operation(type="creating", resource=new)
        self._snapshot.begin(operation)
        failure: StepError | None = None
        try:
            resource_id, outputs = self._providers.create(new, _timeout(new, "create"))
            made = replace(new, id=resource_id, outputs=outputs, modified=now())
        except StepError as error:
            if error.made is None:
                if not self._providers.can_recover(new):
                    # Nobody could ever say more about it.
                    self._snapshot.end(operation)
                    self._snapshot.commit()
                raise
            failure = error
            made = replace(new, id=error.made[0], outputs=error.made[1], init_errors=(error.message,))
        current = self._snapshot.find(new.urn) if old else None
        stays = replace(current, delete=True) if current and not current.pending_replacement else None
        self._snapshot.settle(current, made, keep_old=stays)
        self._snapshot.end(operation)
        self._snapshot.commit()
        if failure:
            raise failure
        return made

    def update(self, old: ResourceState, new: ResourceState) -> ResourceState:
        """Change a resource in place.

        Raises:
            StepError: the provider failed.
        """
        operation = Operation(type="updating", resource=new)
        self._snapshot.begin(operation)
        outputs = self._providers.update(old, new, _timeout(new, "update"))
        made = replace(new, outputs=outputs, modified=now(), init_errors=())
        self._snapshot.settle(old, made)
        self._snapshot.end(operation)
        self._snapshot.commit()
        return made

    def delete(
        self, resource: ResourceState, *, becomes: ResourceState | None = None, gone_anyway: bool = False
    ) -> None:
        """Delete a resource.

        Args:
            resource: what to delete; one that is retained only leaves the state.
            becomes: what the state keeps of it.
            gone_anyway: whether AWS deletes it together with another one.

        Raises:
            StepError: the provider failed.
        """
        operation = Operation(type="deleting", resource=resource)
        self._snapshot.begin(operation)
        if not resource.retain_on_delete and not gone_anyway:
            self._providers.delete(resource, _timeout(resource, "delete"))
        self._snapshot.put(resource, becomes)
        self._snapshot.end(operation)
        self._snapshot.commit()
