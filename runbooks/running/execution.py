"""One run of one notebook: cells in order, each step of it saved as it is true."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from nbclient.exceptions import CellExecutionError, DeadKernelError
from nbformat import NotebookNode
from papermill.clientwrap import PapermillNotebookClient
from rich.console import Console

from prod_infra.errors import RunbookError
from runbooks.catalog import RUNBOOKS
from runbooks.core.approval import APPROVER
from runbooks.core.journal import Journal, newest
from runbooks.core.redact import Redactor, secret_values
from runbooks.core.results import MIME
from runbooks.core.run_folder import FOLDER, RESUMES, make_folder, new_run_id
from runbooks.core.terminal import Terminal
from runbooks.core.undo import undo_run
from runbooks.records import record as records
from runbooks.records.record import Record, RunError, Verdict
from runbooks.running.approver import Approver
from runbooks.running.bookkeeping import Bookkeeping, cell_record, title
from runbooks.running.kernel import Interruption, Kernel, isolated_environment, kernel

_QUIET_TAGS: Final = {"parameters", "injected-parameters"}


class _Client(PapermillNotebookClient):  # type: ignore[misc]  # papermill is untyped
    """Runs the cells; any end of one that is not success ends the run, and is told apart."""

    def __init__(
        self, manager: Bookkeeping, terminal: Terminal, interruption: Interruption, approver: Approver, **options: Any
    ) -> None:
        # Between cells there is nothing to wait for, and an interpreter with pulumi_aws in it takes seconds to leave.
        super().__init__(manager, shutdown_kernel="immediate", **options)
        self._terminal = terminal
        self._interruption = interruption
        self._approver = approver

    def papermill_execute_cells(self) -> None:
        for index, cell in enumerate(self.nb.cells):
            self._interruption.check()
            self.nb_man.cell_start(cell, index)
            shown = cell.cell_type == "code" and not _QUIET_TAGS & set(cell.metadata.get("tags", ()))
            if shown:
                self._terminal.cell_started(title(cell))
            try:
                self.execute_cell(cell, index)
            except BaseException as error:
                if isinstance(error, TimeoutError | KeyboardInterrupt):
                    # The kernel still works on the cell: the engine in it gets the chance to write its state.
                    self.shutdown_kernel = "graceful"
                    self._interruption.kernel.send(signal.SIGINT)
                self.nb_man.cell_failed(cell, error)
                self._terminal.cell_finished(cell_record(cell), _error(error).message)
                raise
            self.nb_man.cell_complete(cell, index)
            if shown:
                self._terminal.cell_finished(cell_record(cell))
        self._interruption.check()

    def process_message(self, msg: dict[str, Any], cell: NotebookNode, cell_index: int) -> NotebookNode | None:
        output: NotebookNode | None = super().process_message(msg, cell, cell_index)
        if output is not None and output.output_type == "stream":
            self._terminal.output(output.name, output.text)
        elif output is not None and MIME in output.get("data", {}):
            self._approver.see(output.data[MIME])
        return output


def _error(error: BaseException, cell: str = "") -> RunError:
    if isinstance(error, CellExecutionError):
        return RunError(kind=error.ename, message=error.evalue or error.ename, cell=cell)
    return RunError(kind=type(error).__name__, message=str(error) or type(error).__name__, cell=cell)


def _run_cells(client: _Client, running: Kernel, told: Mapping[str, str]) -> None:
    """Start the kernel, run every cell and stop the kernel; whatever goes wrong is raised.

    Args:
        client: has the cells.
        running: the kernel.
        told: environment variables that tell the kernel of its run.
    """
    local = client.nb_man.record.parameters.get("target", "local") == "local"
    environ = isolated_environment(os.environ) if local else dict(os.environ)
    # A user's IPython profile may run code of its own at each start.
    environ |= {**told, "IPYTHONDIR": str(running.log.parent / "ipython")}
    with running.log.open("w") as log:
        client.execute(cleanup_kc=True, env=environ, stdout=log, stderr=log)


def _take_back(record: Record, folder: Path, redactor: Redactor, console: Console) -> None:
    """Take back what the run has begun; what can't be is told in its error."""
    journal = Journal(folder, redactor)
    started = newest(journal.entries(), "started")
    if started is None or record.error is None:
        return
    if started["owned"]:
        console.print("The local AWS ended with its kernel: nothing is left to take back.", style="dim")
        return
    try:
        record.undo = undo_run(folder, journal, lambda line: console.print(redactor.text(line), markup=False))
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001  the record has to be written in any case
        failed = f"not taken back: {type(error).__name__}: {error}"
    else:
        failed = ", ".join(f"not taken back: {tried.step}: {tried.detail}" for tried in record.undo if not tried.done)
    if failed:
        record.error.message += redactor.text(f"\n{failed}\nAgain: prod-infra runbook undo {folder.name}")


def _told(folder: Path | None, resumes: Path | None, approver: Approver) -> dict[str, str]:
    """Return the environment variables that tell the kernel of its run."""
    found = {FOLDER: folder, RESUMES: resumes, APPROVER: "terminal" if approver.present else None}
    return {name: str(value) for name, value in found.items() if value is not None}


def _outcome(
    manager: Bookkeeping, error: BaseException | None, interruption: Interruption, last_words: str
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
    resumes: Path | None = None,
    start_timeout: int = 60,
    execution_timeout: int | None = None,
    **_papermill: Any,
) -> NotebookNode:
    """Run a notebook whose parameters are put in; `runbooks.running.engine.RunbookEngine` says what is raised."""
    output = _refuse(output_path)
    runbook = str(nb.metadata.get("prod_infra", {}).get("runbook") or Path(input_path or "notebook").stem)
    given = dict(nb.metadata.papermill.get("parameters", {}))
    redactor = Redactor.of_environment(os.environ, secret_values(given))
    parameters = _parameters(runbook, given)
    by_hand = record_path is None
    folder = record_path.parent if record_path else make_folder(Path.cwd(), runbook) if runbook in RUNBOOKS else None
    if record_path is None:
        record_path = folder / "record.json" if folder else output.with_suffix(".record.json") if output else None
    console = console or Console()
    notebook = Path(input_path).read_text(encoding="utf-8") if input_path and Path(input_path).is_file() else ""
    record = Record(
        id=run_id or (folder.name if folder else new_run_id(runbook)),
        runbook=runbook,
        parameters=redactor.json(parameters),
        started=datetime.now(UTC),
        source=records.source(Path.cwd(), notebook),
        versions=records.versions(),
    )
    manager = Bookkeeping(nb, record, redactor, output, record_path)
    error: BaseException | None = None
    with kernel() as running, Interruption(running) as interruption:
        try:
            manager.notebook_start()
            with Approver(folder, console) as approver:
                client = _Client(
                    manager,
                    Terminal(console, redactor),
                    interruption,
                    approver,
                    km=running.manager,
                    timeout=execution_timeout,
                    startup_timeout=start_timeout,
                )
                _run_cells(client, running, _told(folder, resumes, approver))
        except BaseException as raised:  # noqa: BLE001  every end of a run is recorded, then raised below
            error = raised
        verdict, said = _outcome(manager, error, interruption, running.last_words())
        record.verdict, record.error = verdict, said
        if folder is not None and said is not None:
            with contextlib.suppress(OSError):
                # What happened is on disk before anything is taken back.
                manager.save()
            _take_back(record, folder, redactor, console)
    try:
        manager.finish(verdict, said)
        if by_hand and folder is not None:
            from runbooks.records.keeping import finish  # noqa: PLC0415  it draws: needed by nobody until now

            finish(folder)
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
