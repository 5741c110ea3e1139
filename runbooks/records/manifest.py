"""Seals a run's folder: SHA-256 of every file, and of the manifest sealed before it, so that the runs form one chain.

`records/chain.jsonl` has a line a seal, in the order of sealing. It finds what links alone can't: that the newest run
is gone. Who can write the whole directory can seal it anew; the copy in the Object Lock bucket is for that.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, Literal

from filelock import FileLock
from pydantic import Field, ValidationError

from prod_infra.errors import RunbookError
from runbooks.records.record import write_atomically
from runbooks.records.record_parts import RecordModel

MANIFEST: Final = "manifest.json"
CHAIN: Final = "chain.jsonl"
_LOCK: Final = ".chain.lock"
_LOCK_SECONDS: Final = 60
"""Seals take a second; who waits longer waits for a process that hangs."""


class SealedFile(RecordModel):
    """A file as it was: SHA-256 in hex, size in bytes."""

    sha256: str
    size: int


class Link(RecordModel, frozen=True):
    """A sealed run: its id, and the SHA-256 of its manifest's bytes."""

    run: str
    sha256: str


class Manifest(RecordModel):
    """The whole of `manifest.json`.

    Attributes:
        run: the run's id, which is its folder's name.
        files: every other file, by path in the folder.
        previous: the run sealed before; None for the first.
        unsealed: runs whose folders had no manifest when this one was sealed: killed, or still at work.
    """

    schema_version: Literal[1] = 1
    run: str
    files: dict[str, SealedFile]
    previous: Link | None
    unsealed: list[str] = Field(default_factory=list)


def folders(records: Path) -> list[Path]:
    """Return the folders of all runs, the oldest first; none where there is no such directory."""
    return sorted(path for path in records.iterdir() if path.is_dir()) if records.is_dir() else []


def sha256(content: bytes) -> str:
    """Return the digest in hex."""
    return hashlib.sha256(content).hexdigest()


def sealed_files(folder: Path) -> dict[str, SealedFile]:
    """Return every file of a run but its manifest, by path with `/`.

    Raises:
        RunbookError: something in it is neither a file nor a folder, such as a link to elsewhere.
    """
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise RunbookError(f"{path} is no regular file.", hint="a record holds its own files only; remove it")
        if path.is_file() and name != MANIFEST:
            content = path.read_bytes()
            found[name] = SealedFile(sha256=sha256(content), size=len(content))
    return found


def read_chain(records: Path) -> list[Link]:
    """Return the chain, the oldest seal first.

    Raises:
        RunbookError: the file is not as it was written.
    """
    path = records / CHAIN
    if not path.exists():
        return []
    text = path.read_bytes()
    try:
        found = [Link.model_validate_json(line) for line in text.splitlines()]
    except ValidationError as fault:
        raise RunbookError(f"{path} is not a chain of seals any more.", hint="compare it with a backup") from fault
    # Byte for byte: JSON that means the same is not what was written.
    if text != _chain_text(found).encode():
        raise RunbookError(f"{path} was changed.", hint="compare it with a backup")
    return found


def _chain_text(chain: Iterable[Link]) -> str:
    return "".join(json.dumps(link.model_dump()) + "\n" for link in chain)


@contextlib.contextmanager
def chain_lock(records: Path) -> Iterator[None]:
    """Hold the records directory, so that two runs that end together make one chain.

    Raises:
        filelock.Timeout: another process holds it for a minute; it is a TimeoutError.
    """
    with FileLock(records / _LOCK, timeout=_LOCK_SECONDS):
        yield


def seal(folder: Path) -> Manifest:
    """Write the folder's manifest, last of all its files, and add it to the chain; the caller holds `chain_lock`.

    A folder that is sealed already, to which something was added since (an undo by hand), is sealed again: the former
    manifest is kept as `manifest.<n>.json`, and the chain has both.

    Raises:
        RunbookError: the chain's file, or something in the folder, is not what it should be.
        OSError: there is no room, or no right to write.
    """
    records, path = folder.parent, folder / MANIFEST
    chain = _mended(records)
    if path.exists():
        amendments = len(list(folder.glob("manifest.*.json")))
        write_atomically(folder / f"manifest.{amendments + 1}.json", path.read_text(encoding="utf-8"))
    manifest = Manifest(
        run=folder.name,
        files=sealed_files(folder),
        previous=chain[-1] if chain else None,
        unsealed=[found.name for found in folders(records) if found != folder and not (found / MANIFEST).exists()],
    )
    text = manifest.model_dump_json(indent=2) + "\n"
    write_atomically(path, text)
    write_atomically(records / CHAIN, _chain_text([*chain, Link(run=folder.name, sha256=sha256(text.encode()))]))
    return manifest


def _mended(records: Path) -> list[Link]:
    """Return the chain, with the seal that a kill kept from being added to it."""
    chain = read_chain(records)
    known, head = {link.sha256 for link in chain}, chain[-1] if chain else None
    for folder in folders(records):
        path = folder / MANIFEST
        content = path.read_bytes() if path.exists() else b""
        if content and sha256(content) not in known and _previous(content) == (True, head):
            link = Link(run=folder.name, sha256=sha256(content))
            return [*chain, link]
    return chain


def _previous(content: bytes) -> tuple[bool, Link | None]:
    """Return whether it is a manifest, and what it is chained to."""
    try:
        return True, Manifest.model_validate_json(content).previous
    except ValidationError:
        return False, None
