"""One run of one notebook: cells in order, each step of it saved as it is true."""

from __future__ import annotations

import contextlib
import os
import secrets as random
import signal
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import nbformat
from nbclient.exceptions import CellExecutionError, DeadKernelError
from nbformat import NotebookNode
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NotebookExecutionManager
from rich.console import Console

from prod_infra.errors import RunbookError
from runbooks import record as records
from runbooks.catalog import RUNBOOKS
from runbooks.kernel import Interruption, Kernel, isolated_environment, kernel
from runbooks.record import CellRecord, CellStatus, Record, RunError, Verdict
from runbooks.redact import Redactor, secret_values
from runbooks.results import collect
from runbooks.terminal import Terminal

_QUIET_TAGS: Final = {"parameters", "injected-parameters"}

_STATUS: Final = {
    "pending": CellStatus.NEVER_RUN,
    "running": CellStatus.RUNNING,
    "completed": CellStatus.COMPLETED,
    "failed": CellStatus.FAILED,
}
"""The record's word for papermill's."""


def new_run_id(runbook: str) -> str:
    """Return `<utc>-<runbook>-<6 hex>`; names sort by time."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{runbook}-{random.token_hex(3)}"


def _title(cell: NotebookNode) -> str:
    first: str = cell.source.lstrip().split("\n", 1)[0]
    return first.lstrip("# ") if first.startswith("#") else first[:60]


class _Manager(NotebookExecutionManager):  # type: ignore[misc]  # papermill is untyped
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
        self.record.cells = [_cell_record(cell) for cell in shown.cells if cell.cell_type == "code"]
        self.record.results = collect(shown)
        if self.output_path is not None:
            records.write_atomically(self.output_path, nbformat.writes(shown) + "\n")
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


class _Client(PapermillNotebookClient):  # type: ignore[misc]  # papermill is untyped
    """Runs the cells; any end of one that is not success ends the run, and is told apart."""

    def __init__(self, manager: _Manager, terminal: Terminal, interruption: Interruption, **options: Any) -> None:
        # Between cells there is nothing to wait for, and an interpreter with pulumi_aws in it takes seconds to leave.
        super().__init__(manager, shutdown_kernel="immediate", **options)
        self._terminal = terminal
        self._interruption = interruption

    def papermill_execute_cells(self) -> None:
        for index, cell in enumerate(self.nb.cells):
            self._interruption.check()
            self.nb_man.cell_start(cell, index)
            shown = cell.cell_type == "code" and not _QUIET_TAGS & set(cell.metadata.get("tags", ()))
            if shown:
                self._terminal.cell_started(_title(cell))
            try:
                self.execute_cell(cell, index)
            except BaseException as error:
                if isinstance(error, TimeoutError | KeyboardInterrupt):
                    # The kernel still works on the cell: the engine in it gets the chance to write its state.
                    self.shutdown_kernel = "graceful"
                    self._interruption.kernel.send(signal.SIGINT)
                self.nb_man.cell_failed(cell, error)
                self._terminal.cell_finished(_cell_record(cell), _error(error).message)
                raise
            self.nb_man.cell_complete(cell, index)
            if shown:
                self._terminal.cell_finished(_cell_record(cell))
        self._interruption.check()

    def process_message(self, msg: dict[str, Any], cell: NotebookNode, cell_index: int) -> NotebookNode | None:
        output: NotebookNode | None = super().process_message(msg, cell, cell_index)
        if output is not None and output.output_type == "stream":
            self._terminal.output(output.name, output.text)
        return output


def _cell_record(cell: NotebookNode) -> CellRecord:
    told = cell.metadata.papermill
    return CellRecord(
        id=cell.id,
        title=_title(cell),
        status=_STATUS[told["status"]],
        started=told["start_time"],
        finished=told["end_time"],
        seconds=told["duration"],
    )


def _error(error: BaseException, cell: str = "") -> RunError:
    if isinstance(error, CellExecutionError):
        return RunError(kind=error.ename, message=error.evalue or error.ename, cell=cell)
    return RunError(kind=type(error).__name__, message=str(error) or type(error).__name__, cell=cell)


def _run_cells(
    manager: _Manager, running: Kernel, interruption: Interruption, terminal: Terminal, **options: Any
) -> None:
    """Start the kernel, run every cell and stop the kernel; whatever goes wrong is raised."""
    client = _Client(manager, terminal, interruption, km=running.manager, **options)
    with running.log.open("w") as log:
        client.execute(cleanup_kc=True, env=_environment(manager.record, running), stdout=log, stderr=log)


def _environment(record: Record, running: Kernel) -> dict[str, str]:
    local = record.parameters.get("target", "local") == "local"
    environ = isolated_environment(os.environ) if local else dict(os.environ)
    # A user's IPython profile may run code of its own at each start.
    return {**environ, "IPYTHONDIR": str(running.log.parent / "ipython")}


def _outcome(
    manager: _Manager, error: BaseException | None, interruption: Interruption, last_words: str
) -> tuple[Verdict, RunError | None]:
    if error is None:
        return Verdict.SUCCEEDED, None
    failed = next((cell.id for cell in manager.nb.cells if cell.metadata.papermill["status"] == "failed"), "")
    said = _error(error, failed)
    if interruption.number is not None or isinstance(error, KeyboardInterrupt):
        name = (interruption.number or signal.SIGINT).name
        forced = "; its kernel had to be killed" if isinstance(error, DeadKernelError) else ""
        return Verdict.INTERRUPTED, RunError(kind=name, message=f"stopped by {name}{forced}", cell=failed)
    if not isinstance(error, CellExecutionError) and last_words:
        said.message += f"\n{last_words}"
    said.message = manager.redactor.text(said.message)
    return Verdict.FAILED, said


def _refuse(path: str | None) -> Path | None:
    """Return the output path.

    Raises:
        RunbookError: it is not a local file, or is there already.
    """
    if path is None:
        return None
    if path == "-" or "://" in path:
        raise RunbookError(f"A runbook's record is a local file, and {path!r} is none.", hint="give a path")
    if Path(path).exists():
        raise RunbookError(f"{path} is there already, and a record is never overwritten.", hint="give another path")
    return Path(path)


def _parameters(runbook: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return all parameters, checked where the catalog knows the runbook."""
    known = RUNBOOKS.get(runbook)
    return known.validate(given).model_dump(mode="json") if known else dict(given)


