"""A real account: which one it must be, the engine on it, and the plan that is approved before it is carried out."""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import boto3
from botocore import exceptions
from botocore.config import Config

from prod_infra.deployment.account import preconditions
from prod_infra.deployment.account.precondition import Precondition, Question
from prod_infra.deployment.automation.pulumi_engine import PulumiEngine
from prod_infra.deployment.clients import AccountClients
from prod_infra.deployment.engine import ChangeKind, OnProgress, Program, Result, Review
from prod_infra.deployment.policy.gate import PACK
from prod_infra.errors import ApprovalError, TargetError
from prod_infra.settings import Settings

_PLANS: Final = Path(".prod-infra/pulumi")
_ACCOUNT: Final = re.compile(r"\d{12}")

_EXPIRED: Final = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})
_LOG_IN: Final = (
    "log in again (`aws sso login`), or name a profile in AWS_PROFILE; in CI assume the deploy role by OIDC"
)


@dataclass(frozen=True, kw_only=True)
class SavedPlan:
    """What a preview found, and the CLI's plan file, to which `up` is then held.

    Attributes:
        path: of the plan file; secrets in it are encrypted.
        sha256: of the plan file, hex; an approval must cover it.
        result: of the preview; changes by URN, deletions last, so that two previews of the same read the same.
        kept: whether the file was kept for an approval that was asked for before.
    """

    path: Path
    sha256: str
    result: Result
    kept: bool = False


