"""What a runbook takes, does, and is taken back by, for people."""

from __future__ import annotations

import importlib
import inspect
from types import ModuleType

from rich.console import Console
from rich.table import Table
from rich.text import Text

from runbooks.catalog import Runbook
from runbooks.core.step import Step


def step_types(module: ModuleType) -> list[type[Step]]:
    """Return the kinds of steps that a runbook's module defines or takes from another, in its order."""
    return [
        found
        for found in vars(module).values()
        if isinstance(found, type) and issubclass(found, Step) and not inspect.isabstract(found)
    ]


def _first_line(thing: object) -> str:
    return (inspect.getdoc(thing) or "").split("\n", 1)[0]


def describe(runbook: Runbook, console: Console) -> None:
    """Print a runbook's parameters, the kinds of its steps, and its undo actions."""
    module = importlib.import_module(runbook.module)
    console.print(Text.assemble((runbook.name, "bold"), f"  {runbook.title}"))
    table = Table("parameter", "type", "default", "meaning", title="Parameters: -p name=value", title_justify="left")
    for name, found in runbook.parameters.model_fields.items():
        kind = getattr(found.annotation, "__name__", "") if isinstance(found.annotation, type) else ""
        kind = kind or str(found.annotation).replace("typing.", "")
        table.add_row(Text(name), Text(kind), Text(repr(found.default)), Text(found.description or ""))
    console.print(table)
    for kind_of_step in step_types(module):
        console.print(Text(f"step  {kind_of_step.__name__}: {_first_line(kind_of_step)}"), soft_wrap=True)
        if kind_of_step.no_undo:
            console.print(Text(f"      no undo: {kind_of_step.no_undo}", "dim"), soft_wrap=True)
    for name, action in module.UNDO.items():
        console.print(Text(f"undo  {runbook.name}.{name}: {_first_line(action)}"), soft_wrap=True)
