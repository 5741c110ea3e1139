"""Asks the person at the runner's terminal on behalf of the kernel, which has none."""

from __future__ import annotations

import getpass
import os
import select
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from rich.console import Console

from runbooks.core.approval import answer_in_folder, question


class Approver:
    """Answers a plan that asks for approval, from a thread: the run must be stoppable while a person thinks.

    Args:
        folder: of the run, where the kernel looks for the answer; None for a notebook that is no runbook.
        console: where to ask.

    Attributes:
        present: whether there is a person to ask: both ends are a terminal.
    """

    def __init__(self, folder: Path | None, console: Console) -> None:
        self.present = folder is not None and console.is_terminal and sys.stdin is not None and sys.stdin.isatty()
        self._folder = folder
        self._console = console
        self._over = threading.Event()

    def see(self, result: Mapping[str, Any]) -> None:
        """Look at what a cell published, and ask if it is a plan that needs somebody's word."""
        if self.present and result["section"] == "plan" and result["data"]["ask"]:
            threading.Thread(target=self._ask, args=(result["data"],), name="approver", daemon=True).start()

    def _ask(self, plan: Mapping[str, Any]) -> None:
        assert self._folder is not None  # noqa: S101  else nobody is present
        self._console.print(question(plan["word"]), markup=False)
        answer = self._line()
        if answer is not None:
            answer_in_folder(self._folder, plan["digest"], by=getpass.getuser() if answer == plan["word"] else "")

    def _line(self) -> str | None:
        """Return the next line, None where the run ended meanwhile. Not by `input`, which no other thread can end."""
        while not self._over.is_set():
            if select.select([sys.stdin.fileno()], [], [], 0.2)[0]:
                return os.read(sys.stdin.fileno(), 4096).decode(errors="replace").strip()
        return None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
