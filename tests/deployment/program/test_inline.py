"""What a program that ran for another process's engine leaves behind."""

from __future__ import annotations

import asyncio
import contextlib

from prod_infra.deployment.program.inline import InlineProgram


def _abandoned(program: InlineProgram, *, tasks: int) -> asyncio.AbstractEventLoop:
    """Run a program as Pulumi's language server does when the engine goes away: its loop is never closed."""
    loop = asyncio.new_event_loop()

    async def run() -> None:
        for _ in range(tasks):
            asyncio.ensure_future(asyncio.sleep(3600))  # noqa: RUF006  nobody holds it: that is the point
        await asyncio.sleep(0)
        program()

    with contextlib.suppress(SystemExit):
        loop.run_until_complete(run())
    return loop


def _leave() -> None:
    raise SystemExit(0)


def test_an_abandoned_loop_is_closed_with_its_tasks() -> None:
    """Else its sockets stay open until the garbage collector finds them."""
    program = InlineProgram(_leave)
    loops = [_abandoned(program, tasks=2), _abandoned(program, tasks=0)]
    program.close()
    assert all(loop.is_closed() for loop in loops)


def test_a_loop_that_was_closed_is_left_alone() -> None:
    """The language server closes that of a program that came to its end."""
    program = InlineProgram(_leave)
    _abandoned(program, tasks=0).close()
    program.close()
