"""What the cells of a runbook hand to its record: JSON outputs that stay in the executed notebook."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

MIME: Final = "application/vnd.prod-infra.result+json"
"""Media type of a cell's result; the idea is scrapbook's `glue`."""


def publish(section: str, data: Mapping[str, Any], text: str = "") -> None:
    """Put one section of the record into the running cell's outputs.

    Args:
        section: name in the record's `results`, such as `policy`; the last one published under a name counts.
        data: JSON.
        text: what a reader of the notebook sees, where the cell does not print it anyway.
    """
    from IPython.display import display  # noqa: PLC0415  of the kernel; a runner only collects

    display({MIME: {"section": section, "data": dict(data)}, "text/plain": text}, raw=True)


def collect(notebook: Mapping[str, Any]) -> dict[str, Any]:
    """Return every published section of an executed notebook, data by name."""
    outputs = (output for cell in notebook["cells"] for output in cell.get("outputs", ()))
    found = (output["data"][MIME] for output in outputs if MIME in output.get("data", {}))
    return {result["section"]: result["data"] for result in found}
