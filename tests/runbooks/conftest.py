"""Deployed environments that modules share, and small notebooks, run by papermill with our engine."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook
from papermill import execute_notebook
from rich.console import Console

from runbooks.records.record import Record
from tests.runbooks.rehearsed import Rehearsed, deployed_from, working_on

NotebookFactory = Callable[..., Path]


@pytest.fixture(scope="session")
def deployed_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsed]:
    """An environment of this pytest process; deploying one takes thirteen seconds of work."""
    with deployed_from(tmp_path_factory.mktemp("deployed")) as env:
        yield env


@pytest.fixture(scope="session")
def changed_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsed]:
    """Another one, for modules that leave it well but not as it was."""
    with deployed_from(tmp_path_factory.mktemp("changed")) as env:
        yield env


@pytest.fixture(scope="module")
def rehearsed(deployed_once: Rehearsed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsed]:
    """A deployed environment in which the program sees no change: each module leaves it so, in whatever order."""
    with working_on(deployed_once, tmp_path_factory.mktemp("rehearsed")) as env:
        yield env


@pytest.fixture(scope="module")
def changed(changed_once: Rehearsed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsed]:
    """A deployed environment that is well, with whatever password, settings and revision of the app."""
    with working_on(changed_once, tmp_path_factory.mktemp("changed")) as env:
        yield env


@pytest.fixture
def notebook(tmp_path: Path) -> NotebookFactory:
    """Write a notebook of the given cells, `parameters` first, and return its path."""

    def write(*cells: str, parameters: str = "x = 1") -> Path:
        first = new_code_cell(parameters, id="parameters", metadata={"tags": ["parameters"]})
        rest = [new_code_cell(source, id=f"cell-{number}") for number, source in enumerate(cells, 1)]
        kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
        path = tmp_path / "fixture.ipynb"
        nbformat.write(new_notebook(cells=[first, *rest], metadata={"kernelspec": kernelspec}), path)
        return path

    return write


@dataclass
class Outcome:
    """One run of a fixture notebook.

    Attributes:
        folder: where notebook and record are.
        error: what papermill raised.
        terminal: what was printed.
    """

    folder: Path
    error: BaseException | None = None
    terminal: io.StringIO = field(default_factory=io.StringIO)

    @property
    def shown(self) -> str:
        """What the terminal showed."""
        return self.terminal.getvalue()

    @property
    def record(self) -> Record:
        """The record on disk."""
        return Record.model_validate_json((self.folder / "out.record.json").read_text())

    @property
    def notebook(self) -> NotebookNode:
        """The executed notebook on disk."""
        found: NotebookNode = nbformat.read(self.folder / "out.ipynb", as_version=4)
        return found

    @property
    def statuses(self) -> dict[str, str]:
        """Status of each cell in the record, by ID."""
        return {cell.id: cell.status.value for cell in self.record.cells}

    def written(self) -> str:
        """Return the text of every file that the run left."""
        return "".join(path.read_text() for path in sorted(self.folder.rglob("*")) if path.is_file())


@pytest.fixture
def execute(tmp_path: Path) -> Callable[..., Outcome]:
    """Run a notebook through papermill and return what came of it, whatever it was."""

    def run(path: Path, parameters: dict[str, Any] | None = None, **options: Any) -> Outcome:
        folder = tmp_path / "out"
        folder.mkdir(exist_ok=True)
        outcome = Outcome(folder)
        options = {"console": Console(file=outcome.terminal, width=200), "progress_bar": False, **options}
        try:
            execute_notebook(path, folder / "out.ipynb", parameters or {}, engine_name="runbook", **options)
        except Exception as error:  # noqa: BLE001  the tests look at it
            outcome.error = error
        return outcome

    return run
