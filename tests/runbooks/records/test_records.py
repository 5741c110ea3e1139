"""Records from their end to the bucket: finished, listed, read in every version of the schema, archived once."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import runbooks.records.record as record_module
from prod_infra.cli import app
from prod_infra.errors import InvalidInputError, RunbookError
from prod_infra.local_aws.clients import Clients
from runbooks.records.keeping import archive, finish, load, load_all, verify
from runbooks.records.manifest import MANIFEST, Manifest
from runbooks.records.record import Record, Verdict, schema_text
from tests.runbooks.samples import START, failed_failover, failover, run_id, write_folder

BUCKET = "records-of-a-test"

VERSION_1 = {
    "schema_version": 1,
    "id": "20260101T080000Z-deploy_prod-abcdef",
    "runbook": "deploy_prod",
    "parameters": {"target": "local"},
    "started": "2026-01-01T08:00:00Z",
    "finished": "2026-01-01T08:01:00Z",
    "seconds": 60.0,
    "verdict": "succeeded",
    "cells": [{"id": "up", "title": "Up", "status": "completed", "started": None, "finished": None, "seconds": 1.0}],
    "results": {"verification": {"checks": [{"group": "data", "name": "It is", "passed": True, "detail": "so"}]}},
    "source": {"git_sha": "ab", "git_dirty": False, "notebook_sha256": "cd"},
    "versions": {"python": "3.11.9"},
}


def command(*arguments: str) -> tuple[int, str]:
    """Run `prod-infra records …` and return exit code and output."""
    found = CliRunner().invoke(app, ["records", *arguments])
    return found.exit_code, found.output


@pytest.fixture
def bucket(clients: Clients) -> Any:
    """A client of S3 with an Object Lock bucket whose default retention is a year."""
    s3 = clients("s3")
    where = {"LocationConstraint": clients.region}
    s3.create_bucket(Bucket=BUCKET, ObjectLockEnabledForBucket=True, CreateBucketConfiguration=where)
    rule = {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 365}}
    s3.put_object_lock_configuration(
        Bucket=BUCKET, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": rule}
    )
    return s3


def keys(s3: Any) -> list[str]:
    """Return what is in the bucket."""
    return [found["Key"] for found in s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])]


def test_finish_leaves_report_seal_and_index(tmp_path: Path) -> None:
    """After the end there are the page, the manifest that covers it, and the index of all runs."""
    folder = write_folder(tmp_path, *failover())
    finish(folder)
    manifest = Manifest.model_validate_json((folder / MANIFEST).read_bytes())
    assert set(manifest.files) == {path.name for path in folder.iterdir()} - {MANIFEST}
    assert "report.html" in manifest.files
    assert folder.name in (tmp_path / "index.html").read_text()
    assert verify(tmp_path).problems == []


def test_a_report_that_fails_keeps_no_record_from_being_sealed(tmp_path: Path) -> None:
    """Where a file of the run can't be drawn, the run is sealed as it is, and the fault is raised."""
    folder = write_folder(tmp_path, *failover())
    (folder / "journal.jsonl").write_text("no journal\n")
    with pytest.raises(ValueError, match="Expecting value"):
        finish(folder)
    assert (folder / MANIFEST).exists()
    assert verify(tmp_path).problems == []


def test_records_of_version_1_are_still_read(tmp_path: Path) -> None:
    """A record of the first schema loads, is listed, finished and verified like any other."""
    folder = tmp_path / str(VERSION_1["id"])
    folder.mkdir()
    (folder / "record.json").write_text(json.dumps(VERSION_1))
    found = load(folder)
    assert found.fault == ""
    assert found.record is not None
    assert (found.record.verdict, found.record.plan, found.record.measured) == (Verdict.SUCCEEDED, None, None)
    assert not found.sealed
    finish(folder)
    assert verify(tmp_path).problems == []
    assert "1 of 1 passed" in (folder / "report.html").read_text()


def test_what_can_not_be_read_is_told(tmp_path: Path) -> None:
    """A record that is broken, or not there, is listed with the reason; the others are as ever."""
    write_folder(tmp_path, *failover())
    (tmp_path / "20260401T000000Z-x-000000").mkdir()
    (tmp_path / "20260402T000000Z-y-000000").mkdir()
    (tmp_path / "20260402T000000Z-y-000000" / "record.json").write_text('{"id": 5}')
    faults = [found.fault for found in load_all(tmp_path)]
    assert faults[0].startswith("record.json can't be read: id")
    assert faults[1:] == ["there is no record.json", ""]


def test_the_schema_in_the_project_is_the_models() -> None:
    """runbooks/records/record.schema.json is what `prod-infra records schema` prints; write it again after a change."""
    stored = Path(record_module.__file__).with_name("record.schema.json").read_text()
    assert stored == schema_text()
    assert command("schema") == (0, stored)


def test_a_record_survives_being_written_and_read(tmp_path: Path) -> None:
    """Every member that drills add comes back as it was."""
    record, _ = failed_failover()
    record.write(tmp_path / "record.json")
    assert Record.model_validate_json((tmp_path / "record.json").read_text()) == record


