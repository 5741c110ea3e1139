"""Runbook `docdb_restore`: the database restored to a point in time, as a new cluster, compared, and torn down.

RPO is the age of the newest moment that could be restored when the restore began; RTO is the time from then until the
data was read by a task of the application. Only what carries this run's tag is ever deleted, and never the source.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from prod_infra.errors import RunbookError
from runbooks.actions.docdb_restore_steps import CreateInstance, Facts, RestoreCluster, UseParameterGroup
from runbooks.actions.docdb_restored import find_cluster, find_instance, tear_down
from runbooks.actions.one_off_task import Ended, one_off_task, stop_tasks
from runbooks.core.planning import PlannedRun
from runbooks.core.results import publish
from runbooks.core.step import Step, UndoAction
from runbooks.records.record_parts import Measured, Objectives
from runbooks.recovery_parameters import DocdbRestoreParameters
from runbooks.verify import Check

UNTIL: Final = "CHECKSUM_UNTIL"
"""Environment variable of the checksum's tasks: sum up what was written until then, ISO 8601."""


class DocdbRestore(PlannedRun[DocdbRestoreParameters]):
    """One run of the drill."""

    name, model = "docdb_restore", DocdbRestoreParameters
    _readable: datetime | None = None
    _available: datetime
    _measured: Measured
    _restored: Ended | None = None
    _source: Ended | None = None

    @property
    def facts(self) -> Facts:
        """What is restored into what."""
        return Facts(**self.decide("facts", self._look))

    @property
    def owner(self) -> str:
        """Id of the run that made it all; `<run id>` in a plan, which must be the same in every run."""
        return self.own("<run id>", lambda: str(self.decide("owner", lambda: self.id)))

    def preflight(self) -> None:
        """Look at what is to be restored.

        Raises:
            RunbookError: the name is taken, or the time can't be restored.
        """
        facts = self.facts
        self.say(f"{facts.source} as {facts.target}, to {facts.restore_to or 'the latest moment'}")

    def _look(self) -> dict[str, Any]:
        source = self.deployed().database
        name = source["DBClusterIdentifier"]
        target = self.parameters.cluster or f"{name[:49]}-restored"
        if find_cluster(self.aws, target) is not None:
            raise RunbookError(
                f"There is a cluster {target} already.", hint="give another `cluster`, or undo the run that left it"
            )
        self._check_moment(source)
        writer = next(each for each in source["DBClusterMembers"] if each["IsClusterWriter"])["DBInstanceIdentifier"]
        logs = sorted(source.get("EnabledCloudwatchLogsExports", ()))
        return {
            "source": name,
            "target": target,
            "subnet_group": source["DBSubnetGroup"],
            "security_groups": sorted(group["VpcSecurityGroupId"] for group in source["VpcSecurityGroups"]),
            "kms_key": source.get("KmsKeyId", ""),
            "parameter_group": source["DBClusterParameterGroup"],
            "port": source["Port"],
            "logs": logs,
            "instance_class": (find_instance(self.aws, writer) or {})["DBInstanceClass"],
            "instances": [f"{target}-{number}" for number in range(self.parameters.instances)],
            "restore_to": self.parameters.restore_to,
            "new_log_groups": [group for log in logs if not self._is_there(group := f"/aws/docdb/{target}/{log}")],
        }

    def _is_there(self, group: str) -> bool:
        found = self.aws("logs").describe_log_groups(logGroupNamePrefix=group)["logGroups"]
        return group in {each["logGroupName"] for each in found}

    def _check_moment(self, source: Mapping[str, Any]) -> None:
        if not self.parameters.restore_to:
            return
        moment = datetime.fromisoformat(self.parameters.restore_to)
        earliest, latest = source["EarliestRestorableTime"], source["LatestRestorableTime"]
        if not earliest <= moment <= latest:
            raise RunbookError(
                f"{moment.isoformat()} can't be restored.",
                hint=f"it is possible from {earliest.isoformat()} to {latest.isoformat()}",
            )

    def steps(self) -> Sequence[Step]:
        """Cluster, parameter group, instances; then both sums, the new cluster's first: it ends the RTO."""
        found: list[Step] = [RestoreCluster(run=self), UseParameterGroup(run=self)]
        found += [CreateInstance(run=self, instance=name) for name in self.facts.instances]
        if not self.parameters.checksum_command:
            return found
        return [*found, self._sum(self.facts.target, self._read_restored), self._sum(self.facts.source, self._read)]

    def _sum(self, name: str, keep: Callable[[Ended], None]) -> Step:
        def variables() -> dict[str, str]:
            host = self.own(f"<endpoint of {name}>", lambda: str((find_cluster(self.aws, name) or {})["Endpoint"]))
            return {self.parameters.host_variable: host, UNTIL: self.own("<restored to>", lambda: self._moment)}

        return one_off_task(
            self,
            self.deployed(),
            title=f"sum up the data of {name}",
            command=self.parameters.checksum_command,
            keep=keep,
            variables=variables,
            prints=True,
        )

    def restoring(self) -> None:
        """Note when the restore begins, and the newest moment that could be restored then."""
        self.decide("began", lambda: datetime.now(UTC).isoformat())
        self.decide("latest", self._latest)

    def _latest(self) -> str:
        source = find_cluster(self.aws, self.facts.source) or {}
        return str(source["LatestRestorableTime"].astimezone(UTC).isoformat())

    @property
    def _moment(self) -> str:
        return self.facts.restore_to or str(self.decide("latest", self._latest))

    def _read_restored(self, ended: Ended) -> None:
        self._restored, self._readable = ended, datetime.now(UTC)

    def _read(self, ended: Ended) -> None:
        self._source = ended

    def act(self) -> None:
        """Do each step; what is not read by then was at least available.

        Raises:
            RunbookError: a step failed.
        """
        super().act()
        self._available = datetime.now(UTC)

    def verify(self) -> None:
        """Look at the new cluster and its data, measure, and tear it down unless it is to stay.

        Raises:
            RunbookError: a check failed, or not everything could be torn down.
        """
        if not self.parameters.dry_run:
            self._measure()
        super().verify()
        if not self.parameters.keep_cluster:
            self.take_back()

    def _measure(self) -> None:
        wanted = self.parameters
        began, latest = (datetime.fromisoformat(self.decide(name, str)) for name in ("began", "latest"))
        age = max(0.0, (began - latest).total_seconds())
        self._measured = Measured(
            rto_seconds=((self._readable or self._available) - began).total_seconds(),
            rto_why="" if self._readable else "until the instances were available; no data was read",
            rpo_seconds=age,
            rpo_why=f"what was written in the last {age:.1f} s could not be restored; writes are not counted",
        )
        objectives = Objectives(rto_seconds=wanted.rto_objective_seconds, rpo_seconds=wanted.rpo_objective_seconds)
        publish("objectives", objectives.model_dump(mode="json"))
        publish("measured", self._measured.model_dump(mode="json"))
        self.say(f"RTO {self._measured.rto_seconds:.1f} s, RPO {age:.1f} s")

    def checks(self) -> Iterator[Check]:
        """The new cluster is as its source is, and so are its data."""
        facts, found = self.facts, find_cluster(self.aws, self.facts.target) or {}
        groups = sorted(group["VpcSecurityGroupId"] for group in found.get("VpcSecurityGroups", ()))
        pairs = {
            "status": (found.get("Status"), "available"),
            "subnet group": (found.get("DBSubnetGroup"), facts.subnet_group),
            "security groups": (groups, list(facts.security_groups)),
            "key": (found.get("KmsKeyId", ""), facts.kms_key),
            "port": (found.get("Port"), facts.port),
            "parameter group": (found.get("DBClusterParameterGroup"), facts.parameter_group),
            "logs": (sorted(found.get("EnabledCloudwatchLogsExports", ())), list(facts.logs)),
        }
        wrong = [f"{what} is {is_now}, not {wanted}" for what, (is_now, wanted) in pairs.items() if is_now != wanted]
        yield Check(
            group="data",
            name="The new cluster is configured as its source",
            passed=not wrong,
            detail="; ".join(wrong) or ", ".join(pairs),
        )
        members = {
            member["DBInstanceIdentifier"]: member["DBClusterParameterGroupStatus"]
            for member in found.get("DBClusterMembers", ())
        }
        yield Check(
            group="data",
            name="Its instances run with its parameters",
            passed=members == dict.fromkeys(facts.instances, "in-sync"),
            detail=str(members),
        )
        passed, detail = self._comparison()
        publish("comparison", {"passed": passed, "detail": detail})
        yield Check(group="data", name="The data are the source's", passed=passed, detail=detail)

    def _comparison(self) -> tuple[bool, str]:
        """Say whether both sums are the same; one without a bound in time can't tell a loss from a later write."""
        if self._restored is None or self._source is None:
            return True, "not compared: checksum_command is empty"
        sums = []
        for ended in (self._restored, self._source):
            try:
                sums.append(dict(json.loads(ended.lines[-1])))
            except (IndexError, ValueError):
                return False, f"the command printed no line of JSON: {ended}"
            if ended.exit_code != 0:
                return False, f"the command failed: {ended}"
        restored, source = sums
        if restored == source:
            return True, f"equal: {json.dumps(source)}"
        both = f"restored {json.dumps(restored)}, source {json.dumps(source)}"
        if "until" in restored and "until" in source:
            return False, f"different: {both}"
        return True, f"not compared: the command does not heed {UNTIL}, so later writes are in the source's sum: {both}"

    def result(self) -> None:
        """Hold the drill against its objectives, and let go of the target.

        Raises:
            RunbookError: an objective was missed.
        """
        if not self.parameters.dry_run:
            found, wanted = self._measured, self.parameters
            pairs = {
                "RTO": (found.rto_seconds or 0.0, wanted.rto_objective_seconds),
                "RPO": (found.rpo_seconds or 0.0, wanted.rpo_objective_seconds),
            }
            missed = [
                f"{what} was {is_now:.1f} s, not {most:g} s." for what, (is_now, most) in pairs.items() if is_now > most
            ]
            if missed:
                raise RunbookError(f"The drill missed its objectives: {' '.join(missed)}")
        super().result()


start = DocdbRestore.start

UNDO: Final[Mapping[str, UndoAction]] = {"tear_down": tear_down, "stop_tasks": stop_tasks}
