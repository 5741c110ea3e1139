"""Every notebook is thin, clean, and agrees with its runbook."""

from __future__ import annotations

import ast
from typing import Any

import nbformat
import pytest
from nbformat import NotebookNode

from runbooks.catalog import RUNBOOKS

MOST_CELLS = 10
MOST_LINES = 6


@pytest.fixture(params=RUNBOOKS)
def name(request: pytest.FixtureRequest) -> str:
    """Each runbook's name."""
    return str(request.param)


@pytest.fixture
def notebook(name: str) -> NotebookNode:
    """The runbook's notebook."""
    found: NotebookNode = nbformat.read(RUNBOOKS[name].notebook, as_version=4)
    return found


def _assignments(notebook: NotebookNode) -> dict[str, Any]:
    cell = next(cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", ()))
    found = {}
    for statement in ast.parse(cell.source).body:
        assert isinstance(statement, ast.Assign)
        (target,) = statement.targets
        assert isinstance(target, ast.Name)
        found[target.id] = ast.literal_eval(statement.value)
    return found


def test_parameters_cell_is_the_model(name: str, notebook: NotebookNode) -> None:
    """The parameters cell has the model's names and defaults, in its order."""
    defaults = {key: field.default for key, field in RUNBOOKS[name].parameters.model_fields.items()}
    assert list(_assignments(notebook).items()) == list(defaults.items())


def test_notebook_is_valid_and_names_its_runbook(name: str, notebook: NotebookNode) -> None:
    """It is a valid notebook for kernel `python3`, and says which runbook it is."""
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"
    assert notebook.metadata.prod_infra.runbook == name


def test_notebook_stores_no_outputs(notebook: NotebookNode) -> None:
    """Outputs, counts and papermill's traces stay out of git."""
    for cell in notebook.cells:
        assert "papermill" not in cell.metadata
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None
    assert "papermill" not in notebook.metadata


def test_cells_are_few_and_thin(notebook: NotebookNode) -> None:
    """At most ten cells of a few lines; the logic is in the library."""
    assert len(notebook.cells) <= MOST_CELLS
    assert all(len(cell.source.splitlines()) <= MOST_LINES for cell in notebook.cells)


def test_cells_have_titles_and_fixed_ids(notebook: NotebookNode) -> None:
    """Each step begins with a comment, its title at the terminal, and its ID is a word that stays."""
    for cell in notebook.cells:
        assert cell.id.replace("-", "").isalpha()
        if cell.cell_type == "code" and "parameters" not in cell.metadata.get("tags", ()):
            assert cell.source.startswith("# ")
