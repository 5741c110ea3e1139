"""What a check of an account is given, and what it finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from prod_infra.deployment.clients import AwsClients
from prod_infra.deployment.engine import ChangeKind, Result
from prod_infra.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Precondition:
    """One thing that was looked at.

    Attributes:
        name: what, in a few words.
        holds: None where it can't be told, because AWS does not let this caller ask.
        detail: what was found.
        fix: what to do where it does not hold.
    """

    name: str
    holds: bool | None
    detail: str
    fix: str = ""


@dataclass(frozen=True, kw_only=True)
class Question:
    """What the checks are given.

    Attributes:
        clients: of the account.
        account: 12 digits.
        caller: ARN of who deploys.
        region: the environment's.
        settings: of the environment.
        result: of the preview.
    """

    clients: AwsClients
    account: str
    caller: str
    region: str
    settings: Settings
    result: Result

    def creates(self, token: str) -> int:
        """Return how many resources of a type are new; replacements exist beside what they replace."""
        kinds = {ChangeKind.CREATE, ChangeKind.REPLACE}
        return sum(change.type == token and change.kind in kinds for change in self.result.changes)


def pages(client: Any, operation: str, member: str, **parameters: Any) -> list[Any]:
    """Return the members of all pages of a boto3 operation."""
    return [one for page in client.get_paginator(operation).paginate(**parameters) for one in page.get(member, ())]
