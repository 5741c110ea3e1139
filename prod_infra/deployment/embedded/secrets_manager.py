"""Encrypts secrets as Pulumi's passphrase provider does, so that the real CLI can read them.

PBKDF2-SHA256 with 1,000,000 iterations and AES-256-GCM:
https://github.com/pulumi/pulumi/blob/master/pkg/secrets/passphrase/manager.go
"""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
from functools import lru_cache
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from prod_infra.errors import StateError

_ITERATIONS: Final = 1_000_000
_KEY_BYTES: Final = 32
_SALT_BYTES: Final = 8
_NONCE_BYTES: Final = 12
_STATE_PARTS: Final = 3


@lru_cache(maxsize=32)
def _key(passphrase: str, salt: bytes) -> bytes:
    # About 0.3 s on purpose; the cache makes it once a process.
    return hashlib.pbkdf2_hmac("sha256", passphrase.encode(), salt, _ITERATIONS, _KEY_BYTES)


def passphrase_for(key_file: Path, *, create: bool) -> str:
    """Return the stack's passphrase: `PULUMI_CONFIG_PASSPHRASE`, the file it names with `_FILE`, or a generated key.

    Args:
        key_file: holds the generated key, readable by its owner alone.
        create: whether to generate the key if there is none.

    Raises:
        StateError: there is no passphrase and none may be made up.
    """
    if (phrase := os.environ.get("PULUMI_CONFIG_PASSPHRASE")) is not None:
        return phrase
    if named := os.environ.get("PULUMI_CONFIG_PASSPHRASE_FILE"):
        try:
            return Path(named).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise StateError(f"PULUMI_CONFIG_PASSPHRASE_FILE can't be read: {error}.") from error
    if not key_file.exists():
        if not create:
            raise StateError(
                f"The state's secrets are encrypted, and the key file {key_file} is missing.",
                hint="put the key file back, or set PULUMI_CONFIG_PASSPHRASE",
            )
        key_file.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(key_file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(_KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
    return key_file.read_text(encoding="utf-8").strip()


class SecretsManager:
    """Encrypts and decrypts with one passphrase.

    Args:
        passphrase: any text.
        state: what `self.state` was when the secrets were written; None for new ones.

    Attributes:
        state: `v1:<salt>:v1:<nonce>:<ciphertext of a known word>`, not secret; Pulumi calls it the encryption salt.

    Raises:
        StateError: the passphrase is not the one that `state` was made with, or `state` is malformed.
    """

    def __init__(self, passphrase: str, state: str | None = None) -> None:
        if state is None:
            salt = secrets.token_bytes(_SALT_BYTES)
            self._cipher = AESGCM(_key(passphrase, salt))
            self.state = f"v1:{base64.b64encode(salt).decode()}:{self.encrypt('pulumi')}"
            return
        parts = state.split(":", _STATE_PARTS - 1)
        if len(parts) != _STATE_PARTS or parts[0] != "v1":
            raise StateError("The state's encryption salt is malformed.", hint="restore the state from its backup")
        self._cipher = AESGCM(_key(passphrase, base64.b64decode(parts[1])))
        self.state = state
        try:
            known = self.decrypt(parts[2])
        except StateError:
            known = ""
        if known != "pulumi":
            raise StateError(
                "The passphrase is not the one that the state's secrets were encrypted with.",
                hint="set PULUMI_CONFIG_PASSPHRASE to that one, or unset it where the key was generated",
            )

    def encrypt(self, plaintext: str) -> str:
        """Return `v1:<nonce>:<ciphertext>`, another one each time."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = self._cipher.encrypt(nonce, plaintext.encode(), None)
        return f"v1:{base64.b64encode(nonce).decode()}:{base64.b64encode(sealed).decode()}"

    def decrypt(self, ciphertext: str) -> str:
        """Return what was encrypted.

        Raises:
            StateError: it was encrypted with another key, or altered.
        """
        try:
            _version, nonce, sealed = ciphertext.split(":")
            return self._cipher.decrypt(base64.b64decode(nonce), base64.b64decode(sealed), None).decode()
        except (ValueError, InvalidTag) as error:
            raise StateError(
                "A secret in the state can't be decrypted.", hint="restore the state from its backup"
            ) from error
