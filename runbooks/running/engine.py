"""papermill's engine `runbook`: the same notebooks, and a record that is true whatever happens to the run.

Papermill's own engine saves an interrupted cell, and every cell that was never run, as `completed` when the kernel
dies, a cell times out or someone presses Ctrl-C, and ends `sys.exit(0)` with success. This one does not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbformat import NotebookNode


class RunbookEngine:
    """What papermill asks of an engine; `papermill in.ipynb out.ipynb --engine runbook` uses it by hand."""

    # papermill loads its engines while it is itself being imported, so nothing of it can be imported at the top here.
    # ruff: noqa: PLC0415

    @classmethod
    def execute_notebook(cls, nb: NotebookNode, kernel_name: str, **options: Any) -> NotebookNode:
        """Run the notebook in a kernel of this very interpreter and write the record beside it.

        Args:
            nb: the notebook, its parameters already put in.
            kernel_name: passed over: a runbook runs on the interpreter that has `prod_infra`.
            options: papermill's own (`output_path`, `input_path`, `execution_timeout`, `start_timeout`), and
                `record_path`, `run_id` and `console` of our runner.

        Raises:
            InvalidInputError: parameters that can't be right; no kernel was started.
            RunbookError: the output path is taken, a cell failed, the kernel died or a cell ran out of time.
            KeyboardInterrupt: Ctrl-C.
            SystemExit: SIGTERM, with code 143.
        """
        from runbooks.running.execution import execute

        del kernel_name
        return execute(nb, **options)

    @classmethod
    def nb_kernel_name(cls, nb: NotebookNode, name: str | None = None) -> str:
        """Return papermill's own answer."""
        from papermill.utils import nb_kernel_name

        return str(nb_kernel_name(nb, name))

    @classmethod
    def nb_language(cls, nb: NotebookNode, language: str | None = None) -> str:
        """Return papermill's own answer."""
        from papermill.utils import nb_language

        return str(nb_language(nb, language))
