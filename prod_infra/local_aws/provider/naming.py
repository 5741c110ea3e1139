"""Names that pulumi-aws gives where the program is silent: `<logical name>-<7 hex>`."""

from __future__ import annotations

import hashlib
import re
import secrets
from typing import Any, Final

from prod_infra.local_aws.provider.handler import AutoName

_SUFFIX_LENGTH: Final = len("-1234567")


def auto_name(logical: str, rule: AutoName, seed: bytes) -> str:
    """Return a name for the resource, within AWS's limit; the same seed gives the same name."""
    suffix = hashlib.sha256((seed or secrets.token_bytes(32)) + logical.encode()).hexdigest()[:7]
    name = f"{logical[: rule.max_length - _SUFFIX_LENGTH].rstrip('-')}-{suffix}"
    return name.lower() if rule.lower else name


def is_auto_named(logical: str, name: Any) -> bool:
    """Return whether the name has the shape that `auto_name` gives a resource of this logical name."""
    if not isinstance(name, str) or not re.fullmatch(r".*-[0-9a-f]{7}", name, re.DOTALL):
        return False
    # Some types have their names in lower case.
    return logical.lower().startswith(name[:-_SUFFIX_LENGTH].lower())
