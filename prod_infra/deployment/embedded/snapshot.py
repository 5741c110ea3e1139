"""The state while an operation works on it: what is settled, what is still as before, and what is under way."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from prod_infra.deployment.embedded.resource_state import ResourceState
from prod_infra.deployment.embedded.state import Operation, StateFile
from prod_infra.errors import StateError


class Snapshot:
    """Resources in an order in which each comes after what it needs. Safe to use from many threads.

    Args:
        resources: the state before the operation, in such an order.
        pending: operations that an earlier run left open.
        file: where to write; None for a plan, which writes nothing.
    """

    def __init__(
        self, resources: Sequence[ResourceState], pending: Sequence[Operation] = (), file: StateFile | None = None
    ) -> None:
        self._before = list(resources)
        self._settled: list[ResourceState] = []
        self._pending = list(pending)
        self._file = file
        self._lock = threading.RLock()
        self._writing = threading.Lock()
        self._version = 0
        self._written = 0
        self._aborted = False

    @property
    def resources(self) -> list[ResourceState]:
        """Every resource: what this operation has settled, then what it has not come to yet."""
        with self._lock:
            # A settled resource needs only settled ones, so both orders stay right side by side.
            return [*self._settled, *self._before]

    @property
    def unsettled(self) -> list[ResourceState]:
        """What the operation has not come to (yet)."""
        with self._lock:
            return list(self._before)

    @property
    def settled(self) -> list[ResourceState]:
        """What the operation has come to."""
        with self._lock:
            return list(self._settled)

    @property
    def pending(self) -> list[Operation]:
        """Operations whose end is not recorded."""
        with self._lock:
            return list(self._pending)

    def find(self, urn: str) -> ResourceState | None:
        """Return the unsettled resource of that URN that is not on its way out."""
        with self._lock:
            return next((r for r in self._before if r.urn == urn and not r.delete), None)

    def plan(self) -> Snapshot:
        """Return a copy that writes nothing."""
        return Snapshot(self.resources, self.pending)

    def take(self, planned: Snapshot) -> None:
        """Take over the resources of a plan in which nothing changes."""
        with self._lock:
            self._settled, self._before = planned.settled, []
            self._version += 1

    def rename(self, old: str, new: str | None) -> None:
        """Move every reference of unsettled resources from one URN to another, or drop them."""
        with self._lock:
            self._before = [r.renamed(old, new) if old in r.references else r for r in self._before]

    def settle(self, old: ResourceState | None, new: ResourceState, *, keep_old: ResourceState | None = None) -> None:
        """Take the new state of a resource in the place of the old one.

        Args:
            old: the unsettled state; None if there is none.
            new: the settled one.
            keep_old: what the old one becomes if it stays beside the new one, to be deleted later.
        """
        with self._lock:
            self.put(old, keep_old)
            self._settled.append(new)
            self._version += 1

    def put(self, old: ResourceState | None, new: ResourceState | None) -> None:
        """Replace a resource where it stands; None removes it, or adds it at the end of the unsettled ones."""
        with self._lock:
            self._version += 1
            if old is None:
                self._before += [new] if new else []
                return
            for group in (self._before, self._settled):
                for index, found in enumerate(group):
                    # Not by identity: a rename may have made a copy since the caller looked.
                    if (found.urn, found.id, found.delete) == (old.urn, old.id, old.delete):
                        group[index : index + 1] = [new] if new else []
                        return

    def begin(self, operation: Operation) -> None:
        """Note that a step begins, and write it before the step can have any effect."""
        with self._lock:
            self._pending.append(operation)
            self._version += 1
        self.commit()

    def end(self, operation: Operation) -> None:
        """Note that a step's outcome is known; the caller commits it together with the outcome."""
        with self._lock:
            self._pending.remove(operation)
            self._version += 1

    def abort(self) -> None:
        """Write nothing from now on: the file keeps every step under way as pending."""
        with self._lock:
            self._aborted = True

    def commit(self) -> None:
        """Have everything so far on disk. Threads that wait for the disk at once share one write.

        Raises:
            StateError: the operation was aborted.
        """
        if self._file is None:
            return
        with self._lock:
            wanted = self._version
        with self._writing:
            with self._lock:
                if self._written >= wanted:
                    return
                if self._aborted:
                    raise StateError("The operation was aborted.")
                version, resources, pending = self._version, self.resources, list(self._pending)
            self._file.write(resources, pending)
            self._written = version
