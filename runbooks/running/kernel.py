"""The kernel of a run: this interpreter, sockets nobody else can reach, and no AWS settings of the user's."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import Any, Final, Self

from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager

GRACE: Final = {signal.SIGINT: 300.0, signal.SIGTERM: 20.0}
"""Seconds that a cell has to end by itself before its kernel is killed: a person can press Ctrl-C once more, and who
sends SIGTERM sends SIGKILL soon after."""


def isolated_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return a process environment without the user's AWS settings, for what may reach the local AWS only.

    A profile, an endpoint or a key of the user's must change nothing there, nor can it leak from there.
    """
    kept = {name: value for name, value in environ.items() if not name.startswith(("AWS_", "BOTO"))}
    return {
        **kept,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


class OwnInterpreter(KernelSpecManager):
    """Answers every kernel name with the running interpreter: a `python3` kernelspec may well be another one."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        """Return the spec; `-P` keeps the working directory's folders from hiding installed packages."""
        return KernelSpec(
            argv=[sys.executable, "-P", "-m", "ipykernel_launcher", "-f", "{connection_file}"],
            display_name=f"Python ({kernel_name})",
            language="python",
        )


class Kernel:
    """Where the kernel's process stands; made by `kernel()`."""

    def __init__(self, folder: Path) -> None:
        self.log = folder / "log"
        """What the kernel wrote to the process's own stdout and stderr, past Jupyter."""
        self.manager: Any = AsyncKernelManager(
            kernel_name="python3",
            kernel_spec_manager=OwnInterpreter(),
            transport="ipc",
            connection_file=str(folder / "k.json"),
            shutdown_wait_time=GRACE[signal.SIGTERM],
        )

    @property
    def pid(self) -> int | None:
        """Process id, None before the start and after the end."""
        return getattr(self.manager.provisioner, "pid", None) if self.manager.has_kernel else None

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the kernel's process, if there is one."""
        if (pid := self.pid) is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def last_words(self) -> str:
        """Return the end of what the process wrote past Jupyter: all there is to say why it died."""
        return self.log.read_text(encoding="utf-8", errors="replace")[-2000:].strip() if self.log.exists() else ""


@contextlib.contextmanager
def kernel() -> Iterator[Kernel]:
    """Give a kernel that is not started yet; its folder is gone at the end."""
    # Socket paths may have 107 characters on Linux, 103 on macOS.
    with tempfile.TemporaryDirectory(prefix="rb-") as folder:
        yield Kernel(Path(folder))


class Interruption:
    """Turns Ctrl-C and SIGTERM into an interrupt of the kernel's cell, so that the cell ends and its output is kept.

    A second signal ends the run at once; a cell that does not end within the grace period loses its kernel.

    Attributes:
        kernel: whose cell is interrupted.
        number: the signal that came, or None.
    """

    def __init__(self, running: Kernel) -> None:
        self.number: signal.Signals | None = None
        self.kernel = running
        self._former: dict[signal.Signals, Any] = {}
        self._timer: threading.Timer | None = None

    def __enter__(self) -> Self:
        # Python lets only the main thread handle signals; in another one the caller has to.
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._former[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._former.items():
            signal.signal(number, handler)
        if self._timer is not None:
            self._timer.cancel()

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        again, self.number = self.number is not None, signal.Signals(number)
        if again or self.kernel.pid is None:
            raise KeyboardInterrupt
        self.kernel.send(signal.SIGINT)
        self._timer = threading.Timer(GRACE[self.number], self.kernel.send, [signal.SIGKILL])
        self._timer.daemon = True
        self._timer.start()

    def check(self) -> None:
        """Raise KeyboardInterrupt if a signal came; asked between cells, where the kernel has nothing to interrupt."""
        if self.number is not None:
            raise KeyboardInterrupt
