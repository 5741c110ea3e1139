"""One thing that the bootstrap makes: looked at first, then made or put right."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from prod_infra.deployment.clients import AwsClients
from prod_infra.naming import PROJECT, standard_tags


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What the bootstrap is for.

    Attributes:
        clients: of the account.
        account: 12 digits.
        region: of the state, the key and the environment.
        environment: its name, such as `prod`.
        repository: `owner/name` on GitHub whose workflow may take the role.
        github_environment: the protected environment that a job must run in to deploy.
        checks_environment: the environment of scheduled checks, which only read.
    """

    clients: AwsClients
    account: str
    region: str
    environment: str
    repository: str
    github_environment: str
    checks_environment: str = "production-checks"

    @property
    def bucket(self) -> str:
        """Name of the state bucket; the account keeps it from colliding with other people's."""
        return f"pulumi-state-{self.environment}-{self.account}-{self.region}"

    @property
    def key_alias(self) -> str:
        """Of the key that states and their secrets are encrypted with."""
        return f"alias/pulumi-state-{self.environment}"

    @property
    def role(self) -> str:
        """Name of the deploy role; not of the form `prod-*`, which it may change itself."""
        return f"pulumi-deploy-{self.environment}"

    @property
    def check_role(self) -> str:
        """Name of the role that only reads."""
        return f"pulumi-check-{self.environment}"

    @property
    def tags(self) -> list[dict[str, str]]:
        """Standard tags, but for project and tool: what is not the environment's is not verified as a part of it."""
        tags = {
            **standard_tags(self.environment),
            "Project": f"{PROJECT}-bootstrap",
            "ManagedBy": "prod-infra bootstrap",
        }
        return [{"Key": key, "Value": value} for key, value in tags.items()]


@dataclass(frozen=True, kw_only=True)
class Act:
    """One thing to do.

    Attributes:
        what: in words, such as `make the bucket pulumi-state-prod-…`.
        do: does it.
        drift: whether it puts right what was there and is not as it should be.
    """

    what: str
    do: Callable[[], object]
    drift: bool


class Piece(ABC):
    """A bucket, a key, a provider, a role.

    Args:
        wanted: what the bootstrap is for.
    """

    def __init__(self, wanted: Wanted) -> None:
        self.wanted = wanted

    @abstractmethod
    def acts(self) -> list[Act]:
        """Look, and return what is to be done; nothing where all is as it should be.

        Raises:
            ClientError: AWS does not let the caller look.
        """


def absent_as_none(call: Callable[[], Any], *codes: str) -> Any:
    """Return what a call answers; None where AWS says, by one of these error codes, that there is no such thing."""
    try:
        return call()
    except ClientError as error:
        if error.response["Error"]["Code"] in codes:
            return None
        raise


def covers(found: Any, wanted: Any) -> bool:
    """Whether JSON that AWS returns is what is wanted; AWS may add members of its own, and nothing to lists."""
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(covers(found.get(key), value) for key, value in wanted.items())
    if isinstance(wanted, list):
        return isinstance(found, list) and len(found) == len(wanted) and all(map(covers, found, wanted))
    return bool(found == wanted)
