"""Writes docs/api.md: the public names with signatures and docstrings, read from the source without importing it."""

from __future__ import annotations

import ast
import inspect
import sys
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
FILE: Final = ROOT / "docs" / "api.md"

INTRO: Final = """\
# The public API

Written by `nox -s docs` from signatures and docstrings; a test fails where it is not what the code says. What is not
named here may change without notice.
"""

Definition = ast.ClassDef | ast.FunctionDef


@dataclass(frozen=True)
class Section:
    """Public names of some modules under one heading.

    Attributes:
        title: the heading.
        names: by module; none means every public class and function that is defined in it.
    """

    title: str
    names: dict[str, tuple[str, ...]]


COMPONENT_PACKAGES: Final = ("network", "edge", "compute", "data", "operations")

BEFORE: Final = (
    Section(
        "The environment",
        {
            "prod_infra.production": ("ProductionEnvironment",),
            "prod_infra.settings": ("Settings", "settings_reference"),
            "prod_infra.component": ("ComponentArgs", "Component"),
            "prod_infra.naming": ("standard_tags",),
            "prod_infra.edge.bucket_policy": ("only_tls",),
        },
    ),
)
AFTER: Final = (
    Section("Tests of policy packs", {"prod_infra.testing": ("pack", "resource", "PackUnderTest", "RuleVerdict")}),
    Section(
        "Engines and targets",
        {
            "prod_infra.deployment.engine": (),
            "prod_infra.deployment.embedded.embedded_engine": ("EmbeddedEngine",),
            "prod_infra.deployment.automation.pulumi_engine": ("PulumiEngine",),
            "prod_infra.deployment.targets": ("LocalTarget", "open_local"),
            "prod_infra.deployment.account.aws_target": ("AwsTarget", "SavedPlan"),
            "prod_infra.deployment.project": ("find", "load", "packaged"),
        },
    ),
    Section(
        "The policy gate",
        {
            "prod_infra.deployment.program.evaluate": ("register",),
            "prod_infra.deployment.program.registration": ("Registration",),
            "prod_infra.deployment.policy.gate": ("check", "check_program"),
            "prod_infra.deployment.policy.verdict": ("Verdict", "RuleInfo", "Outcome"),
            "prod_infra.deployment.policy.findings": ("Finding",),
            "prod_infra.deployment.policy.config": ("refuse_in_production",),
        },
    ),
    Section("The local AWS", {"prod_infra.local_aws.server": ("LocalAws",)}),
    Section("Runbooks", {"runbooks.running.runner": ("run", "resume", "undo", "read_record")}),
    Section("Errors", {"prod_infra.errors": ()}),
)


def definitions(module: str) -> dict[str, Definition]:
    """Return the public classes and functions that a module defines, by name, in its order."""
    tree = ast.parse((ROOT / module.replace(".", "/")).with_suffix(".py").read_text(encoding="utf-8"))
    found = (node for node in tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef))
    return {node.name: node for node in found if not node.name.startswith("_")}


def _components() -> Section:
    """Return every component with its arguments: whatever descends from `Component` or `ComponentArgs`."""
    folders = [ROOT / "prod_infra" / package for package in COMPONENT_PACKAGES]
    modules = [
        f"prod_infra.{folder.name}.{file.stem}" for folder in folders for file in sorted(folder.glob("[a-z]*.py"))
    ]
    classes = {
        (module, name): {ast.unparse(base) for base in node.bases}
        for module in modules
        for name, node in definitions(module).items()
        if isinstance(node, ast.ClassDef)
    }
    known, before = {"Component", "ComponentArgs"}, 0
    while len(known) > before:
        before = len(known)
        known |= {name for (_, name), bases in classes.items() if bases & known}
    names: dict[str, tuple[str, ...]] = {}
    for module, name in classes:
        if name in known:
            names[module] = (*names.get(module, ()), name)
    return Section("Components, their arguments and outputs", names)


def sections() -> list[Section]:
    """Return the public names, every name given."""
    found = [*BEFORE, _components(), *AFTER]
    return [
        Section(one.title, {module: names or tuple(definitions(module)) for module, names in one.names.items()})
        for one in found
    ]


def _decorators(node: Definition) -> set[str]:
    return {ast.unparse(found).partition("(")[0] for found in node.decorator_list}


def _signature(node: ast.FunctionDef, *, method: bool = False) -> str:
    arguments = ast.parse(ast.unparse(node)).body[0]
    assert isinstance(arguments, ast.FunctionDef)
    positional = arguments.args
    bound = method and "staticmethod" not in _decorators(node)
    if bound:
        del (positional.posonlyargs or positional.args)[0]
    gives = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    return f"{node.name}({ast.unparse(positional)}){gives}"


