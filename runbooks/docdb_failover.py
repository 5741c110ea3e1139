"""Runbook `docdb_failover`: another instance becomes the database's writer, measured from outside, and back again.

By default the drill ends with the former writer: RTO is then the longer of two outages, and both are in the record. A
drill that fails, by a missed objective too, is taken back as any run; with `fail_back=false` that is one more failover.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from prod_infra.errors import RunbookError
from runbooks.core.aws import Aws
from runbooks.core.run import Run
from runbooks.core.show_checks import show_checks
from runbooks.core.step import Call, Step, Undo, UndoAction
from runbooks.core.waiting import wait
from runbooks.parameters import DocdbFailoverParameters
from runbooks.probes.probing import ProbedRun
from runbooks.verify import Check, Deployed
from runbooks.verify.check import Findings, run_check

AVAILABLE: Final = "available"
BACK_SECONDS: Final = 600.0
"""For which an undo waits for the former writer; AWS says that service is restored in typically less than 120 s:
https://docs.aws.amazon.com/documentdb/latest/developerguide/db-cluster-fault-tolerance.html."""

LOOKS: Final = 3
"""Looks in a row at which a cluster must be the same before an undo believes that no failover has just been asked for:
AWS does not say how soon `describe_db_clusters` shows one."""


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """A cluster as AWS shows it now: its status, its writer's identifier (empty: none), the status of each instance."""

    status: str
    writer: str
    instances: Mapping[str, str]

    @classmethod
    def of(cls, aws: Aws, name: str) -> Cluster:
        """Look at a cluster and its instances."""
        found = aws("docdb").describe_db_clusters(DBClusterIdentifier=name)["DBClusters"][0]
        wanted = [{"Name": "db-cluster-id", "Values": [name]}]
        pages = aws("docdb").get_paginator("describe_db_instances").paginate(Filters=wanted)
        instances = [instance for page in pages for instance in page["DBInstances"]]
        writers = [each["DBInstanceIdentifier"] for each in found["DBClusterMembers"] if each["IsClusterWriter"]]
        return cls(
            status=found["Status"],
            writer=writers[0] if writers else "",
            instances={each["DBInstanceIdentifier"]: each["DBInstanceStatus"] for each in instances},
        )

    def settled(self, but: Collection[str] = ()) -> bool:
        """Whether there is a writer and all is available, but for some instances."""
        others = {status for name, status in self.instances.items() if name not in but}
        return bool(self.writer) and self.status == AVAILABLE and others == {AVAILABLE}


@dataclass(frozen=True, kw_only=True)
class FailOver(Step):
    """Make another instance the writer.

    Attributes:
        run: the drill.
        cluster: identifier.
        target: instance that is to be the writer.
        writer: instance that was it when the run began.
        timeout: seconds for which it may take.
        ill: instances that are not waited for.
    """

    run: Run[Any]
    cluster: str
    target: str
    writer: str
    timeout: float
    ill: Collection[str] = ()

    @property
    def name(self) -> str:
        """To which instance."""
        return f"fail over to {self.target}"

    def already_done(self) -> bool:
        """Whether it is the writer."""
        return Cluster.of(self.run.aws, self.cluster).writer == self.target

    def calls(self) -> Sequence[Call]:
        """One call."""
        parameters = {"DBClusterIdentifier": self.cluster, "TargetDBInstanceIdentifier": self.target}
        return [Call(service="docdb", operation="failover_db_cluster", parameters=parameters)]

    def undo(self) -> Undo:
        """Fail back to who was the writer."""
        return Undo(action="docdb_failover.fail_back", arguments={"cluster": self.cluster, "writer": self.writer})

    def act(self) -> Mapping[str, Any]:
        """Ask for it, and wait until the target writes and everything is available again.

        Raises:
            ClientError: AWS refuses.
            WaitTimeoutError: it does not end.
        """
        for call in self.calls():
            self.run.aws("docdb").failover_db_cluster(**call.parameters)
        # The status alone says nothing: it may still be `available` right after the call.
        self.run.wait(f"{self.target} to be the writer", self.already_done, timeout=self.timeout)
        self.run.wait(
            f"{self.cluster} to be available",
            lambda: Cluster.of(self.run.aws, self.cluster).settled(self.ill),
            timeout=self.timeout,
        )
        return {"writer": self.target}


def fail_back(aws: Aws, *, cluster: str, writer: str) -> str:
    """Make an instance the writer again, if it is not."""
    seen: list[Cluster] = []

    def rests() -> Cluster | None:
        seen.append(now := Cluster.of(aws, cluster))
        ready = now.writer and now.status == AVAILABLE and now.instances.get(writer) == AVAILABLE
        return now if ready and seen[-LOOKS:] == [now] * LOOKS else None

    former = wait(f"{cluster} and {writer} to be available", rests, timeout=BACK_SECONDS, poll=aws.poll_seconds).writer
    if former == writer:
        return f"{writer} is the writer"
    aws("docdb").failover_db_cluster(DBClusterIdentifier=cluster, TargetDBInstanceIdentifier=writer)

    def is_back() -> bool:
        now = Cluster.of(aws, cluster)
        return now.writer == writer and now.settled()

    wait(f"{writer} to be the writer again", is_back, timeout=BACK_SECONDS, poll=aws.poll_seconds)
    return f"failed back from {former} to {writer}"