def test_verify_command_says_what_is_wrong_and_exits_1(tmp_path: Path) -> None:
    """Exit code 0 while all is as it was sealed, 1 with a line for each problem after a change."""
    folder = write_folder(tmp_path, *failover())
    finish(folder)
    write_folder(tmp_path, failover(START + timedelta(days=1))[0])
    code, shown = command("verify", "--records", str(tmp_path))
    assert (code, "1 sealed runs: every record is as it was sealed." in shown, "never sealed" in shown) == (
        0,
        True,
        True,
    )
    (folder / "probe.jsonl").write_text("")
    code, shown = command("verify", "--records", str(tmp_path))
    assert code == 1
    assert f"{folder.name}: probe.jsonl was changed" in shown
    code, shown = command("verify", "--records", str(tmp_path), "--json")
    assert (code, len(json.loads(shown)["problems"])) == (1, 1)


def test_list_command_has_every_run(tmp_path: Path) -> None:
    """The newest first, with what was measured; None where it was not."""
    finish(write_folder(tmp_path, *failover()))
    write_folder(tmp_path, *failed_failover(START + timedelta(days=1)))
    rows = json.loads(command("list", "--records", str(tmp_path), "--json")[1])
    assert [(row["verdict"], row["rpo"], row["sealed"]) for row in rows] == [
        ("failed", 5, False),
        ("succeeded", 0, True),
    ]
    assert rows[0]["rto_seconds"] is None
    assert rows[1]["rto_seconds"] == pytest.approx(3.5, abs=0.5)
    code, shown = command("list", "--records", str(tmp_path))
    assert code == 0
    assert "failed" in shown


def test_report_and_index_are_drawn_again(tmp_path: Path) -> None:
    """A sealed run's report goes to a file outside of its folder, and is the same page; the index is written anew."""
    folder = write_folder(tmp_path / "records", *failover())
    finish(folder)
    output = tmp_path / "again.html"
    assert command("report", folder.name, "--records", str(tmp_path / "records"), "--output", str(output))[0] == 0
    sealed = (folder / "report.html").read_text()
    assert output.read_text() == sealed
    (tmp_path / "records" / "index.html").unlink()
    assert command("index", "--records", str(tmp_path / "records"))[0] == 0
    assert (tmp_path / "records" / "index.html").exists()
    assert verify(tmp_path / "records").problems == []


@pytest.mark.parametrize("arguments", [("report", "nothing"), ("report", "../records"), ("index",)])
def test_commands_refuse_what_is_not_there(arguments: tuple[str, ...], tmp_path: Path) -> None:
    """A run or a directory that does not exist is an error, not an empty page."""
    found = CliRunner().invoke(app, ["records", *arguments, "--records", str(tmp_path / "no")])
    assert isinstance(found.exception, InvalidInputError)


def test_archive_puts_every_file_once_the_manifest_last(tmp_path: Path, bucket: Any) -> None:
    """The bucket has the whole folder under the run's id, kept for the retention; a second put is refused and told."""
    folder = write_folder(tmp_path, *failover())
    finish(folder)
    put = archive(folder, bucket, BUCKET)
    assert put[-1] == f"runs/{folder.name}/manifest.json"
    assert sorted(put) == sorted(keys(bucket))
    stored = bucket.get_object(Bucket=BUCKET, Key=put[-1])
    assert stored["Body"].read() == (folder / MANIFEST).read_bytes()
    assert stored["ObjectLockMode"] == "COMPLIANCE"
    with pytest.raises(RunbookError, match="is put once"):
        archive(folder, bucket, BUCKET)
    versions = bucket.list_object_versions(Bucket=BUCKET)["Versions"]
    assert len(versions) == len(put)


def test_archive_goes_on_where_it_was_cut_short(tmp_path: Path, bucket: Any) -> None:
    """Files that are there already with the same content are no hindrance, as long as the manifest is missing."""
    folder = write_folder(tmp_path, *failover())
    finish(folder)
    first = f"runs/{folder.name}/record.json"
    bucket.put_object(Bucket=BUCKET, Key=first, Body=(folder / "record.json").read_bytes())
    assert len(archive(folder, bucket, BUCKET)) == len(list(folder.iterdir()))


def test_archive_never_passes_over_something_else(tmp_path: Path, bucket: Any) -> None:
    """A key that holds other content stops the archive before the manifest."""
    folder = write_folder(tmp_path, *failover())
    finish(folder)
    bucket.put_object(Bucket=BUCKET, Key=f"runs/{folder.name}/record.json", Body=b"{}")
    with pytest.raises(RunbookError, match="holds something else"):
        archive(folder, bucket, BUCKET)
    assert f"runs/{folder.name}/manifest.json" not in keys(bucket)


def test_archive_wants_a_seal_and_keeps_both_of_two(tmp_path: Path, bucket: Any) -> None:
    """A run that has not ended is refused; one that was sealed again is put beside the former."""
    folder = write_folder(tmp_path, *failover())
    with pytest.raises(RunbookError, match="is not sealed"):
        archive(folder, bucket, BUCKET)
    finish(folder)
    archive(folder, bucket, BUCKET)
    (folder / "undo.log").write_text("by hand\n")
    finish(folder)
    assert archive(folder, bucket, BUCKET)[-1] == f"runs/{run_id()}.1/manifest.json"
