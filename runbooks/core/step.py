"""What a runbook changes: steps, the exact API calls of each, and what takes it back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeAlias


@dataclass(frozen=True, kw_only=True)
class Call:
    """One API call that changes something, as the plan shows it and its digest covers it.

    Attributes:
        service: boto3's name, such as `docdb`.
        operation: boto3's method, such as `failover_db_cluster`.
        parameters: its keyword arguments, JSON. What only an earlier step knows, and what is made anew in each run, is
            text such as `<arn of the task definition>`; never a secret.
        region: where; empty for the target's own.
    """

    service: str
    operation: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    region: str = ""

    def __str__(self) -> str:
        arguments = ", ".join(f"{name}={value!r}" for name, value in self.parameters.items())
        return f"{self.service}.{self.operation}({arguments})" + (f" in {self.region}" if self.region else "")


@dataclass(frozen=True, kw_only=True)
class Undo:
    """What takes a step back, in words that still work when the kernel is gone.

    Attributes:
        action: `<module>.<name>` of an action in that runbook module's `UNDO`, such as `docdb_failover.fail_back`.
        arguments: JSON; what the action needs beside an `Aws`. A secret in it is refused before the step acts.
    """

    action: str
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.action}({', '.join(f'{name}={value!r}' for name, value in self.arguments.items())})"


UndoAction: TypeAlias = Callable[..., str]
"""`(aws: Aws, **arguments) -> str`: takes a step back and says what it did, or found already so.

It knows nothing but its arguments and AWS; it runs in another process than the step, perhaps after a crash between the
step's call and its answer. So it is idempotent, it bounds every wait (`runbooks.core.waiting.wait`), and it raises a
`RunbookError` where it could not do it.
"""


class Step(ABC):
    """One change. A frozen dataclass below this holds what it needs (an `Aws`, names, the run for its `wait`)."""

    no_undo: ClassVar[str] = ""
    """Why nothing takes this kind of step back; every Step class overrides `undo` or says this."""

    @property
    @abstractmethod
    def name(self) -> str:
        """What it does, unique in the plan, such as `fail over to prod-docdb-1`."""

    @abstractmethod
    def already_done(self) -> bool:
        """Ask AWS whether what the step brings about is so already; it is skipped then, on a resumed run above all."""

    @abstractmethod
    def calls(self) -> Sequence[Call]:
        """Return the exact calls of `act` that change something, without making any.

        The same until something changes: no time, no run id (write `<run id>`), or no approval would hold.
        """

    def undo(self) -> Undo | None:
        """Return what will take it back; asked for the plan, and right before `act` for the journal."""
        return None

    @abstractmethod
    def act(self) -> Mapping[str, Any] | None:
        """Do it, wait until it is done, and return what the journal should know (JSON), if anything."""
