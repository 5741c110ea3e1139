"""AWS KMS: every key says whether it is a multi-Region one, which moto leaves out unless it is.

Follows https://docs.aws.amazon.com/kms/latest/APIReference/API_KeyMetadata.html.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from moto.kms.models import Key

from prod_infra.local_aws.patches import around


def _to_dict(to_dict: Callable[..., dict[str, Any]], key: Any) -> dict[str, Any]:
    told = to_dict(key)
    told["KeyMetadata"]["MultiRegion"] = bool(key.multi_region)
    return told


def register() -> None:
    """Mend moto's keys."""
    around(Key, "to_dict")(_to_dict)