def find_failover(env: Deployed, wish: str = "", away_from: str = "", *, ill: bool = False) -> dict[str, str]:
    """Return `cluster`, `writer`, and as `target` the instance that may become the writer.

    Args:
        env: not asked before.
        wish: instance that is to become it; empty for a replica in another zone than the writer's.
        away_from: zone that the target must not be in; empty for the writer's.
        ill: whether the writer need not be available.

    Raises:
        RunbookError: a failover can't be done, or none may be chosen; it names every reason.
    """
    cluster, instances = env.database, {each["DBInstanceIdentifier"]: each for each in env.database_instances}
    name = cluster["DBClusterIdentifier"]
    able = [each for each, found in instances.items() if found["DBInstanceStatus"] == AVAILABLE]
    writers = [each["DBInstanceIdentifier"] for each in cluster["DBClusterMembers"] if each["IsClusterWriter"]]
    faults = []
    if cluster["Status"] != AVAILABLE:
        faults.append(f"the cluster is {cluster['Status']}")
    if len(writers) != 1 or writers[0] not in instances:
        raise _refused(name, [*faults, "it has no writer"])
    writer = instances[writers[0]]
    if len(able) < 2 - ill:  # a writer and a replica
        faults.append(f"{len(able)} of its {len(instances)} instances are available, and it takes two")

    def why_not(instance: Mapping[str, Any]) -> list[str]:
        own = {
            "is the writer already": instance["DBInstanceIdentifier"] == writers[0],
            f"is {instance['DBInstanceStatus']}": instance["DBInstanceStatus"] != AVAILABLE,
            f"is in {instance['AvailabilityZone']}": instance["AvailabilityZone"]
            == (away_from or writer["AvailabilityZone"]),
            f"is a {instance['DBInstanceClass']}, not a {writer['DBInstanceClass']}": instance["DBInstanceClass"]
            != writer["DBInstanceClass"],
        }
        return [words for words, holds in own.items() if holds]

    if wish and wish not in instances:
        raise _refused(name, [*faults, f"{wish} is none of its instances {', '.join(sorted(instances))}"])
    found = {each: why_not(instances[each]) for each in ([wish] if wish else sorted(instances))}
    target = next((each for each, reasons in found.items() if not reasons), "")
    if not target:
        faults += [f"{each} {' and '.join(reasons)}" for each, reasons in found.items()]
    if faults:
        raise _refused(name, faults)
    return {"cluster": name, "writer": writers[0], "target": target}


def _refused(cluster: str, faults: Sequence[str]) -> RunbookError:
    return RunbookError(
        f"{cluster} can't fail over: {'; '.join(faults)}.", hint="nothing was changed; mend that, or choose another"
    )


def writer_is(name: str, ill: Collection[str] = ()) -> Any:
    """Return the check that an instance is the writer, and all are available but some."""

    def check(env: Deployed, see: Findings) -> None:
        """The chosen instance writes, and every instance is available."""
        members = env.database["DBClusterMembers"]
        see.equal("writer", [each["DBInstanceIdentifier"] for each in members if each["IsClusterWriter"]], [name])
        for instance in env.database_instances:
            if instance["DBInstanceIdentifier"] not in ill:
                see.equal(instance["DBInstanceIdentifier"], instance["DBInstanceStatus"], AVAILABLE)

    return check


class DocdbFailover(ProbedRun[DocdbFailoverParameters]):
    """One run of the runbook."""

    name, model = "docdb_failover", DocdbFailoverParameters

    def preflight(self) -> None:
        """Choose the target; a resumed run keeps the choice.

        Raises:
            RunbookError: no failover can be done.
        """
        chosen = self.decide("failover", lambda: find_failover(self.deployed(), self.parameters.instance))
        self.say(f"writer {chosen['writer']}, target {chosen['target']} of {chosen['cluster']}")

    def _chosen(self) -> dict[str, str]:
        return dict(self.decide("failover", dict))

    def steps(self) -> Sequence[Step]:
        """One: the failover."""
        return [FailOver(run=self, timeout=self.parameters.failover_timeout, **self._chosen())]

    def checks(self) -> Iterator[Check]:
        """The target writes, and customers' requests get through again."""
        yield from self._checks(self._chosen()["target"])

    def _checks(self, writer: str) -> Iterator[Check]:
        yield run_check("data", writer_is(writer), self.deployed())
        if self.probing is not None:
            yield self.probing.check("edge")

    def finish(self) -> None:
        """Fail back, while the probe still asks, unless the new writer is to stay.

        Raises:
            RunbookError: the former writer is not the writer again.
        """
        if self.parameters.fail_back and not self.parameters.dry_run:
            self.take_back()
            if failed := show_checks(self.console, "verification_back", self._checks(self._chosen()["writer"])):
                raise RunbookError(f"Not as it was: {'; '.join(check.detail for check in failed)}.")


start = DocdbFailover.start

UNDO: Final[Mapping[str, UndoAction]] = {"fail_back": fail_back}
