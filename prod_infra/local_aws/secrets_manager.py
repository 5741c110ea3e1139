"""Secrets Manager: asked for no version in particular, moto answers the newest one, AWS the one staged AWSCURRENT.

Follows https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from moto.secretsmanager import models

from prod_infra.local_aws.patches import around

CURRENT = "AWSCURRENT"


def _get_value(
    original: Callable[..., dict[str, Any]],
    backend: Any,
    secret_id: str,
    version_id: str | None = None,
    version_stage: str | None = None,
) -> dict[str, Any]:
    secret = backend.secrets.get(secret_id)
    if secret is not None and not version_id and not version_stage:
        version_id = next(
            (each for each, version in secret.versions.items() if CURRENT in version["version_stages"]), None
        )
    return original(backend, secret_id, version_id, version_stage)


def register() -> None:
    """Answer the current version unless another is asked for."""
    around(models.SecretsManagerBackend, "get_secret_value")(_get_value)
