"""The state file of one stack: Pulumi's own deployment JSON, locked, atomic, with its secrets encrypted."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import socket
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final
from weakref import WeakKeyDictionary

from prod_infra.deployment.embedded.resource_state import ResourceState, from_json, now, to_json
from prod_infra.deployment.embedded.secrets_manager import SecretsManager, passphrase_for
from prod_infra.deployment.program.host import in_thread
from prod_infra.errors import StateError

_SCHEMA: Final = 3
_VERSION: Final = f"v{version('pulumi')}"


@dataclass(frozen=True, kw_only=True, eq=False)
class Operation:
    """A step that was begun and whose end is not recorded.

    Attributes:
        type: `creating`, `updating` or `deleting`.
        resource: as it was when the step began; for `creating`, with the inputs that were sent.
    """

    type: str
    resource: ResourceState


class StateFile:
    """Reads, locks and writes one stack's state.

    Beside it lie `<name>.lock`, the generated key `<name>.key` unless `PULUMI_CONFIG_PASSPHRASE` is set, and the state
    before the last operation, `<name>.json.bak`. The file can be given to `pulumi stack import` as it is.

    Args:
        path: the JSON file; it and its folder need not exist yet.
        project: the project whose resources it must hold.
        stack: likewise, the stack.
    """

    def __init__(self, path: Path, project: str, stack: str) -> None:
        self.path = path
        self.project = project
        self.stack = stack
        self._secrets: SecretsManager | None = None
        self._making = threading.Lock()
        # Resources are immutable: each is encrypted and turned into text once, however often the file is written.
        self._texts: WeakKeyDictionary[ResourceState, str] = WeakKeyDictionary()

    def _broken(self, why: str) -> StateError:
        return StateError(
            f"The state file {self.path} {why}. It was left as it is.",
            hint=f"restore it from {self.path}.bak or another backup, or move it away to start anew",
        )

    @contextlib.contextmanager
    def locked(self, operation: str) -> Iterator[None]:
        """Hold the stack's lock; the operating system releases it if this process dies.

        Raises:
            StateError: another operation holds it; names that one's process, host and start.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.with_suffix(".lock").open("a+", encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.seek(0)
                raise StateError(
                    f"Stack {self.stack!r} is locked by {file.read() or 'another operation'}.",
                    hint="wait for it to end, or stop that process, and try again",
                ) from None
            file.truncate(0)
            file.write(f"{operation}, process {os.getpid()} on {socket.gethostname()} since {now()}")
            file.flush()
            if not self.path.exists():
                # A new key takes a while by design; the plan is made meanwhile.
                in_thread(lambda: self._manager(None))
            yield

    def _manager(self, state: str | None) -> SecretsManager:
        with self._making:
            if self._secrets is None or (state is not None and self._secrets.state != state):
                phrase = passphrase_for(self.path.with_suffix(".key"), create=state is None)
                self._secrets = SecretsManager(phrase, state)
            return self._secrets

    def load(self) -> tuple[list[ResourceState], list[Operation]]:
        """Return the resources, those needed first, and the operations that a killed run left open.

        Raises:
            StateError: the file is no state, another stack's, too new, or encrypted with another passphrase.
        """
        try:
            text = self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return [], []
        except (OSError, UnicodeDecodeError) as error:
            raise self._broken(f"can't be read: {error}") from error
        try:
            found = json.loads(text)
        except ValueError as error:
            raise self._broken(f"is not JSON ({error})") from error
        try:
            if found["version"] != _SCHEMA:
                raise self._broken(f"has schema version {found['version']!r}, and this engine reads version {_SCHEMA}")
            return self._parse(found["deployment"])
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise self._broken(f"is not a Pulumi deployment ({type(error).__name__}: {error})") from error

    def _parse(self, deployment: dict[str, Any]) -> tuple[list[ResourceState], list[Operation]]:
        provider = deployment.get("secrets_providers") or {}
        if provider and provider["type"] != "passphrase":
            raise self._broken(f"keeps its secrets with {provider['type']!r}, and this engine knows only passphrases")
        salt = provider["state"]["salt"] if provider else None

        def decrypt(ciphertext: str) -> str:
            if salt is None:
                raise ValueError("a secret without a secrets provider")
            return self._manager(salt).decrypt(ciphertext)

        if salt is not None:
            self._manager(salt)
        resources = [from_json(item, decrypt) for item in deployment.get("resources") or ()]
        pending = [
            Operation(type=item["type"], resource=from_json(item["resource"], decrypt))
            for item in deployment.get("pending_operations") or ()
        ]
        own = f"urn:pulumi:{self.stack}::{self.project}::"
        foreign = [r.urn for r in (*resources, *(item.resource for item in pending)) if not r.urn.startswith(own)]
        if foreign:
            raise self._broken(f"belongs to another stack than {self.project}/{self.stack}: it holds {foreign[0]}")
        return resources, pending

    def backup(self) -> None:
        """Keep a copy of the state as it is now, before an operation changes it."""
        if self.path.exists():
            shutil.copy2(self.path, f"{self.path}.bak")

    def _text(self, resource: ResourceState) -> str:
        if resource not in self._texts:
            self._texts[resource] = json.dumps(to_json(resource, self._manager(None).encrypt), separators=(",", ":"))
        return self._texts[resource]

    def write(self, resources: Sequence[ResourceState], pending: Sequence[Operation]) -> None:
        """Replace the file in one step: a reader, or a crash, sees the old state or the new one and nothing between."""
        manifest = {"time": now(), "magic": hashlib.sha256(_VERSION.encode()).hexdigest(), "version": _VERSION}
        providers = {"type": "passphrase", "state": {"salt": self._manager(None).state}}
        operations = (f'{{"resource":{self._text(item.resource)},"type":"{item.type}"}}' for item in pending)
        text = (
            f'{{"version":{_SCHEMA},"deployment":{{"manifest":{json.dumps(manifest)},'
            f'"secrets_providers":{json.dumps(providers)},"resources":[\n'
            + ",\n".join(map(self._text, resources))
            + '\n],"pending_operations":['
            + ",\n".join(operations)
            + "]}}\n"
        )
        temporary = self.path.with_suffix(".tmp")
        with os.fdopen(os.open(temporary, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self.path)