def execute(
    nb: NotebookNode,
    *,
    output_path: str | None = None,
    input_path: str | None = None,
    record_path: Path | None = None,
    run_id: str = "",
    console: Console | None = None,
    start_timeout: int = 60,
    execution_timeout: int | None = None,
    **_papermill: Any,
) -> NotebookNode:
    """Run a notebook whose parameters are put in; `runbooks.engine.RunbookEngine` says what is raised."""
    output = _refuse(output_path)
    if record_path is None and output is not None:
        record_path = output.with_suffix(".record.json")
    runbook = str(nb.metadata.get("prod_infra", {}).get("runbook") or Path(input_path or "notebook").stem)
    given = dict(nb.metadata.papermill.get("parameters", {}))
    redactor = Redactor.of_environment(os.environ, secret_values(given))
    notebook = Path(input_path).read_text(encoding="utf-8") if input_path and Path(input_path).is_file() else ""
    record = Record(
        id=run_id or new_run_id(runbook),
        runbook=runbook,
        parameters=redactor.json(_parameters(runbook, given)),
        started=datetime.now(UTC),
        source=records.source(Path.cwd(), notebook),
        versions=records.versions(),
    )
    manager = _Manager(nb, record, redactor, output, record_path)
    error: BaseException | None = None
    with kernel() as running, Interruption(running) as interruption:
        try:
            manager.notebook_start()
            _run_cells(
                manager,
                running,
                interruption,
                Terminal(console or Console(), redactor),
                timeout=execution_timeout,
                startup_timeout=start_timeout,
            )
        except BaseException as raised:  # noqa: BLE001  every end of a run is recorded, then raised below
            error = raised
        verdict, said = _outcome(manager, error, interruption, running.last_words())
    try:
        manager.finish(verdict, said)
    except OSError as full:
        raise RunbookError(f"The record could not be written: {full}", hint="make room and run again") from error
    # papermill writes the notebook once more by itself.
    shown = manager.redacted()
    nb.clear()
    nb.update(shown)
    if verdict is Verdict.INTERRUPTED:
        if interruption.number is signal.SIGTERM:
            raise SystemExit(128 + signal.SIGTERM) from None
        raise KeyboardInterrupt from None
    if said is not None:
        place = next((cell.title for cell in record.cells if cell.id == said.cell), "before the first cell")
        hint = f"the record says what was done: {record_path}" if record_path else ""
        raise RunbookError(f"{runbook} failed at {place!r}: {said.kind}: {said.message}", hint=hint) from None
    return nb