def _described(doc: str) -> Iterator[str]:
    """Yield a Google docstring as Markdown: entries of its sections become items."""
    entries = False
    for line in inspect.cleandoc(doc).splitlines():
        if line in {"Args:", "Attributes:", "Raises:", "Returns:"}:
            entries = True
            yield from (f"*{line[:-1]}*", "")
        elif entries and line.startswith("    "):
            entry = textwrap.dedent(line) if not line.startswith("        ") else f"  {line.strip()}"
            yield entry if entry.startswith("  ") else f"- {entry}"
        else:
            entries = entries and not line
            yield line
    yield ""


def _setting(item: ast.AnnAssign, field: ast.Call) -> str:
    """Return a field of a Pydantic model: name, type, default, then its bounds and meaning as a comment."""
    words = {keyword.arg: keyword.value for keyword in field.keywords}
    default = field.args[0] if field.args else words.pop("default")
    meaning = words.pop("description")
    assert isinstance(meaning, ast.Constant)
    bounds = [f"{name}={ast.unparse(value)}" for name, value in words.items()]
    said = "; ".join([str(meaning.value), *bounds])
    return f"{ast.unparse(item.target)}: {ast.unparse(item.annotation)} = {ast.unparse(default)}  # {said}"


def _public_fields(node: ast.ClassDef) -> Iterator[str]:
    for item in node.body:
        if not isinstance(item, ast.AnnAssign | ast.Assign):
            continue
        target = item.target if isinstance(item, ast.AnnAssign) else item.targets[0]
        if not isinstance(target, ast.Name) or target.id.startswith("_") or target.id == "model_config":
            continue
        is_field = isinstance(item.value, ast.Call) and ast.unparse(item.value.func) == "Field"
        if isinstance(item, ast.AnnAssign) and isinstance(item.value, ast.Call) and is_field:
            yield _setting(item, item.value)
        else:
            yield ast.unparse(item)


def _parts(node: ast.ClassDef) -> Iterator[str]:
    """Yield the parts that the environment builds as its attributes, with their types."""
    set_at = [item for item in ast.walk(node) if isinstance(item, ast.Assign)]
    maybe = {ast.unparse(item.targets[0]) for item in set_at if ast.unparse(item.value) == "None"}
    for item in set_at:
        target, made = item.targets[0], item.value
        if isinstance(target, ast.Attribute) and isinstance(made, ast.Call) and ast.unparse(made.func) == "build":
            none = " | None" if ast.unparse(target) in maybe else ""
            yield f"{target.attr}: {ast.unparse(made.args[0])}{none}"


def _methods(node: ast.ClassDef) -> Iterator[ast.FunctionDef]:
    for item in node.body:
        if isinstance(item, ast.FunctionDef) and (item.name == "__init__" or not item.name.startswith("_")):
            yield item


def _class(node: ast.ClassDef) -> Iterator[str]:
    bases = ", ".join(map(ast.unparse, node.bases))
    lines = [f"class {node.name}({bases})" if bases else f"class {node.name}", *_public_fields(node), *_parts(node)]
    lines += [
        f"property {method.name}{_signature(method, method=True).partition(')')[2]}"
        if "property" in _decorators(method)
        else _signature(method, method=True)
        for method in _methods(node)
    ]
    yield from ("```python", lines[0], *(textwrap.indent(line, "    ") for line in lines[1:]), "```", "")
    yield from _described(ast.get_docstring(node) or "")
    told = [(method.name, ast.get_docstring(method)) for method in _methods(node)]
    summaries = [f"- `{name}`: {doc.splitlines()[0]}" for name, doc in told if doc]
    yield from (*summaries, *([""] if summaries else []))


def _function(node: ast.FunctionDef) -> Iterator[str]:
    yield from ("```python", _signature(node), "```", "")
    yield from _described(ast.get_docstring(node) or "")


def reference() -> str:
    """Return the text of docs/api.md."""
    lines = INTRO.splitlines()
    for section in sections():
        lines += ["", f"## {section.title}", ""]
        for module, names in section.names.items():
            found = definitions(module)
            for name in names:
                node = found[name]
                lines += [f"### `{module}.{name}`", ""]
                lines += _class(node) if isinstance(node, ast.ClassDef) else _function(node)
    text = "\n".join(line.rstrip() for line in lines)
    while "\n\n\n" in text:
        text = text.replace("\n\n\n", "\n\n")
    return text.rstrip() + "\n"


def main(arguments: Sequence[str]) -> int:
    """Write the file; with `--check` only say, by the exit code, whether it is what the code says."""
    if "--check" in arguments:
        return int(FILE.read_text(encoding="utf-8") != reference())
    FILE.write_text(reference(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
