"""AWS KMS: every key says whether it is a multi-Region one, which moto leaves out unless it is.

Follows https://docs.aws.amazon.com/kms/latest/APIReference/API_KeyMetadata.html. And a symmetric key gets no pair of
RSA keys: moto makes one for each key, which takes a tenth of a second, and only signs, verifies and exports with it, as
AWS never does (https://docs.aws.amazon.com/kms/latest/APIReference/API_GetPublicKey.html).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from moto.kms import models

from prod_infra.local_aws.patches import around
from prod_infra.local_aws.refusals.refused import Refused


def _to_dict(to_dict: Callable[..., dict[str, Any]], key: Any) -> dict[str, Any]:
    told = to_dict(key)
    told["KeyMetadata"]["MultiRegion"] = bool(key.multi_region)
    return told


def _private_key(generate: Callable[[str], Any], key_spec: str) -> Any:
    return None if key_spec == "SYMMETRIC_DEFAULT" else generate(key_spec)


def _get_public_key(get_public_key: Callable[..., Any], backend: Any, key_id: str) -> Any:
    if backend.describe_key(key_id).private_key is None:
        raise Refused("UnsupportedOperationException", "A symmetric key has no public key.")
    return get_public_key(backend, key_id)


def register() -> None:
    """Mend moto's keys."""
    around(models.Key, "to_dict")(_to_dict)
    around(models.KmsBackend, "get_public_key")(_get_public_key)
    around(models, "generate_private_key")(_private_key)
