"""What the sample application needs of a database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, Self


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """Where the database is and how to get in, as the task's environment says.

    Attributes:
        host: host name of the writer.
        port: TCP port.
        username: who logs in.
        password: never shown.
    """

    host: str
    port: int
    username: str
    password: str = field(repr=False)

    @classmethod
    def of_environment(cls, environment: Mapping[str, str]) -> Self:
        """Return what `DATABASE_HOST`, `_PORT`, `_USERNAME` and `_PASSWORD` say; what is missing is empty."""
        return cls(
            host=environment.get("DATABASE_HOST", ""),
            port=int(environment.get("DATABASE_PORT") or 27017),
            username=environment.get("DATABASE_USERNAME", ""),
            password=environment.get("DATABASE_PASSWORD", ""),
        )


class DatabaseUnavailableError(Exception):
    """No writer can be reached now; a later call may work."""


class LoginRefusedError(Exception):
    """The database refuses the credentials; no later call works with them."""


class Database(Protocol):
    """Writes of probes, each a run's id and a sequence number.

    Every method raises DatabaseUnavailableError or LoginRefusedError.
    """

    def write(self, run: str, sequence: int) -> None:
        """Store one write; when this returns, it is acknowledged."""

    def sequences(self, run: str) -> Sequence[int]:
        """Return the sequence numbers of a run, in the order of writing."""

    def everything(self, until: datetime | None = None) -> Iterable[tuple[str, int]]:
        """Return all writes of all runs, or those of up to a moment."""
