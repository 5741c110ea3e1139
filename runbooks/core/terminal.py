"""Shows a run while it works: a header per cell, and every line that the cell prints as it comes."""

from __future__ import annotations

from typing import Final

from rich.console import Console
from rich.rule import Rule
from rich.text import Text

from runbooks.core.redact import Redactor
from runbooks.records.record import CellRecord, CellStatus

SIGNS: Final = {CellStatus.COMPLETED: ("✓", "green"), CellStatus.FAILED: ("✗", "bold red")}


def cell_console() -> Console:
    """Return the console for code that runs in a kernel: colours are kept, as the runner's terminal decides on them."""
    return Console(
        force_terminal=True, force_jupyter=False, color_system="standard", width=120, highlight=False, no_color=False
    )


class Terminal:
    """What the user sees of a run.

    Args:
        console: where to print.
        redactor: takes the secrets out of each line first.
    """

    def __init__(self, console: Console, redactor: Redactor) -> None:
        self._console = console
        self._redactor = redactor
        self._partial: dict[str, str] = {}

    def cell_started(self, title: str) -> None:
        """Print the cell's header."""
        self._console.print(Rule(Text(title, style="bold"), align="left", style="dim"))

    def output(self, stream: str, text: str) -> None:
        """Print what came on a stream, `stdout` or `stderr`; an unfinished line waits for its end to be redacted."""
        *lines, rest = (self._partial.get(stream, "") + text).split("\n")
        self._partial[stream] = rest
        for line in lines:
            self._line(line)

    def cell_finished(self, cell: CellRecord, why: str = "") -> None:
        """Print what is left of the last line, and how the cell ended.

        Args:
            cell: how it went.
            why: the error's words, where it failed.
        """
        for rest in filter(None, self._partial.values()):
            self._line(rest)
        self._partial.clear()
        sign, style = SIGNS[cell.status]
        line = Text.assemble((f"{sign} {cell.title}", style), (f"  {cell.seconds or 0:.1f} s", "dim"))
        self._console.print(line, soft_wrap=True)
        if why:
            self._console.print(Text(self._redactor.text(why), style="red"), soft_wrap=True)

    def _line(self, line: str) -> None:
        self._console.print(Text.from_ansi(self._redactor.text(line)), soft_wrap=True)
