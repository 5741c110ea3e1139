"""The pack's verdict on a saved state: an embedded engine's file, or what `pulumi stack export` printed."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from prod_infra.deployment.embedded.resource_state import ResourceState, from_json
from prod_infra.deployment.embedded.secrets_manager import SecretsManager, passphrase_for
from prod_infra.deployment.program.registration import Registration
from prod_infra.deployment.program.wire import SECRET, SIGNATURE, UNKNOWN
from prod_infra.errors import StateError

_SCHEMA: Final = 3
_PROVIDER: Final = "pulumi:providers:"


def _without_assets(value: Any) -> Any:
    """Return JSON with null for assets, archives and resource references: no rule reads what is in them."""
    if isinstance(value, dict):
        if SIGNATURE in value and value[SIGNATURE] != SECRET:
            return None
        return {key: _without_assets(item) for key, item in value.items()}
    return [_without_assets(item) for item in value] if isinstance(value, list) else value


def _source(position: str) -> str:
    """Return `file:line` of the CLI's `project:///file#line`; the embedded engine writes `file:line` itself."""
    found = urlsplit(position)
    return f"{unquote(found.path).lstrip('/')}:{found.fragment.partition(',')[0]}" if found.fragment else position


def _decrypt(path: Path, deployment: Mapping[str, Any]) -> Callable[[str], str]:
    """Return what reads secrets: with the state's key where it is at hand, else each is a value that nobody knows."""
    provider = deployment.get("secrets_providers") or {}
    key = path.with_suffix(".key")
    if provider.get("type") == "passphrase" and (key.exists() or "PULUMI_CONFIG_PASSPHRASE" in os.environ):
        return SecretsManager(passphrase_for(key, create=False), provider["state"]["salt"]).decrypt
    return lambda _: json.dumps(UNKNOWN)


def _deployment(found: Any) -> dict[str, Any] | None:
    """Return the deployment of an export, or of a file that the CLI's own backend keeps."""
    if not isinstance(found, dict):
        return None
    checkpoint = found.get("checkpoint")
    deployment = found.get("deployment") or (checkpoint.get("latest") if isinstance(checkpoint, dict) else None)
    return deployment if isinstance(deployment, dict) else None


def _registration(state: ResourceState) -> Registration:
    return Registration(
        urn=state.urn,
        type=state.type,
        name=state.urn.rpartition("::")[2],
        custom=state.custom,
        parent=state.parent,
        inputs=state.inputs,
        outputs=state.outputs,
        dependencies=state.dependencies,
        property_dependencies=state.property_dependencies,
        provider=state.provider,
        protect=state.protect,
        source=_source(state.source),
    )


def saved(path: Path) -> tuple[Registration, ...]:
    """Return what a state file says was made, for `gate.check`; what is on its way out is left out.

    A secret that can't be decrypted here is unknown: a rule that reads it is undecided, never passed.

    Raises:
        StateError: the file can't be read, or is no deployment of schema version 3.
    """

    def broken(why: str) -> StateError:
        return StateError(
            f"The state file {path} {why}, so there is no verdict.",
            hint="name the embedded engine's state file, or what `pulumi stack export` printed",
        )

    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise broken(f"can't be read ({type(error).__name__})") from error
    except ValueError as error:
        raise broken("is not JSON") from error
    deployment = _deployment(found)
    if deployment is None:
        raise broken("is not a Pulumi deployment")
    if found.get("version") != _SCHEMA:
        raise broken(f"has another schema version than {_SCHEMA}")
    try:
        decrypt = _decrypt(path, deployment)
        states = [from_json(_without_assets(entry), decrypt) for entry in deployment.get("resources") or ()]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise broken(f"holds something else than resources ({type(error).__name__})") from error
    return tuple(
        _registration(state)
        for state in states
        if not (state.delete or state.external or state.pending_replacement or state.type.startswith(_PROVIDER))
    )
