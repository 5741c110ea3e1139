"""Seals and their chain: whatever is changed afterwards is found."""

from __future__ import annotations

import json
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prod_infra.errors import RunbookError
from runbooks.records.manifest import CHAIN, MANIFEST, Manifest, chain_lock, read_chain, seal
from runbooks.records.verification import verify
from tests.runbooks.samples import START, failover, run_id, write_folder


def sealed(records: Path, number: int = 0) -> Path:
    """Write and seal one run; runs of higher numbers are later ones."""
    start = START + timedelta(hours=number)
    record, _ = failover(start)
    folder = write_folder(records, record)
    with chain_lock(records):
        seal(folder)
    return folder


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A records directory of three sealed runs, for copies of it."""
    records = tmp_path_factory.mktemp("three") / "records"
    for number in range(3):
        sealed(records, number)
    return records


@contextmanager
def copy_of(records: Path) -> Iterator[Path]:
    """Give a copy that may be spoilt."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(shutil.copytree(records, Path(name) / "records"))


def everything(records: Path) -> list[Path]:
    """Return every file that seals protect: those of the runs, and the chain."""
    return sorted(path for path in records.rglob("*") if path.is_file() and path.name != ".chain.lock")


def test_untouched_records_are_in_order(three: Path) -> None:
    """Nothing is found where nothing was changed; each run is chained to the one before."""
    found = verify(three)
    assert (found.sealed, found.problems, found.notes) == (3, [], [])
    manifests = [Manifest.model_validate_json((path / MANIFEST).read_bytes()) for path in sorted(three.glob("2*"))]
    assert [found.previous and found.previous.run for found in manifests] == [None, manifests[0].run, manifests[1].run]


@given(st.data())
def test_any_changed_byte_is_found(three: Path, data: st.DataObject) -> None:
    """One byte of any file, manifest or chain, changed to any other: it is told, with the run's or the chain's name."""
    with copy_of(three) as records:
        path = data.draw(st.sampled_from(everything(records)))
        content = bytearray(path.read_bytes())
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] ^= data.draw(st.integers(1, 255))
        path.write_bytes(content)
        problems = verify(records).problems
        assert any((CHAIN if path.name == CHAIN else path.parent.name) in problem for problem in problems)


@given(st.data())
def test_any_removed_or_added_byte_is_found(three: Path, data: st.DataObject) -> None:
    """So is a file that lost a byte or got one more."""
    with copy_of(three) as records:
        path = data.draw(st.sampled_from(everything(records)))
        content = path.read_bytes()
        place = data.draw(st.integers(0, len(content) - 1))
        more = data.draw(st.sampled_from([b"", content[place : place + 1] + b" "]))
        path.write_bytes(content[:place] + more + content[place + 1 :])
        assert verify(records).problems


@given(st.data())
def test_any_removal_or_rename_is_found(three: Path, data: st.DataObject) -> None:
    """A file or a whole run, the newest too, that is gone or has another name is told."""
    with copy_of(three) as records:
        path = data.draw(st.sampled_from([*everything(records), *sorted(records.glob("2*"))]))
        name = data.draw(st.sampled_from(["", "20990101T000000Z-docdb_failover-ffffff"]))
        if name:
            path.rename(path.with_name(name))
        elif path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
        assert verify(records).problems


@given(st.permutations(range(3)))
def test_swapped_runs_are_found(three: Path, order: list[int]) -> None:
    """Folders that changed names, and lines of the chain that changed places, are a reorder."""
    with copy_of(three) as records:
        lines = (records / CHAIN).read_text().splitlines(keepends=True)
        (records / CHAIN).write_text("".join(lines[place] for place in order))
        assert bool(verify(records).problems) == (order != [0, 1, 2])
        (records / CHAIN).write_text("".join(lines))
        runs = sorted(records.glob("2*"))
        for place, run in zip(order, runs, strict=True):
            run.rename(records / f"moved-{place}")
        for place, run in enumerate(runs):
            (records / f"moved-{place}").rename(run)
        assert bool(verify(records).problems) == (order != [0, 1, 2])


def test_an_added_file_and_a_cut_chain_are_found(three: Path) -> None:
    """Neither a file that slipped in nor a shorter chain passes."""
    with copy_of(three) as records:
        (records / run_id() / "more.txt").write_text("x")
        assert verify(records).problems == [f"{run_id()}: more.txt was added after the run was sealed"]
        (records / run_id() / "more.txt").unlink()
        (records / CHAIN).write_text("".join((records / CHAIN).read_text().splitlines(keepends=True)[:2]))
        newest = max(records.glob("2*")).name
        assert verify(records).problems == [
            f"{newest}: sealed, but chain.jsonl does not have it: the chain was cut, or a kill came between"
        ]


