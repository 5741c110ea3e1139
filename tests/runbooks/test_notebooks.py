"""Every notebook is thin, clean, and agrees with its runbook."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from typing import Any

import nbformat
import pytest
from nbformat import NotebookNode

from runbooks.catalog import RUNBOOKS
from runbooks.core.step import Step
from runbooks.core.undo import find_action
from runbooks.running.description import step_types

MOST_CELLS = 10
SHAPE = ("steady_state.before", "gate", "plan", "act", "verify", "steady_state.after", "result")


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
    """At most ten cells; each but the first two, which name the parameters, calls one method."""
    assert len(notebook.cells) <= MOST_CELLS
    for cell in notebook.cells:
        if cell.cell_type == "code" and not _names_parameters(cell):
            title, *lines = cell.source.splitlines()
            assert title.startswith("# ")
            assert len(lines) == 1
            assert lines[0].startswith("run.")


def _names_parameters(cell: NotebookNode) -> bool:
    return "parameters" in cell.metadata.get("tags", ()) or ".start(" in cell.source


def _calls(notebook: NotebookNode) -> list[str]:
    """Return the methods that the cells call on the run, in order; of `steady_state` with its argument."""
    found = []
    for cell in notebook.cells:
        for statement in ast.parse(cell.source if cell.cell_type == "code" else "").body:
            if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
                function = statement.value.func
                assert isinstance(function, ast.Attribute)
                found.append(".".join([function.attr, *(ast.literal_eval(value) for value in statement.value.args)]))
    return found


def test_cells_have_the_one_shape(name: str, notebook: NotebookNode) -> None:
    """Steady state, plan, act, verify, steady state, result, in this order; who only reads neither plans nor acts."""
    module = importlib.import_module(RUNBOOKS[name].module)
    calls = _calls(notebook)
    assert calls == [call for call in SHAPE if call in calls]
    assert {"verify", "result"} <= set(calls)
    if step_types(module):
        assert {"plan", "act"} <= set(calls)
        if not RUNBOOKS[name].deploys:
            assert {"steady_state.before", "steady_state.after"} <= set(calls)


def test_start_cell_passes_every_parameter(name: str, notebook: NotebookNode) -> None:
    """`start` gets each parameter under its own name."""
    cell = next(cell for cell in notebook.cells if ".start(" in cell.source)
    call = next(found for found in ast.walk(ast.parse(cell.source)) if isinstance(found, ast.Call))
    passed = {found.arg: ast.unparse(found.value) for found in call.keywords}
    assert passed == {field: field for field in RUNBOOKS[name].parameters.model_fields}


def test_every_step_has_an_undo_or_a_reason(name: str) -> None:
    """A step can be taken back, or its class says why nothing does."""
    for kind in step_types(importlib.import_module(RUNBOOKS[name].module)):
        assert kind.undo is not Step.undo or kind.no_undo, kind


def test_undo_actions_are_registered(name: str) -> None:
    """Every action that the module names is there, documented, and takes an `Aws` and keywords."""
    module = importlib.import_module(RUNBOOKS[name].module)
    for action in re.findall(r"action=[\"'](\w+\.\w+)", inspect.getsource(module)):
        find_action(action)
    for action, function in module.UNDO.items():
        first, *rest = inspect.signature(function).parameters.values()
        assert (first.name, first.kind) == ("aws", first.POSITIONAL_OR_KEYWORD), action
        assert all(given.kind is given.KEYWORD_ONLY for given in rest), action
        assert inspect.getdoc(function), action


def test_cells_have_titles_and_fixed_ids(notebook: NotebookNode) -> None:
    """Each step begins with a comment, its title at the terminal, and its ID is a word that stays."""
    for cell in notebook.cells:
        assert cell.id.replace("-", "").isalpha()
        if cell.cell_type == "code" and "parameters" not in cell.metadata.get("tags", ()):
            assert cell.source.startswith("# ")
