"""Programs to deploy: from a folder with a `Pulumi.yaml`, as the real CLI reads it, or the one in this package."""

from __future__ import annotations

import json
import os
import runpy
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import yaml

from prod_infra.deployment.embedded.secrets_manager import SecretsManager
from prod_infra.deployment.engine import Program
from prod_infra.errors import InvalidInputError, StateError

PROJECT: Final = "prod-infra"
"""Name of the packaged project, and namespace of its settings."""


def _yaml(path: Path, faults: list[str]) -> dict[str, Any]:
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        faults.append(f"{path.name} is missing in {path.parent}")
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        faults.append(f"{path.name} can't be read: {error}")
    else:
        if found is None or isinstance(found, dict):
            return found or {}
        faults.append(f"{path.name} must hold a mapping, and holds a {type(found).__name__}")
    return {}


def _text(value: Any) -> str:
    """Return a configuration value as the CLI hands it to programs: text, and JSON for what has structure."""
    if isinstance(value, str):
        return value
    return json.dumps(value, separators=(",", ":"))


def _has_secret(value: Any) -> bool:
    if isinstance(value, dict):
        return set(value) == {"secure"} or any(_has_secret(item) for item in value.values())
    return isinstance(value, list) and any(_has_secret(item) for item in value)


def _decrypted(value: Any, secrets: SecretsManager) -> Any:
    if isinstance(value, dict):
        if set(value) == {"secure"}:
            return secrets.decrypt(str(value["secure"]))
        return {key: _decrypted(item, secrets) for key, item in value.items()}
    return [_decrypted(item, secrets) for item in value] if isinstance(value, list) else value


def _config(name: str, found: Mapping[str, Any], file: str, faults: list[str]) -> tuple[dict[str, str], frozenset[str]]:
    given = found.get("config") or {}
    if not isinstance(given, dict):
        faults.append(f"{file}: config must be a mapping")
        return {}, frozenset()
    # A key without a namespace belongs to the project, as in the CLI.
    values = {key if ":" in (key := str(raw)) else f"{name}:{key}": value for raw, value in given.items()}
    secret = frozenset(key for key, value in values.items() if _has_secret(value))
    if secret:
        phrase, salt = os.environ.get("PULUMI_CONFIG_PASSPHRASE"), found.get("encryptionsalt")
        if phrase is None or not salt:
            lacking = "PULUMI_CONFIG_PASSPHRASE is not set" if phrase is None else f"{file} has no encryptionsalt"
            faults += [f"{file}: {key} is encrypted, and {lacking}" for key in sorted(secret)]
            return {}, secret
        try:
            manager = SecretsManager(phrase, str(salt))
            values = {key: _decrypted(value, manager) for key, value in values.items()}
        except StateError as error:
            faults.append(f"{file}: {error.message}")
    return {key: _text(value) for key, value in values.items()}, secret


def _defaults(name: str, project: Mapping[str, Any]) -> dict[str, str]:
    """Return the defaults that `Pulumi.yaml` declares for settings."""
    declared = project.get("config") or {}
    found: dict[str, str] = {}
    for raw, value in declared.items() if isinstance(declared, dict) else ():
        key = raw if ":" in raw else f"{name}:{raw}"
        default = value.get("default", value.get("value")) if isinstance(value, dict) else value
        if default is not None:
            found[key] = _text(default)
    return found


def load(directory: Path, stack: str) -> Program:
    """Return the program of a Pulumi project folder.

    Reads `Pulumi.yaml` and `Pulumi.<stack>.yaml`; the latter may be missing, as for the CLI. Encrypted configuration is
    decrypted with `PULUMI_CONFIG_PASSPHRASE`.

    Raises:
        InvalidInputError: files are missing or malformed, or configuration can't be decrypted; every fault at once.
    """
    directory = directory.resolve()
    faults: list[str] = []
    project = _yaml(directory / "Pulumi.yaml", faults)
    name = project.get("name")
    if project and not (isinstance(name, str) and name):
        faults.append("Pulumi.yaml: name must be the project's name")
    runtime = project.get("runtime")
    runtime = runtime.get("name") if isinstance(runtime, dict) else runtime
    if project and runtime != "python":
        faults.append(f"Pulumi.yaml: runtime must be python, and is {runtime!r}")
    main = directory / str(project.get("main") or ".")
    main = main / "__main__.py" if main.is_dir() else main
    if project and not main.is_file():
        faults.append(f"the program {main} is missing")
    stack_file = directory / f"Pulumi.{stack}.yaml"
    found = _yaml(stack_file, faults) if stack_file.exists() else {}
    config, secret = _config(str(name), found, stack_file.name, faults)
    if faults:
        raise InvalidInputError(f"The project in {directory} can't be loaded", faults)

    def run() -> None:
        # The real CLI starts `python __main__.py`: the program's folder is where its imports are looked for first.
        sys.path.insert(0, str(main.parent))
        try:
            runpy.run_path(str(main), run_name="__main__")
        finally:
            sys.path.remove(str(main.parent))

    return Program(
        project=str(name),
        stack=stack,
        main=run,
        config={**_defaults(str(name), project), **config},
        secret_keys=secret,
        directory=directory,
    )


def packaged(stack: str = "prod", config: Mapping[str, str] | None = None) -> Program:
    """Return the environment's own program, which needs no file.

    Args:
        stack: name of the stack.
        config: settings as for `pulumi config set`; keys without a namespace are the project's own. The region is
            `eu-central-1` unless `aws:region` says otherwise.
    """
    given = {key if ":" in key else f"{PROJECT}:{key}": value for key, value in (config or {}).items()}

    def run() -> None:
        # Imported when run: the program takes seconds to import, and its errors belong to the run.
        from prod_infra.program import main  # noqa: PLC0415

        main()

    return Program(project=PROJECT, stack=stack, main=run, config={"aws:region": "eu-central-1", **given})


def find(directory: Path, stack: str = "prod", config: Mapping[str, str] | None = None) -> Program:
    """Return the program of the folder where it has a `Pulumi.yaml`, and the packaged one elsewhere.

    Args:
        directory: where to look.
        stack: name of the stack.
        config: configuration that wins over the files'; keys without a namespace are the project's own.

    Raises:
        InvalidInputError: as `load`.
    """
    if not (directory / "Pulumi.yaml").exists():
        return packaged(stack, config)
    program = load(directory, stack)
    given = {key if ":" in key else f"{program.project}:{key}": value for key, value in (config or {}).items()}
    return replace(program, config={**program.config, **given})
