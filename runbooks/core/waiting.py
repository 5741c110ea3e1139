"""Waits that end: by what was waited for, by time, by an alarm, or because nobody is left who would record them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Final, TypeVar

from prod_infra.errors import RunbookError, WaitTimeoutError
from runbooks.core.run_folder import FOLDER

Found = TypeVar("Found")

_PARENT: Final = os.getppid()


def require_runner() -> None:
    """Stop a kernel whose runner is gone: it must not go on changing things unrecorded.

    ipykernel looks for its parent once a second only. A runner itself, or an undo by hand, outlives its shell.

    Raises:
        RunbookError: it is gone.
    """
    if FOLDER in os.environ and os.getppid() != _PARENT:
        raise RunbookError("The runner is gone.", hint="`prod-infra runbook undo RUN_ID`, or `resume RUN_ID`")


def wait(
    what: str,
    until: Callable[[], Found | None],
    *,
    timeout: float,
    poll: float,
    between: Callable[[], None] = lambda: None,
) -> Found:
    """Ask until the answer is there, and return it.

    Args:
        what: is waited for, such as `prod-docdb-1 to be the writer`.
        until: returns what was waited for, or something false while it is not there yet.
        timeout: seconds; at the end of them it is asked once more.
        poll: seconds between two looks.
        between: called between two looks, such as a look at alarms; what it raises ends the wait.

    Raises:
        WaitTimeoutError: it did not come in time.
        RunbookError: this is a kernel, and its runner is gone.
    """
    deadline = time.monotonic() + timeout
    while not (found := until()):
        require_runner()
        between()
        left = deadline - time.monotonic()
        if left <= 0:
            raise WaitTimeoutError(
                f"Waited {timeout:g} s for {what}, in vain.",
                hint="AWS's console may say why; the journal has what takes the steps back",
            )
        time.sleep(min(poll, left))
    return found
