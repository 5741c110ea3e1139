"""Holds the records against their manifests and the chain: any change, gap or reorder is found and told in one line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from prod_infra.errors import RunbookError
from runbooks.records.manifest import (
    CHAIN,
    MANIFEST,
    Link,
    Manifest,
    SealedFile,
    folders,
    read_chain,
    sealed_files,
    sha256,
)
from runbooks.records.record import Record


@dataclass(frozen=True, kw_only=True)
class Verification:
    """What `verify` found.

    Attributes:
        sealed: how many runs are sealed.
        problems: what is not as it was sealed, a line each; none: every record is what it was.
        notes: what an auditor should know and nobody need mend: runs that were killed, seals that were added to.
    """

    sealed: int
    problems: Sequence[str]
    notes: Sequence[str]


def verify(records: Path) -> Verification:
    """Check every run in a records directory.

    Raises:
        RunbookError: there is no such directory.
        OSError: a file can't be read.
    """
    if not records.is_dir():
        raise RunbookError(f"{records} is no directory.", hint="give the directory of the records")
    problems: list[str] = []
    notes: list[str] = []
    try:
        chain = read_chain(records)
    except RunbookError as error:
        return Verification(sealed=0, problems=[error.message], notes=[])
    present = {folder.name: folder for folder in folders(records)}
    manifests: dict[Link, Manifest] = {}
    for name, folder in present.items():
        if not (folder / MANIFEST).exists():
            if name not in {link.run for link in chain}:
                notes.append(f"{name}: never sealed: its runner was killed, is still at work, or there was none")
            continue
        manifests |= _folder(folder, problems, notes)
    problems += _chain(chain, manifests, present)
    told = dict.fromkeys(run for manifest in manifests.values() for run in manifest.unsealed)
    problems += [f"{run}: gone, though a later run saw it unsealed" for run in told if run not in present]
    return Verification(sealed=len({link.run for link in manifests}), problems=problems, notes=notes)


def _folder(folder: Path, problems: list[str], notes: list[str]) -> dict[Link, Manifest]:
    """Check one sealed run by itself; return its manifest, and the former ones where it was sealed again."""
    name = folder.name
    try:
        content = (folder / MANIFEST).read_bytes()
        manifest = Manifest.model_validate_json(content)
        actual = sealed_files(folder)
    except ValidationError:
        problems.append(f"{name}: {MANIFEST} was changed: it is no manifest any more")
        return {}
    except RunbookError as error:
        problems.append(f"{name}: {error.message}")
        return {}
    if manifest.run != name:
        problems.append(f"{name}: this is the folder of {manifest.run}, renamed or swapped")
    problems += _differences(name, manifest.files, actual)
    problems += _record(folder, manifest)
    found = {Link(run=name, sha256=sha256(content)): manifest}
    for former in sorted(folder.glob("manifest.*.json")):
        try:
            content = former.read_bytes()
            found[Link(run=name, sha256=sha256(content))] = Manifest.model_validate_json(content)
        except ValidationError:
            problems.append(f"{name}: {former.name} is no manifest")
    if len(found) > 1:
        notes.append(f"{name}: sealed {len(found)} times; the former manifests say what it was before")
    return found


def _differences(name: str, wanted: Mapping[str, SealedFile], actual: Mapping[str, SealedFile]) -> list[str]:
    problems = []
    for path in sorted(wanted.keys() | actual.keys()):
        if path not in actual:
            problems.append(f"{name}: {path} is missing")
        elif path not in wanted:
            problems.append(f"{name}: {path} was added after the run was sealed")
        elif actual[path] != wanted[path]:
            problems.append(f"{name}: {path} was changed after the run was sealed")
    return problems


def _record(folder: Path, manifest: Manifest) -> list[str]:
    """Say whether the record is another run's; one that was changed is told already."""
    path = folder / "record.json"
    if "record.json" not in manifest.files or not path.exists():
        return []
    try:
        found = Record.model_validate_json(path.read_bytes())
    except ValidationError:
        return [f"{folder.name}: record.json can't be read as a record"]
    return [f"{folder.name}: record.json is that of {found.id}"] if found.id != folder.name else []


def _chain(chain: Sequence[Link], manifests: dict[Link, Manifest], present: dict[str, Path]) -> list[str]:
    """Walk the chain from its beginning, and say what is missing, out of order, or on no chain."""
    problems = []
    before: Link | None = None
    for number, link in enumerate(chain, 1):
        manifest = manifests.get(link)
        if manifest is None:
            what = f"its {MANIFEST} is not the one that was sealed" if link.run in present else "its folder is gone"
            problems.append(f"{link.run}: number {number} of {CHAIN}, and {what}")
        elif manifest.previous != before:
            named = manifest.previous.run if manifest.previous else "none"
            told = before.run if before else "none"
            problems.append(f"{link.run}: sealed after {named}, but {CHAIN} has {told} before it: a gap or a reorder")
        before = link
    known = set(chain)
    problems += [
        f"{link.run}: sealed, but {CHAIN} does not have it: the chain was cut, or a kill came between"
        for link in manifests
        if link not in known
    ]
    return problems
