"""Takes secrets out of everything that a runbook writes or shows."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import quote

from prod_infra.properties import SECRET_MASK

_MIN_LENGTH: Final = 8
"""Shorter values are no secrets, and masking them would eat the words around."""

_SECRET_VARIABLE: Final = re.compile(
    r"SECRET|TOKEN|PASSWORD|PASSWD|PASSPHRASE|CREDENTIAL|API_?KEY|PRIVATE_?KEY", re.IGNORECASE
)
_NAMES_A_FILE: Final = re.compile(r"_(FILE|PATH|DIR|URI)$", re.IGNORECASE)
_SECRET_KEY: Final = re.compile(
    r"(password|passwd|passphrase|secret_?string|secret_?binary|secret_?access_?key|session_?token|api_?key)$",
    re.IGNORECASE,
)

_PATTERNS: Final = (
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL), SECRET_MASK),
    (re.compile(r"(?<=://)([^/\s:@]+):[^/\s@]+@"), rf"\1:{SECRET_MASK}@"),
    (
        # MasterUserPassword='…', "SecretString": "…", as boto3's and AWS's errors quote them.
        re.compile(
            r"((?:password|passphrase|secret_?string|secret_?access_?key|session_?token)"
            r"[\"']?\s*[:=]\s*)(\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*')",
            re.IGNORECASE,
        ),
        rf"\1'{SECRET_MASK}'",
    ),
)


class Redactor:
    """Masks known secret values, and what looks like a secret, in text and in JSON.

    Args:
        secrets: the values to mask; those under 8 characters are passed over.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        forms: set[str] = set()
        for secret in secrets:
            lines = secret.splitlines()
            # Output is shown line by line, so each line of a multi-line secret is one.
            for value in {secret, *(lines if len(lines) > 1 else ())}:
                forms |= {value, json.dumps(value)[1:-1], repr(value)[1:-1], quote(value, safe="")}
        # Longest first: a secret that contains another is masked as a whole.
        self._values = sorted((form for form in forms if len(form) >= _MIN_LENGTH), key=len, reverse=True)

    @classmethod
    def of_environment(cls, environ: Mapping[str, str], secrets: Iterable[str] = ()) -> Redactor:
        """Return one that also knows the values of variables named like a secret, such as AWS_SECRET_ACCESS_KEY."""
        named = [
            value for name, value in environ.items() if _SECRET_VARIABLE.search(name) and not _NAMES_A_FILE.search(name)
        ]
        return cls([*secrets, *named])

    def text(self, text: str) -> str:
        """Return the text with its secrets masked as `[secret]`."""
        for value in self._values:
            text = text.replace(value, SECRET_MASK)
        for pattern, mask in _PATTERNS:
            text = pattern.sub(mask, text)
        return text

    def json(self, value: Any) -> Any:
        """Return a copy of a JSON value: strings redacted, and what stands under a key such as `password` masked."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {
                self.text(str(key)): SECRET_MASK if item and _SECRET_KEY.search(str(key)) else self.json(item)
                for key, item in value.items()
            }
        if isinstance(value, list | tuple):
            return [self.json(item) for item in value]
        return value


def secret_values(parameters: Mapping[str, Any]) -> list[str]:
    """Return the text values of parameters whose names say that they are secret, nested ones too."""
    found: list[str] = []
    for name, value in parameters.items():
        if isinstance(value, Mapping):
            found += secret_values(value)
        elif isinstance(value, str) and _SECRET_KEY.search(name):
            found.append(value)
    return found
