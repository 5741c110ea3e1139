"""The embedded AWS of this machine, as a place to deploy to; a real account is `AwsTarget`."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from prod_infra.deployment.embedded.secrets_manager import passphrase_for
from prod_infra.deployment.engine import Engine, Program, Review
from prod_infra.errors import TargetError
from prod_infra.local_aws import ACCOUNT_ID
from prod_infra.local_aws.clients import Clients
from prod_infra.local_aws.server import LocalAws

if TYPE_CHECKING:
    from prod_infra.deployment.automation.attached_providers import AttachedProviders
    from prod_infra.deployment.automation.pulumi_engine import PulumiEngine

# Engines load Pulumi, a third of a second that a drill on a deployed environment need not wait.
# ruff: noqa: PLC0415

DEFAULT_REGION: Final = "eu-central-1"

_LOCAL: Final = Path(".prod-infra/local")
"""Below the working directory: `server.json` of the kept local AWS, and one folder of states for each instance."""


class LocalTarget:
    """The embedded AWS of this machine. As a context manager it stops, at the end, the server that it started.

    Args:
        server: a running local AWS.
        directory: working directory; states go to `.prod-infra/local/<instance id>/<stack>.json` below it.
        owned: whether the server, and with it everything deployed to it, ends with this object.
    """

    name: Final = "local"

    def __init__(self, server: LocalAws, directory: Path = Path(), *, owned: bool = False) -> None:
        self.server = server
        self.owned = owned
        self._directory = directory
        self._clients: dict[str, Clients] = {}
        self._attached: dict[str, AttachedProviders] = {}

    @classmethod
    def start(cls, directory: Path = Path(), *, keep: bool = False, hosted_zones: Iterable[str] = ()) -> Self:
        """Start a local AWS.

        Args:
            directory: working directory.
            keep: let it outlive this process, and be found by `kept`.
            hosted_zones: public zones that exist from the start, as a real account's do.

        Raises:
            TargetError: it can't start.
        """
        log = directory / _LOCAL / "local-aws.log"
        server = LocalAws.start(keep=keep, log=log, hosted_zones=tuple(hosted_zones) or ("example.com",))
        if keep:
            remember(server, directory)
        return cls(server, directory, owned=not keep)

    @classmethod
    def kept(cls, directory: Path = Path()) -> Self | None:
        """Return the local AWS that was left running from this directory; None if there is none, or it is gone."""
        note = directory / _LOCAL / "server.json"
        try:
            known = json.loads(note.read_text(encoding="utf-8"))
            server = LocalAws.attach(str(known["endpoint"]))
        except (OSError, ValueError, KeyError, TypeError, TargetError):
            server = None
        if server is None or server.instance_id != known["instance_id"]:
            # A note of a server that is gone would only mislead; the port may be another one's by now.
            note.unlink(missing_ok=True)
            return None
        return cls(server, directory)

    @property
    def endpoint(self) -> str:
        """URL for every AWS client."""
        return self.server.endpoint

    @property
    def instance_id(self) -> str:
        """UUID of this run of the local AWS."""
        return self.server.instance_id

    def clients(self, region: str = DEFAULT_REGION) -> Clients:
        """Return boto3 clients with made-up credentials."""
        return self._clients.setdefault(region, Clients(self.endpoint, region))

    def state_path(self, stack: str) -> Path:
        """Return where a stack's state is."""
        return self._directory / _LOCAL / self.instance_id / f"{stack}.json"

    def engine(self, program: Program, review: Review | None = None) -> Engine:
        """Return the engine that plans and applies the program here; `review` may object to a step of `up`."""
        from prod_infra.deployment.embedded.embedded_engine import EmbeddedEngine
        from prod_infra.deployment.embedded.state import StateFile
        from prod_infra.local_aws.provider.provider import LocalAwsProvider
        from prod_infra.local_aws.provider.random_provider import LocalRandomProvider

        providers = {
            "aws": LocalAwsProvider(self.clients(program.config.get("aws:region", DEFAULT_REGION))),
            "random": LocalRandomProvider(),
        }
        state = StateFile(self.state_path(program.stack), program.project, program.stack)
        return EmbeddedEngine(program, providers, state, review=review)

    def pulumi_engine(self, program: Program, pack: Path | None = None) -> PulumiEngine:
        """Return Pulumi's own engine on the same local AWS, with a state of its own.

        The project's backend and secrets provider have no say here: they are those of the real account.

        Args:
            program: what to deploy.
            pack: folder of the policy pack that every preview and `up` must pass; None for none.

        Raises:
            TargetError: there is no CLI that fits, or a provider does not start.
        """
        from prod_infra.deployment.automation.attached_providers import AttachedProviders
        from prod_infra.deployment.automation.pulumi_cli import find_cli
        from prod_infra.deployment.automation.pulumi_engine import PulumiEngine

        cli = find_cli()
        folder = (self._directory / _LOCAL / self.instance_id / "pulumi").resolve()
        state = folder / "state"
        state.mkdir(parents=True, exist_ok=True)
        region = program.config.get("aws:region", DEFAULT_REGION)
        if region not in self._attached:
            self._attached[region] = AttachedProviders(self.endpoint, region)
        phrase = passphrase_for(self.state_path(program.stack).with_suffix(".key"), create=True)
        return PulumiEngine(
            replace(program, directory=None),
            cli=cli,
            backend=f"file://{state}",
            secrets_provider="passphrase",
            pack=pack,
            environment={**self._attached[region].environment, "PULUMI_CONFIG_PASSPHRASE": phrase},
            folder=folder / program.stack,
        )

    def describe(self) -> dict[str, Any]:
        """Return what a record says of the target, JSON."""
        return {"name": self.name, "endpoint": self.endpoint, "instance_id": self.instance_id, "account_id": ACCOUNT_ID}

    def close(self) -> None:
        """Stop the server if it is this object's own, and drop the states of what is gone with it."""
        for attached in self._attached.values():
            attached.close()
        if self.owned:
            self.server.stop()
            shutil.rmtree(self._directory / _LOCAL / self.instance_id, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def remember(server: LocalAws, directory: Path = Path()) -> None:
    """Note a local AWS that is left running, so that later commands in this directory find it."""
    note = directory / _LOCAL / "server.json"
    note.parent.mkdir(parents=True, exist_ok=True)
    known = {"endpoint": server.endpoint, "pid": server.pid, "instance_id": server.instance_id}
    note.write_text(json.dumps(known) + "\n", encoding="utf-8")


def open_local(
    endpoint: str = "",
    *,
    directory: Path = Path(),
    start: bool = False,
    keep: bool = False,
    hosted_zones: Iterable[str] = (),
) -> LocalTarget:
    """Return a local AWS.

    Args:
        endpoint: of a running one; if empty, the one that was left running from `directory`.
        directory: working directory.
        start: start one if none runs.
        keep: let the one started outlive this process.
        hosted_zones: public zones of the one started.

    Raises:
        TargetError: there is none, or the endpoint is not on this machine; nothing has happened.
    """
    if endpoint:
        return LocalTarget(LocalAws.attach(endpoint), directory)
    if (kept := LocalTarget.kept(directory)) is not None:
        return kept
    if start:
        return LocalTarget.start(directory, keep=keep, hosted_zones=hosted_zones)
    raise TargetError(
        "No local AWS is running from this directory.",
        hint="`prod-infra local-aws` starts one: pass what it prints as --endpoint; or `nox -s deploy-prod -- --keep`",
    )
