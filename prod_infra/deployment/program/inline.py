"""A program as Pulumi's Automation API runs it: in this process, for an engine in another one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection
from functools import partial
from typing import Any, Final

from prod_infra.deployment.program.host import in_thread

_PATIENCE: Final = 10.0
"""Seconds that a program whose engine is gone may take to notice it."""

_IDLE: Final = 0.5
"""Seconds after which a loop that nobody runs is one that nobody will close."""


class InlineProgram:
    """Runs a program, and afterwards closes what the Automation API leaves open.

    An engine that stops early takes the program's connection away, which ends the SDK's tasks by `sys.exit`. The
    language server then never comes to close their event loop (`pulumi/automation/_server.py`, 3.272).

    Args:
        main: the program.
    """

    def __init__(self, main: Callable[[], Any]) -> None:
        self._main = main
        self._loops: list[asyncio.AbstractEventLoop] = []

    def __call__(self) -> Any:
        """Run the program; called in the language server's loop."""
        self._loops.append(asyncio.get_running_loop())
        return self._main()

    def close(self) -> None:
        """End and close the loops of all runs; call it once the engine is gone."""
        while self._loops:
            loop = self._loops.pop()
            if _abandoned(loop):
                in_thread(partial(_close, loop)).result()


def _abandoned(loop: asyncio.AbstractEventLoop) -> bool:
    begun = used = time.monotonic()
    while not loop.is_closed() and time.monotonic() - used < _IDLE and time.monotonic() - begun < _PATIENCE:
        if loop.is_running():
            used = time.monotonic()
        time.sleep(0.01)
    return not (loop.is_closed() or loop.is_running())


def _close(loop: asyncio.AbstractEventLoop) -> None:
    # Its own handler stops the loop at each call that finds no engine; a stop that was asked for is taken up first.
    loop.set_exception_handler(lambda *_: None)
    loop.stop()
    loop.run_forever()
    loop.run_until_complete(_ended(asyncio.all_tasks(loop)))
    loop.close()


async def _ended(tasks: Collection[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
