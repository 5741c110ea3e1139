"""What every deployment engine can do, and what it answers with. Runbooks know only this."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from prod_infra.deployment.program.registration import Registration


class ChangeKind(StrEnum):
    """What happens to one resource; the words are those of `pulumi preview`."""

    SAME = "same"
    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    DELETE = "delete"


@dataclass(frozen=True, kw_only=True)
class PropertyChange:
    """One input property that differs.

    Attributes:
        path: the property, in Pulumi's path syntax: `tags.Name`, `ingress[0].fromPort`.
        old: the value before, JSON, secrets as `"[secret]"`, absent as None.
        new: the value after, likewise; `"[unknown]"` while AWS has yet to decide it.
        replaces: whether AWS can't change it in place.
    """

    path: str
    old: Any = None
    new: Any = None
    replaces: bool = False


@dataclass(frozen=True, kw_only=True)
class Change:
    """What an operation does, or did, to one resource."""

    urn: str
    kind: ChangeKind
    properties: tuple[PropertyChange, ...] = ()

    @property
    def type(self) -> str:
        """Type token, such as `aws:ec2/vpc:Vpc`."""
        return self.urn.split("::")[2].rsplit("$", 1)[-1]

    @property
    def name(self) -> str:
        """Logical name."""
        return self.urn.split("::", 3)[3]


@dataclass(frozen=True, kw_only=True)
class Result:
    """What one operation planned or did.

    Attributes:
        operation: `preview`, `up`, `refresh` or `destroy`.
        changes: one entry a resource, those needed first, deletions last; `up` keeps the order of its `preview`.
        outputs: the stack's exports; secrets are masked as `"[secret]"`.
        seconds: wall time.
        warnings: what the user should know although nothing failed, such as what an interrupted run had left.
    """

    operation: str
    changes: tuple[Change, ...]
    outputs: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    warnings: tuple[str, ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        """Number of resources by kind of change, kinds that did not occur left out."""
        found = [change.kind for change in self.changes]
        return {kind.value: found.count(kind) for kind in ChangeKind if kind in found}

    @property
    def has_changes(self) -> bool:
        """Whether anything but `same` is in it."""
        return any(change.kind is not ChangeKind.SAME for change in self.changes)


@dataclass(frozen=True, kw_only=True)
class Reading:
    """One resource, as the state has it and as AWS has it now.

    Attributes:
        change: `same`; `update` with what was declared and is otherwise, `old` the state's value and `new` AWS's;
            `delete` where AWS has it no longer.
        id: AWS's.
        declared: what the program gave, as the state has it, JSON, secrets as `"[secret]"`.
        actual: every property that AWS tells, likewise; empty where the resource is gone.
    """

    change: Change
    id: str
    declared: Mapping[str, Any] = field(default_factory=dict)
    actual: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Inspection:
    """Every resource of the state that a provider manages, read again.

    Attributes:
        readings: one a resource.
        warnings: what makes the answer doubtful, such as an operation under way.
    """

    readings: tuple[Reading, ...]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Progress:
    """One line of progress while an operation works.

    Attributes:
        status: `started`, `done` or `failed`.
        seconds: time the step took; 0 for `started`.
        message: the provider's words where it failed.
    """

    change: Change
    status: str
    seconds: float = 0.0
    message: str = ""


OnProgress = Callable[[Progress], None]

Review = Callable[[Registration], Sequence[str]]
"""Asked before each create and update, with the inputs that will be sent; each answer is a reason not to."""


@dataclass(frozen=True, kw_only=True)
class Program:
    """A Pulumi program and the stack it is run for.

    Attributes:
        main: registers the resources, as a `__main__.py` would.
        config: stack configuration with namespaced keys: `aws:region`, `prod-infra:domain_name`.
        secret_keys: those of `config` whose values are secrets.
        directory: folder of the `Pulumi.yaml`; None for a program that has no files.
    """

    project: str
    stack: str
    main: Callable[[], None]
    config: Mapping[str, str] = field(default_factory=dict)
    secret_keys: frozenset[str] = frozenset()
    directory: Path | None = None


class Engine(Protocol):
    """Plans and applies one program's resources. Every method may raise `ProdInfraError`'s children."""

    def preview(self) -> Result:
        """Say what `up` would do; change nothing."""

    def up(self, on_progress: OnProgress | None = None) -> Result:
        """Make what the program registers true."""

    def refresh(self, on_progress: OnProgress | None = None) -> Result:
        """Read every resource again and put what AWS says into the state; what differs is drift."""

    def inspect(self) -> Inspection:
        """Read every resource again and say what differs from the state; change nothing, the state neither."""

    def destroy(self, on_progress: OnProgress | None = None) -> Result:
        """Delete every resource of the stack, in reverse order of dependency."""

    def outputs(self) -> Mapping[str, Any]:
        """Return the stack's exports as of the last `up`, secrets masked."""