class AwsTarget:
    """One region of a real account. Surface of `LocalTarget`: name, owned, endpoint, clients, engine, describe, close.

    Args:
        session: with the user's credentials.
        account: 12 digits, as AWS says them.
        region: the environment's main one.
        caller: ARN of who asks.
        directory: working directory; plans go to `.prod-infra/pulumi/<stack>/` below it.
    """

    name: Final = "aws"
    owned: Final = False
    endpoint: Final = ""
    """None of its own: AWS's SDKs know where each service is."""

    def __init__(
        self, session: boto3.Session, *, account: str, region: str, caller: str, directory: Path = Path()
    ) -> None:
        self.account, self.region, self.caller = account, region, caller
        self._session = session
        self._directory = directory
        self._clients: dict[str, AccountClients] = {}

    @classmethod
    def open(cls, program: Program, directory: Path = Path()) -> Self:
        """Return the account that the stack's configuration names, once AWS has said that it is this one.

        `aws:allowedAccountIds` names the account, `aws:region` the region; the AWS provider holds itself to both, too.

        Raises:
            TargetError: the stack names no account or region, there are no valid credentials, or they are another's.
        """
        region = program.config.get("aws:region", "")
        accounts = _accounts(program.config.get("aws:allowedAccountIds", "[]"))
        faults = []
        if not accounts:
            faults.append(f"Stack {program.stack} does not say, in aws:allowedAccountIds, which account it is for.")
        faults += [f"aws:allowedAccountIds: {one!r} is no account, 12 digits in quotes." for one in _odd(accounts)]
        if not region:
            faults.append(f"Stack {program.stack} does not say, in aws:region, which region it is for.")
        if faults:
            raise TargetError(
                " ".join(faults) + " Nothing has happened.",
                hint=f"`pulumi config set --stack {program.stack} --path 'aws:allowedAccountIds[0]' <account>`, and "
                f"`pulumi config set --stack {program.stack} aws:region eu-central-1`",
            )
        return cls.connect(accounts, region, directory)

    @classmethod
    def connect(cls, accounts: tuple[str, ...], region: str, directory: Path = Path()) -> Self:
        """Return the target if the credentials of the usual chain are of one of these accounts.

        Args:
            accounts: 12 digits each.
            region: such as `eu-central-1`.
            directory: working directory.

        Raises:
            TargetError: there are no valid credentials, or they are another account's or for another region.
        """
        with _readable():
            session = boto3.Session()
            if session.get_credentials() is None:
                raise exceptions.NoCredentialsError
            # A few tries only: without a network the answer must not take minutes.
            config = Config(retries={"mode": "standard", "max_attempts": 3}, connect_timeout=10)
            identity = session.client("sts", region_name=region, config=config).get_caller_identity()
        account, faults = identity["Account"], []
        if account not in accounts:
            faults.append(f"The credentials are of account {account} ({identity['Arn']}), and the stack is for "
                          f"{' or '.join(accounts)}.")  # fmt: skip
        if session.region_name not in {None, region}:
            faults.append(f"The session is for region {session.region_name}, and the stack is for {region}.")
        if faults:
            raise TargetError(
                " ".join(faults) + " Nothing has happened.",
                hint="take the profile of that account (AWS_PROFILE), and that region or none (AWS_REGION); "
                "or another stack",
            )
        return cls(session, account=account, region=region, caller=identity["Arn"], directory=directory)

    def clients(self, region: str = "") -> AccountClients:
        """Return boto3 clients of the account; of its main region if none is named."""
        wanted = region or self.region
        return self._clients.setdefault(wanted, AccountClients(self._session, wanted))

    def engine(self, program: Program, review: Review | None = None, *, plan: Path | None = None) -> PulumiEngine:
        """Return Pulumi's engine, with the policy pack on every preview and `up`.

        Args:
            program: what to deploy.
            review: has no say: the CLI asks the pack itself about each resource.
            plan: file that a preview writes and `up` is held to.

        Raises:
            TargetError: there is no CLI that fits.
        """
        del review
        # The chain is the user's: SSO, profile and OIDC renew themselves in the provider, copied keys would run out.
        return PulumiEngine(
            program,
            pack=PACK,
            plan=plan.resolve() if plan else None,
            environment={"AWS_REGION": self.region},
            folder=self._directory / _PLANS / program.stack,
        )

    def preview(self, program: Program, approved: str = "") -> SavedPlan:
        """Say what `up` would do, and save the plan; where one was kept for `approved`, that one is the plan.

        Args:
            program: what to deploy.
            approved: digest of an approval that was given to a plan of before, see `keep`.

        Raises:
            PolicyError: the pack objects.
            DeploymentError: the program or the provider failed.
            StateError: the stack is locked, or its backend can't be used.
        """
        fresh = self._plan_path(program, "new")
        fresh.parent.mkdir(parents=True, exist_ok=True)
        fresh.unlink(missing_ok=True)
        found = self.engine(program, plan=fresh).preview()
        fresh.chmod(0o600)
        ordered = sorted(found.changes, key=lambda change: (change.kind is ChangeKind.DELETE, change.urn))
        kept = self._plan_path(program, approved) if approved else fresh
        is_kept = bool(approved) and kept.exists()
        path = kept if is_kept else fresh
        result = replace(found, changes=tuple(ordered))
        return SavedPlan(path=path, sha256=_digest(path.read_bytes()), result=result, kept=is_kept)

    def keep(self, program: Program, plan: SavedPlan, digest: str) -> SavedPlan:
        """Keep the plan for an approval that may come later, from another run or another machine.

        Args:
            program: as given to `preview`.
            plan: as it returned.
            digest: what is approved, hex; it must cover `plan.sha256`.
        """
        kept = self._plan_path(program, digest)
        plan.path.rename(kept)
        return replace(plan, path=kept, kept=True)

    def up(self, program: Program, plan: SavedPlan, on_progress: OnProgress | None = None) -> Result:
        """Do what is in the plan and nothing else.

        Raises:
            ApprovalError: the plan file is not the one that was approved, or is gone; nothing was changed.
            DeploymentError: it stopped part way, or what it would do is no longer what was approved.
            StateError: the stack is locked, or its backend can't be used.
        """
        data = plan.path.read_bytes() if plan.path.exists() else b""
        if _digest(data) != plan.sha256:
            raise ApprovalError(
                f"The plan file {plan.path} is not the one that was approved: it was changed since, or is gone. "
                "Nothing was changed.",
                hint="preview again, and have the new plan approved",
            )
        # The CLI reads what was just compared, whoever writes to the kept file meanwhile.
        with tempfile.NamedTemporaryFile(prefix="prod-infra-plan-", suffix=".json") as private:
            private.write(data)
            private.flush()
            return self.engine(program, plan=Path(private.name)).up(on_progress)

    def before_deploy(self, settings: Settings, result: Result) -> tuple[Precondition, ...]:
        """Read what the account must have for a plan; `preconditions.require` refuses what does not hold.

        Args:
            settings: of the environment.
            result: of the preview.
        """
        return preconditions.read(
            Question(
                clients=self.clients(),
                account=self.account,
                caller=self.caller,
                region=self.region,
                settings=settings,
                result=result,
            )
        )

    def describe(self) -> dict[str, Any]:
        """Return what a record says of the target, JSON."""
        return {"name": self.name, "account_id": self.account, "region": self.region, "caller": self.caller}

    def close(self) -> None:
        """Do nothing: a real account outlives its targets."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _plan_path(self, program: Program, digest: str) -> Path:
        return self._directory / _PLANS / program.stack / f"plan-{digest}.json"


def _accounts(text: str) -> tuple[str, ...]:
    """Return what `aws:allowedAccountIds` names: JSON, as the CLI hands lists to programs."""
    try:
        found = json.loads(text)
    except ValueError:
        found = [text]
    return tuple(str(one) for one in (found if isinstance(found, list) else [found]))


def _odd(accounts: tuple[str, ...]) -> list[str]:
    return [one for one in accounts if not _ACCOUNT.fullmatch(one)]


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _words(error: Exception, environment: Mapping[str, str]) -> str:
    """Return what is wrong with the credentials, in one sentence."""
    code = error.response["Error"]["Code"] if isinstance(error, exceptions.ClientError) else ""
    match error:
        case exceptions.ProfileNotFound():
            said = f"There is no AWS profile {environment.get('AWS_PROFILE', '')!r} on this machine."
        case exceptions.NoCredentialsError():
            said = "There are no AWS credentials."
        case exceptions.PartialCredentialsError():
            said = f"The AWS credentials are not complete: {error}."
        case exceptions.ClientError() if code in _EXPIRED:
            said = "The AWS credentials have expired."
        case exceptions.SSOError() | exceptions.TokenRetrievalError():
            said = f"The AWS SSO session has expired, or there is none: {error}."
        case exceptions.ClientError():
            said = f"AWS does not accept the credentials: {error.response['Error']['Message']}."
        case _:
            said = f"AWS can't be asked who this is: {error}."
    return said


@contextmanager
def _readable() -> Iterator[None]:
    """Turn what botocore says of credentials into what to do about them.

    Raises:
        TargetError: in the place of botocore's error.
    """
    try:
        yield
    except (exceptions.BotoCoreError, exceptions.ClientError) as error:
        said = _words(error, os.environ)
        raise TargetError(f"Target aws can't be used: {said} Nothing has happened.", hint=_LOG_IN) from error