def test_a_link_to_elsewhere_is_no_file_of_a_record(tmp_path: Path) -> None:
    """A symbolic link is refused by the seal, and found afterwards."""
    folder = sealed(tmp_path / "records")
    (folder / "notes").symlink_to("/etc")
    assert "no regular file" in verify(folder.parent).problems[0]
    with chain_lock(folder.parent), pytest.raises(RunbookError, match="no regular file"):
        seal(folder)


def test_a_killed_run_is_told_and_noted_by_the_next(tmp_path: Path) -> None:
    """A run without a manifest is a note; the next seal names it, so that it can't vanish afterwards."""
    sealed(tmp_path, 0)
    killed = write_folder(tmp_path, failover(START + timedelta(hours=1))[0])
    sealed(tmp_path, 2)
    found = verify(tmp_path)
    assert found.problems == []
    assert found.notes == [f"{killed.name}: never sealed: its runner was killed, is still at work, or there was none"]
    shutil.rmtree(killed)
    assert verify(tmp_path).problems == [f"{killed.name}: gone, though a later run saw it unsealed"]


def test_a_lost_manifest_is_no_killed_run(tmp_path: Path) -> None:
    """Who removes a manifest does not turn a sealed run into one that was killed: the chain knows better."""
    folder = sealed(tmp_path)
    (folder / MANIFEST).unlink()
    assert verify(tmp_path).problems == [
        f"{folder.name}: number 1 of chain.jsonl, and its manifest.json is not the one that was sealed"
    ]


def test_a_kill_between_seal_and_chain_is_mended_by_the_next_seal(tmp_path: Path) -> None:
    """A manifest that did not get into the chain any more is taken up by the next seal."""
    sealed(tmp_path, 0)
    before = (tmp_path / CHAIN).read_text()
    killed = sealed(tmp_path, 1)
    (tmp_path / CHAIN).write_text(before)
    sealed(tmp_path, 2)
    assert verify(tmp_path).problems == []
    assert [link.run for link in read_chain(tmp_path)][1] == killed.name


def test_a_record_sealed_again_keeps_both_seals(tmp_path: Path) -> None:
    """An undo by hand after the end adds to the record: the former manifest stays, and the chain holds both."""
    folder = sealed(tmp_path, 0)
    sealed(tmp_path, 1)
    former = (folder / MANIFEST).read_bytes()
    with (folder / "journal.jsonl").open("a") as journal:
        journal.write('{"at": "2026-03-02T12:00:00+00:00", "event": "undone", "step": "x"}\n')
    assert verify(tmp_path).problems
    with chain_lock(tmp_path):
        seal(folder)
    found = verify(tmp_path)
    assert found.problems == []
    assert found.notes == [f"{folder.name}: sealed 2 times; the former manifests say what it was before"]
    assert (folder / "manifest.1.json").read_bytes() == former
    (folder / "manifest.1.json").write_text("{}")
    assert verify(tmp_path).problems


def test_runs_that_end_together_make_one_chain(tmp_path: Path) -> None:
    """Eight runs sealed at once, in any order, are one chain without a fork."""
    folders = [write_folder(tmp_path, failover(START + timedelta(hours=number))[0]) for number in range(8)]
    start = threading.Barrier(len(folders))

    def end(folder: Path) -> None:
        start.wait()
        with chain_lock(tmp_path):
            seal(folder)

    threads = [threading.Thread(target=end, args=(folder,)) for folder in folders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert verify(tmp_path).problems == []
    assert len(read_chain(tmp_path)) == 8


def test_a_spoilt_chain_stops_the_seal(tmp_path: Path) -> None:
    """Nothing is chained to a file that is no chain any more."""
    sealed(tmp_path)
    (tmp_path / CHAIN).write_text(json.dumps({"run": 1}) + "\n")
    folder = write_folder(tmp_path, failover(START + timedelta(hours=1))[0])
    with chain_lock(tmp_path), pytest.raises(RunbookError, match="not a chain of seals"):
        seal(folder)
    assert not (folder / MANIFEST).exists()


def test_no_directory_is_an_error(tmp_path: Path) -> None:
    """A directory that is not there is not one in which all is well."""
    with pytest.raises(RunbookError, match="is no directory"):
        verify(tmp_path / "records")
