"""The public API is written down, and can be imported as it says."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import prod_infra
from tests.api_reference import FILE, reference, sections

ROOT = Path(__file__).parent.parent
DOCUMENTED = {(module, name) for section in sections() for module, names in section.names.items() for name in names}


def _imports(file: Path) -> Iterator[tuple[str, str]]:
    """Yield module and name of whatever a file imports from the library."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.partition(".")[0] == "prod_infra":
            yield from ((node.module, alias.name) for alias in node.names)


def test_the_reference_is_what_the_code_says() -> None:
    """docs/api.md is written again whenever a public signature or docstring changes, so that a review sees it."""
    assert FILE.read_text(encoding="utf-8") == reference(), "run `python -m tests.api_reference` and review the change"


def test_every_public_name_can_be_imported() -> None:
    """What the reference names is where it says."""
    missing = [(module, name) for module, name in DOCUMENTED if not hasattr(import_module(module), name)]
    assert not missing


def test_names_of_the_package_are_documented() -> None:
    """What `prod_infra` itself offers is the documented thing."""
    for name in set(prod_infra.__all__) - {"__version__"}:
        assert (getattr(prod_infra, name).__module__, name) in DOCUMENTED


def test_examples_use_public_names_alone() -> None:
    """No example imports what may change without notice."""
    used = {found for file in (ROOT / "examples").rglob("*.py") for found in _imports(file)}
    assert used
    assert {found for found in used if found[0] != "prod_infra"} <= DOCUMENTED
