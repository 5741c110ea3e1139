"""boto3 clients of a target: what everything that asks AWS is given."""

from __future__ import annotations

import threading
from typing import Any, Final, Protocol

import boto3
from botocore.config import Config

CONFIG: Final = Config(retries={"mode": "adaptive", "max_attempts": 10})
"""Backs off as AWS asks: https://boto3.amazonaws.com/v1/documentation/api/latest/guide/retries.html."""


class AwsClients(Protocol):
    """`clients("docdb")` is a boto3 client in the target's region, `clients("acm", "us-east-1")` in another."""

    def __call__(self, service: str, region: str | None = None) -> Any:
        """Return the client of a service."""


class AccountClients:
    """Clients of a real account, made once for each service and region.

    Args:
        session: with the user's credentials.
        region: the environment's.
    """

    def __init__(self, session: boto3.Session, region: str) -> None:
        self.region = region
        # Typed stubs know each service by its name; here the name is a variable.
        self._session: Any = session
        self._made: dict[tuple[str, str], Any] = {}
        # boto3 sessions are not thread-safe; clients are.
        self._lock = threading.Lock()

    def __call__(self, service: str, region: str | None = None) -> Any:
        """Return the client for a service, in the given region or the environment's."""
        key = (service, region or self.region)
        with self._lock:
            if key not in self._made:
                self._made[key] = self._session.client(service, region_name=key[1], config=CONFIG)
            return self._made[key]
