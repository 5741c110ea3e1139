"""What is done with records: finished at the end of a run, found again, and put once where nobody can change them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from botocore.exceptions import ClientError

from prod_infra.errors import RunbookError
from runbooks.records.manifest import MANIFEST, chain_lock, seal
from runbooks.records.record_folder import RecordFolder, load, load_all
from runbooks.records.report import write_index, write_report
from runbooks.records.verification import Verification, verify

__all__ = ["RecordFolder", "Verification", "archive", "finish", "load", "load_all", "verify"]

_TAKEN: Final = "PreconditionFailed"


def finish(folder: Path) -> None:
    """End the record of a run: report, then manifest, then the index of all runs. Nothing may change in it afterwards.

    A folder that was finished before, to which an undo by hand was added since, is finished again; both seals stay.
    A report that can't be drawn keeps no record from being sealed.

    Args:
        folder: `records/<run id>/`, with everything else in it.

    Raises:
        RunbookError: the chain's file, or something in the folder, is not what it should be.
        OSError: there is no room, or no right to write.
    """
    with chain_lock(folder.parent):
        try:
            write_report(folder)
        finally:
            seal(folder)
        write_index(folder.parent)


def archive(folder: Path, s3: Any, bucket: str) -> list[str]:
    """Put a sealed record into the bucket, each file once, the manifest last: it stands for the whole.

    `IfNoneMatch="*"` makes S3 refuse a key that is taken
    (https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html), and the bucket's default retention
    holds what is there. An archive that was cut short goes on where it stopped.

    Args:
        folder: `records/<run id>/`.
        s3: a client.
        bucket: with Object Lock.

    Returns:
        The keys, `runs/<run id>/<path>`; of a record sealed again, `runs/<run id>.<n>/<path>`.

    Raises:
        RunbookError: it is not sealed, or it is in the bucket already, or something else is in its place.
        botocore.exceptions.ClientError: S3 refuses for another reason.
    """
    if not (folder / MANIFEST).exists():
        raise RunbookError(f"{folder.name} is not sealed.", hint="a run is archived after it has ended")
    again = len(list(folder.glob("manifest.*.json")))
    prefix = f"runs/{folder.name}.{again}" if again else f"runs/{folder.name}"
    paths = sorted(
        (path for path in folder.rglob("*") if path.is_file()), key=lambda path: (path.name == MANIFEST, path)
    )
    keys = []
    for path in paths:
        key, content = f"{prefix}/{path.relative_to(folder).as_posix()}", path.read_bytes()
        try:
            s3.put_object(Bucket=bucket, Key=key, Body=content, IfNoneMatch="*", ChecksumAlgorithm="SHA256")
        except ClientError as error:
            if error.response["Error"]["Code"] != _TAKEN:
                raise
            if path.name == MANIFEST:
                raise RunbookError(
                    f"The record of {folder.name} is in {bucket} already, and a record is put once.",
                    hint=f"read it at s3://{bucket}/{prefix}/",
                ) from error
            if s3.get_object(Bucket=bucket, Key=key)["Body"].read() != content:
                raise RunbookError(
                    f"s3://{bucket}/{key} holds something else than {path}.",
                    hint="`prod-infra records verify` says whether the record here was changed",
                ) from error
        keys.append(key)
    return keys
