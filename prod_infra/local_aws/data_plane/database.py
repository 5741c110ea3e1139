"""DocumentDB's data, which the control plane doesn't have: what tasks wrote through the writers, and when."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from prod_infra.local_aws.data_plane.shape import Cluster, Topology
from prod_infra.sample_app.app import Identity
from prod_infra.sample_app.database import Credentials, DatabaseUnavailableError, LoginRefusedError

RETRY_SECONDS: Final = 0.2
"""After which a login that could not be asked for is tried again."""


@dataclass(frozen=True)
class Write:
    """An acknowledged write: epoch seconds, what was written, and which task and cluster did so."""

    at: float
    run: str
    sequence: int
    task: str
    revision: str
    cluster: str


class Databases:
    """The data of every cluster, append-only, and the log of all acknowledged writes, which outlives clusters.

    A restored cluster begins with what its source had at the time that it was restored to.
    """

    def __init__(self) -> None:
        self._clusters: dict[str, Cluster] = {}
        self._data: dict[str, list[Write]] = {}
        self._log: list[Write] = []

    def follow(self, topology: Topology) -> None:
        """Take over which clusters there are and who writes; the data of one that is gone is gone."""
        self._clusters = {cluster["endpoint"]: cluster for cluster in topology["clusters"]}
        by_id = {cluster["id"]: cluster["resource"] for cluster in topology["clusters"]}
        for cluster in topology["clusters"]:
            if cluster["resource"] not in self._data:
                source = self._data.get(by_id.get(cluster["source"] or "", ""), [])
                until = cluster["restored_to"] or 0.0
                self._data[cluster["resource"]] = [write for write in source if write.at <= until]
        for resource in self._data.keys() - set(by_id.values()):
            del self._data[resource]

    def cluster_at(self, host: str) -> Cluster | None:
        """Return the cluster whose endpoint a host name is."""
        return self._clusters.get(host.lower())

    def of(self, cluster: Cluster) -> Sequence[Write]:
        """Return what a cluster holds, in the order of writing."""
        return self._data[cluster["resource"]]

    def append(self, cluster: Cluster, run: str, sequence: int, who: Identity) -> None:
        """Write, which acknowledges it."""
        write = Write(time.time(), run, sequence, who.task, who.revision, cluster["id"])
        self._data[cluster["resource"]].append(write)
        self._log.append(write)

    def log(self, run: str | None) -> list[dict[str, Any]]:
        """Return every acknowledged write, of one run or all, oldest first."""
        return [asdict(write) for write in self._log if run in (None, write.run)]


class Connection:
    """A task's connection: it logs in when it is made and again at each new writer, as a MongoDB driver does.

    A login that has succeeded holds until the writer changes, whatever the password becomes meanwhile.

    Args:
        databases: where the data is.
        who: the task.
        credentials: with which it logs in.
        log_in: asks a cluster whether it lets them in; None if that could not be asked.

    Attributes:
        login: the login that is under way or was the last; None before the first.
    """

    def __init__(
        self,
        databases: Databases,
        who: Identity,
        credentials: Credentials,
        log_in: Callable[[str, Credentials], Awaitable[bool | None]],
    ) -> None:
        self._databases = databases
        self._who = who
        self._credentials = credentials
        self._log_in = log_in
        # Resource and writer of the cluster that `_admitted` is about.
        self._at: tuple[str, str] | None = None
        self._admitted: bool | None = None
        self.login: asyncio.Task[None] | None = None

    def mend(self) -> None:
        """Log in again if the writer is another one than before."""
        cluster = self._databases.cluster_at(self._credentials.host)
        at = (cluster["resource"], cluster["writer"]) if cluster and cluster["writer"] else None
        if at != self._at:
            self._at, self._admitted = at, None
            if cluster and at:
                self.login = asyncio.create_task(self._try(cluster["id"], at))

    async def _try(self, cluster: str, at: tuple[str, str]) -> None:
        while self._at == at and self._admitted is None:
            admitted = await self._log_in(cluster, self._credentials)
            if self._at == at:
                self._admitted = admitted
            if admitted is None:
                await asyncio.sleep(RETRY_SECONDS)

    def write(self, run: str, sequence: int) -> None:
        """Store a write; it is acknowledged when this returns."""
        self._databases.append(self._ready(), run, sequence, self._who)

    def sequences(self, run: str) -> Sequence[int]:
        """Return the sequence numbers of a run, in the order of writing."""
        return [write.sequence for write in self._databases.of(self._ready()) if write.run == run]

    def everything(self, until: datetime | None = None) -> Iterable[tuple[str, int]]:
        """Return all writes of all runs, or those of up to a moment."""
        last = until.timestamp() if until else math.inf
        return [(write.run, write.sequence) for write in self._databases.of(self._ready()) if write.at <= last]

    def _ready(self) -> Cluster:
        cluster = self._databases.cluster_at(self._credentials.host)
        if cluster is None:
            raise DatabaseUnavailableError(f"no database answers at {self._credentials.host!r}")
        if self._admitted is False:
            raise LoginRefusedError(f"{cluster['id']} refuses the password of {self._credentials.username!r}")
        if cluster["writer"] is None or self._at != (cluster["resource"], cluster["writer"]) or not self._admitted:
            raise DatabaseUnavailableError(f"{cluster['id']} has no writer now")
        return cluster
