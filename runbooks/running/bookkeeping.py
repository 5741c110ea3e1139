"""papermill's bookkeeping of a run: each state of a cell is saved as it is true, in the notebook and in the record."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any, Final

import nbformat
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode
from papermill.engines import NotebookExecutionManager

from runbooks.core.redact import Redactor
from runbooks.core.results import collect
from runbooks.records.record import CellRecord, CellStatus, Record, RunError, Verdict, write_atomically
from runbooks.records.sections import fill

_STATUS: Final = {
    "pending": CellStatus.NEVER_RUN,
    "running": CellStatus.RUNNING,
    "completed": CellStatus.COMPLETED,
    "failed": CellStatus.FAILED,
}
"""The record's word for papermill's."""


def title(cell: NotebookNode) -> str:
    """Return a cell's title: its first line, a comment."""
    first: str = cell.source.lstrip().split("\n", 1)[0]
    return first.lstrip("# ") if first.startswith("#") else first[:60]


def cell_record(cell: NotebookNode) -> CellRecord:
    """Return what the record says of a cell."""
    told = cell.metadata.papermill
    return CellRecord(
        id=cell.id,
        title=title(cell),
        status=_STATUS[told["status"]],
        started=told["start_time"],
        finished=told["end_time"],
        seconds=told["duration"],
    )


class Bookkeeping(NotebookExecutionManager):  # type: ignore[misc]  # papermill is untyped
    """papermill's bookkeeping, with saves that are redacted and atomic, and a record beside the notebook.

    Args:
        output_path: of the executed notebook; None saves nothing.
        record_path: of the record; None writes none.
    """

    def __init__(
        self, nb: NotebookNode, record: Record, redactor: Redactor, output_path: Path | None, record_path: Path | None
    ) -> None:
        super().__init__(nb, output_path=output_path, progress_bar=False)
        self.record = record
        self.redactor = redactor
        self.record_path = record_path

    def redacted(self) -> NotebookNode:
        """Return a copy to show: streams joined, as a secret may come in two pieces, then secrets masked."""
        copy = nbformat.from_dict(self.nb)
        for cell in copy.cells:
            joined: list[NotebookNode] = []
            for output in cell.get("outputs", ()):
                former = joined[-1] if joined else None
                if former and output.output_type == former.output_type == "stream" and output.name == former.name:
                    joined[-1] = NotebookNode({**former, "text": former.text + output.text})
                else:
                    joined.append(output)
            if cell.cell_type == "code":
                cell.outputs = joined
        shown: NotebookNode = nbformat.from_dict(self.redactor.json(copy))
        return shown

    def save(self, **_: Any) -> None:
        """Write notebook and record as they stand."""
        shown = self.redacted()
        self.record.cells = [cell_record(cell) for cell in shown.cells if cell.cell_type == "code"]
        fill(self.record, collect(shown))
        if self.output_path is not None:
            write_atomically(self.output_path, nbformat.writes(shown) + "\n")
        if self.record_path is not None:
            self.record.write(self.record_path)
        self.last_save_time = self.now()

    def cell_failed(self, cell: NotebookNode, error: BaseException) -> None:
        """Mark the cell as failed, and show why in it where the kernel could not say so itself."""
        if not isinstance(error, CellExecutionError):
            kind, message = type(error).__name__, str(error)
            cell.outputs.append(nbformat.v4.new_output("error", ename=kind, evalue=message, traceback=[message]))
        self.cell_exception(cell)
        # A full disk must not hide why the cell failed.
        with contextlib.suppress(OSError):
            self.cell_complete(cell)

    def finish(self, verdict: Verdict, error: RunError | None) -> None:
        """Write the end of the run; what was never run stays `pending`."""
        self.end_time = self.now()
        seconds = (self.end_time - self.start_time).total_seconds()
        self.nb.metadata.papermill.update(
            end_time=self.end_time.isoformat(), duration=seconds, exception=True if error else None
        )
        self.record.verdict, self.record.error = verdict, error
        self.record.finished, self.record.seconds = self.end_time, seconds
        self.save()
