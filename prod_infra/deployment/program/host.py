"""Runs a Pulumi program in this process, as Pulumi's language host does in its own."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import gc
import logging
import signal
import sys
import sysconfig
import threading
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Final, TypeVar

import pulumi
from google.protobuf import empty_pb2
from pulumi.runtime.proto import engine_pb2

from prod_infra.deployment.engine import Program
from prod_infra.errors import ProdInfraError

_T = TypeVar("_T")
_LOG = logging.getLogger("prod_infra.program")

_NOT_USER_CODE: Final = (
    sysconfig.get_paths()["stdlib"],
    str(Path(pulumi.__file__).parent),
    str(Path(__file__).parents[1]),
    "<",
)


class _EngineLog:
    """Pulumi's engine service, as far as programs use it: `pulumi.info` and its like go to Python's logging."""

    _levels: Final = {
        engine_pb2.INFO: logging.INFO,
        engine_pb2.WARNING: logging.WARNING,
        engine_pb2.ERROR: logging.ERROR,
    }

    def Log(self, request: engine_pb2.LogRequest) -> None:  # noqa: N802  the protocol's name
        """Log one message of the program; the SDK's own debug messages are left out."""
        if request.severity in self._levels:
            _LOG.log(self._levels[request.severity], "%s", request.message)

    def RequirePulumiVersion(self, request: Any) -> empty_pb2.Empty:  # noqa: N802  the protocol's name
        """Accept any version: there is no CLI whose version could matter."""
        del request
        return empty_pb2.Empty()


def in_thread(work: Callable[[], _T]) -> Future[_T]:
    """Start work in a thread of its own that the end of the process does not wait for."""
    outcome: Future[_T] = Future()

    def target() -> None:
        try:
            outcome.set_result(work())
        except BaseException as error:  # noqa: BLE001  handed over to who waits
            outcome.set_exception(error)

    threading.Thread(target=target, daemon=True).start()
    return outcome


class Workers(ThreadPoolExecutor):
    """A fixed number of threads; unlike Python's own pool, the end of the process does not wait for them.

    A second Ctrl-C must not have to wait for what AWS takes minutes to do.
    """

    def __init__(self, threads: int) -> None:
        super().__init__(threads)
        self._tasks: SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = SimpleQueue()
        self._all = [threading.Thread(target=self._work, daemon=True) for _ in range(threads)]
        for thread in self._all:
            thread.start()

    def _work(self) -> None:
        while task := self._tasks.get():
            outcome, call = task
            if not outcome.set_running_or_notify_cancel():
                continue
            try:
                outcome.set_result(call())
            except Exception as error:  # noqa: BLE001  handed over to who waits
                outcome.set_exception(error)
            except BaseException as error:  # noqa: BLE001  asyncio and Pulumi's SDK would wait for ever
                outcome.set_exception(ProdInfraError(f"A step ended with {type(error).__name__}: {error}"))

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Have a call made by the next free thread; calls begin in the order in which they come."""
        outcome: Future[Any] = Future()
        self._tasks.put((outcome, lambda: fn(*args, **kwargs)))
        return outcome

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002  Executor's
        """End the threads once they have done what they were given."""
        del cancel_futures
        for _ in self._all:
            self._tasks.put(None)
        if wait:
            for thread in self._all:
                thread.join()


def attended(work: Callable[[], _T], stop: Callable[[], None], abort: Callable[[], None]) -> _T:
    """Do work that Ctrl-C and SIGTERM end in good order; in any other thread than the main one, just do it.

    Args:
        work: what to do.
        stop: called at the first interrupt; the work should end soon and by itself.
        abort: called at the second one; the work goes on in a thread that nobody waits for.

    Raises:
        KeyboardInterrupt: interrupted for the second time.
    """
    outcome = in_thread(work)
    if threading.current_thread() is not threading.main_thread():
        return outcome.result()

    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        try:
            return outcome.result()
        except KeyboardInterrupt:
            if outcome.done():
                raise
            stop()
        try:
            return outcome.result()
        except KeyboardInterrupt:
            abort()
            raise
    finally:
        signal.signal(signal.SIGTERM, before)


def where(error: BaseException) -> str:
    """Return `file:line` of the innermost frame that belongs to the user, or an empty string."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if not f.filename.startswith(_NOT_USER_CODE)]
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else ""


def _user_error(error: BaseException) -> BaseException:
    """Return the error that the user should see for what their program raised."""
    if isinstance(error, ProdInfraError | KeyboardInterrupt):
        return error
    if isinstance(error, pulumi.RunError):
        # RunError is how a Pulumi program says something to its user; where it was raised is no help.
        return ProdInfraError(f"The program stopped: {error}")
    place = where(error)
    at = f" at {place}" if place else ""
    if isinstance(error, SystemExit):
        return ProdInfraError(f"The program called sys.exit({error.code!r}){at} before it was done.")
    return ProdInfraError(f"The program failed{at}: {type(error).__name__}: {error}")


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    """Pause garbage collection, and take what was imported meanwhile out of it for good.

    Some 400,000 objects of pulumi_aws stay to the end; to walk them takes half a second, now and again as Python ends.
    """
    was, before = gc.isenabled(), len(sys.modules)
    gc.disable()
    try:
        yield
    finally:
        if len(sys.modules) > before:
            gc.freeze()
        if was:
            gc.enable()


def _run(program: Program, monitor: Any, *, preview: bool, workers: int) -> None:
    # Pulumi keeps its settings in context variables: a fresh context (see `run`) is what isolates one run from another.
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    executor = Workers(workers)
    loop.set_default_executor(executor)
    # A program that fails leaves futures nobody awaits; Pulumi's own host silences asyncio's complaints as well.
    loop.set_exception_handler(lambda _loop, _context: None)
    pulumi.runtime.configure(
        pulumi.runtime.Settings(
            project=program.project,
            stack=program.stack,
            monitor=monitor,
            engine=_EngineLog(),
            dry_run=preview,
            organization="organization",
            root_directory=str(program.directory or Path.cwd()),
        )
    )
    pulumi.runtime.set_all_config(dict(program.config), sorted(program.secret_keys))
    try:
        with _uncollected():
            loop.run_until_complete(pulumi.runtime.run_in_stack(program.main))
    finally:
        # Steps that still run must end before the caller looks at their outcome.
        executor.shutdown(wait=True)
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        asyncio.set_event_loop(None)
        loop.close()


def run(
    program: Program,
    monitor: Any,
    *,
    preview: bool,
    workers: int = 1,
) -> None:
    """Run the program to its end against a resource monitor; may be called from any thread, any number of times.

    Args:
        program: what to run.
        monitor: takes the program's requests; the methods of Pulumi's `ResourceMonitor` service.
        preview: what `pulumi.runtime.is_dry_run()` says.
        workers: requests answered at once; with 1 they come in the order in which the program made them.

    Raises:
        ProdInfraError: the program failed; those that it raised itself come as they are.
    """

    def target() -> None:
        try:
            contextvars.Context().run(_run, program, monitor, preview=preview, workers=workers)
        except BaseException as error:
            raise _user_error(error) from error

    # A notebook's thread has a running event loop already; the program needs its own.
    in_thread(target).result()
