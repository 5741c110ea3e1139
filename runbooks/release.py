"""Runbook `release`: a new image behind the load balancer without losing a request, and the static site beside it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from prod_infra.errors import RunbookError
from runbooks.actions import blue_green_return, static_site
from runbooks.actions.blue_green import BlueGreen, revision_number, revisions, short
from runbooks.actions.blue_green_step import Deploy, FailedRequests, TestListener
from runbooks.actions.release_checks import nothing_was_lost, publish_release, service_runs, steady_checks
from runbooks.actions.static_site import Change, Invalidate, SyncSite
from runbooks.core import steady_state
from runbooks.core.aws import Aws
from runbooks.core.step import Call, Step, Undo, UndoAction
from runbooks.parameters import ReleaseParameters
from runbooks.probes.probing import ProbedRun
from runbooks.verify import Check

NEWEST: Final = 10
"""Revisions that are looked through for one that is the same already."""


@dataclass(frozen=True, kw_only=True)
class RegisterTaskDefinition(Step):
    """Register the live task definition with another image, and nothing else changed; secrets stay references.

    Attributes:
        aws: the target.
        live: ARN of the one that has the traffic.
        container: whose image it is.
        image: by digest.
        newest: number of the family's newest revision when the run began.
    """

    aws: Aws = field(repr=False)
    live: str
    container: str
    image: str
    newest: int

    @property
    def name(self) -> str:
        """What and with which image."""
        return f"register {self._family} with {self.image[-12:]}"

    @property
    def _family(self) -> str:
        return short(self.live).partition(":")[0]

    def _inputs(self, known: Mapping[str, Any]) -> dict[str, Any]:
        """Return what `register_task_definition` takes of what `describe_task_definition` says."""
        members = self.aws("ecs").meta.service_model.operation_model("RegisterTaskDefinition").input_shape.members
        return {name: known[name] for name in members if name in known}

    def _wanted(self) -> dict[str, Any]:
        answer = self.aws("ecs").describe_task_definition(taskDefinition=self.live, include=["TAGS"])
        wanted = self._inputs(answer["taskDefinition"])
        containers = [
            {**one, "image": self.image} if one["name"] == self.container else one
            for one in wanted["containerDefinitions"]
        ]
        tags = {"tags": answer["tags"]} if answer.get("tags") else {}
        return {**wanted, "containerDefinitions": containers, **tags}

    def registered(self) -> str:
        """Return the ARN of the newest revision that is just so; empty if there is none."""
        ecs, wanted = self.aws("ecs"), self._wanted()
        wanted.pop("tags", None)
        for arn in revisions(self.aws, self._family)[:NEWEST]:
            if self._inputs(ecs.describe_task_definition(taskDefinition=arn)["taskDefinition"]) == wanted:
                return arn
        return ""

    def already_done(self) -> bool:
        """Whether there is such a revision."""
        return bool(self.registered())

    def calls(self) -> Sequence[Call]:
        """One call."""
        return [Call(service="ecs", operation="register_task_definition", parameters=self._wanted())]

    def undo(self) -> Undo:
        """Deregister what has been registered since."""
        arguments = {"family": self._family, "image": self.image, "newest": self.newest}
        return Undo(action="release.deregister", arguments=arguments)

    def act(self) -> Mapping[str, Any]:
        """Register it."""
        made = self.aws("ecs").register_task_definition(**self._wanted())["taskDefinition"]
        return {"task_definition": made["taskDefinitionArn"]}


def deregister(aws: Aws, *, family: str, image: str, newest: int) -> str:
    """Deregister the revisions of a family with an image that are newer than a number."""
    ecs, done = aws("ecs"), []
    for arn in (arn for arn in revisions(aws, family) if revision_number(arn) > newest):
        known = ecs.describe_task_definition(taskDefinition=arn)["taskDefinition"]
        if image in {one["image"] for one in known["containerDefinitions"]}:
            ecs.deregister_task_definition(taskDefinition=arn)
            done.append(short(arn))
    return f"{', '.join(done)} deregistered" if done else "nothing had been registered"


class Release(ProbedRun[ReleaseParameters]):
    """One run of the runbook."""

    name, model = "release", ReleaseParameters

    @cached_property
    def blue_green(self) -> BlueGreen:
        """The service and its deployments."""
        return BlueGreen.of(self.aws, self.deployed())

    @property
    def deploys(self) -> bool:
        """Whether anything but the site is released."""
        return bool(self.parameters.image or self.parameters.task_definition)

    def preflight(self) -> None:
        """Refuse to start while a deployment is in progress or an alarm fires, and decide what is replaced.

        Raises:
            RunbookError: one is, one does, the image runs already, or the site could not be taken back.
        """
        active = self.blue_green.active()
        if active is not None and active.in_progress and not self._is_own(active.info):
            raise RunbookError(
                f"Deployment {active.info['deploymentId']} is in progress: {active.name}.",
                hint="wait for its end, or `prod-infra runbook run rollback`",
            )
        alarms = self.deployed().alarms(self.aws.region)
        if firing := sorted(alarm["AlarmName"] for alarm in alarms if alarm["StateValue"] == "ALARM"):
            raise RunbookError(f"Alarms fire: {', '.join(firing)}.", hint="a release could not tell its own faults")
        self.decide("live", self._live)
        if self.parameters.site_dir:
            static_site.require_versions(self.aws, static_site.site(self.deployed())[0])

    def steady_checks(self) -> Iterable[Check]:
        """What holds for every environment; a run that is resumed may find its own deployment in progress."""
        if self._former is not None and self.probing is None:
            return steady_checks(self.aws, self.deployed(), steady_state.nothing_is_deployed)
        return super().steady_checks()

    def _is_own(self, info: Mapping[str, Any]) -> bool:
        """Whether a deployment is that of the run which this one resumes."""
        return self._former is not None and f"replaces {self._live_decided['arn']}" in info.get("description", "")

    def _live(self) -> dict[str, Any]:
        """Return what has the traffic now: ARN, container, image; and the family's newest revision."""
        primary = self.blue_green.primary()
        arn = str(primary["taskDefinition"])
        wanted = self.parameters.image or (
            self.blue_green.image(self.parameters.task_definition) if self.parameters.task_definition else ""
        )
        if (self.parameters.image and wanted == self.blue_green.image(arn)) or (
            self.parameters.task_definition and short(self.parameters.task_definition) == short(arn)
        ):
            raise RunbookError(f"{short(arn)} runs that already.", hint="give another image or task definition")
        newest = revision_number(next(iter(revisions(self.aws, short(arn).partition(":")[0])), ":0"))
        container = primary["loadBalancers"][0]["containerName"]
        return {"arn": arn, "container": container, "image": wanted, "newest": newest}

    @property
    def _live_decided(self) -> dict[str, Any]:
        found: dict[str, Any] = self.decide("live", self._live)
        return found

    def _site_changes(self) -> list[Change]:
        bucket, _ = static_site.site(self.deployed())
        folder, delete = Path(self.parameters.site_dir), self.parameters.site_delete

        def compute() -> list[dict[str, str]]:
            return [asdict(one) for one in static_site.differences(self.aws, bucket, folder, delete=delete)]

        return [Change(**one) for one in self.decide("site_changes", compute)]

    def _register(self) -> RegisterTaskDefinition:
        live = self._live_decided
        return RegisterTaskDefinition(
            aws=self.aws, live=live["arn"], container=live["container"], image=live["image"], newest=live["newest"]
        )

    def _wanted(self) -> str:
        """Return the ARN of what is released; empty while it is not registered."""
        if self.parameters.task_definition:
            known = self.aws("ecs").describe_task_definition(taskDefinition=self.parameters.task_definition)
            return str(known["taskDefinition"]["taskDefinitionArn"])
        return self._register().registered()

    def _deploy(self) -> Deploy:
        given, live = self.parameters, self._live_decided
        return Deploy(
            run=self,
            blue_green=self.blue_green,
            task_definition=self._wanted,
            image=live["image"],
            previous=live["arn"],
            timeout=60 * given.timeout_minutes,
            bake=60 * given.bake_minutes,
            wait_for_termination=given.wait_for_termination,
            test_listener=self._test_listener,
            watch=FailedRequests(self.folder / "probe.jsonl", given.allowed_failures).check,
        )

    def _test_listener(self, revision: str) -> TestListener:
        settings = self.environment.settings
        return TestListener(
            door=self.aws.test_listener(settings.domain_name, settings.test_listener_port),
            paths=[path for path in (settings.health_check_path, self.parameters.probe_read) if path],
            revision=self.parameters.expected_revision or revision,
            required=self.aws.name == "local",
        )

    def steps(self) -> Sequence[Step]:
        """Register, deploy, sync, invalidate: what of it is asked for."""
        found: list[Step] = []
        if self.parameters.image:
            found.append(self._register())
        if self.deploys:
            found.append(self._deploy())
        if self.parameters.site_dir and (changes := self._site_changes()):
            bucket, distribution = static_site.site(self.deployed())
            folder = Path(self.parameters.site_dir)
            found += [
                SyncSite(run=self, bucket=bucket, distribution=distribution, folder=folder, changes=changes),
                Invalidate(run=self, distribution=distribution, keys=[change.key for change in changes]),
            ]
        return found

    def checks(self) -> Iterator[Check]:
        """The revision has all traffic, the site is the folder, nothing was lost, revisions mixed only in the shift."""
        shift: dict[str, Any] = {}
        if self.deploys:
            if found := publish_release(self.journal):
                begin, end = (datetime.fromisoformat(text) for text in found["shifting"])
                shift = {"since": begin, "shifting": (begin, end)}
            yield service_runs(self.blue_green, self._wanted())
        if self.parameters.site_dir:
            bucket, _ = static_site.site(self.deployed())
            folder, delete = Path(self.parameters.site_dir), self.parameters.site_delete
            left = static_site.differences(self.aws, bucket, folder, delete=delete)
            detail = ", ".join(one.key for one in left[:5])
            yield Check(group="edge", name="The site's bucket is as the folder", passed=not left, detail=detail)
        if self.probing is not None:
            yield from nothing_was_lost(self.probing.measure(**shift), self.parameters.allowed_failures)


start = Release.start

UNDO: Final[Mapping[str, UndoAction]] = {
    "restore": blue_green_return.restore,
    "deregister": deregister,
    "restore_site": static_site.restore_site,
}
