"""What goes wrong, said so that the reader knows what to do next."""

from __future__ import annotations

from collections.abc import Sequence


class ProdInfraError(Exception):
    """Root of every error that this library raises on purpose.

    Attributes:
        message: what happened, in one sentence.
        hint: what to do next; empty where the message already says it.
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        self.message = message
        self.hint = hint
        super().__init__(f"{message}\n  next: {hint}" if hint else message)


class InvalidInputError(ProdInfraError):
    """Settings, parameters or configuration that can't be right; nothing has happened yet.

    Attributes:
        faults: every fault found, each a full sentence that names what to change.
    """

    def __init__(self, what: str, faults: Sequence[str], *, hint: str = "") -> None:
        self.faults = tuple(faults)
        super().__init__(f"{what}:" + "".join(f"\n  - {fault}" for fault in self.faults), hint=hint)


class TargetError(ProdInfraError):
    """The target is not what was asked for: wrong account, off loopback, out of reach, no CLI."""


class StateError(ProdInfraError):
    """A state file is locked, unreadable or another stack's. It is never overwritten."""


class DeploymentError(ProdInfraError):
    """An operation stopped part way. What was done is in the state; the next `up` goes on from there.

    Attributes:
        failures: URN of each resource that failed, with the provider's own words.
    """

    def __init__(self, message: str, failures: dict[str, str] | None = None, *, hint: str = "") -> None:
        self.failures = dict(failures or {})
        super().__init__(message + "".join(f"\n  - {urn}: {why}" for urn, why in self.failures.items()), hint=hint)


class PolicyError(ProdInfraError):
    """The policy pack could not give a verdict. Never to be read as a pass."""


class RunbookError(ProdInfraError):
    """A runbook stopped: a check failed, or a step could not be done."""


class ApprovalError(RunbookError):
    """Nobody approved exactly this plan. Nothing was changed."""


class LockError(RunbookError):
    """Another run holds the environment, or a run is still at work. Nothing was changed by this one."""


class WaitTimeoutError(RunbookError):
    """What was waited for did not come in time."""


class StopAlarmError(RunbookError):
    """An alarm fires that ends the run: going on could make things worse."""
