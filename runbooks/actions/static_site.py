"""The static site: a local folder into the site's bucket, and CloudFront told; back by the versions that were there."""

from __future__ import annotations

import hashlib
import mimetypes
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Final

from botocore.exceptions import ClientError

from prod_infra.errors import RunbookError
from runbooks.core.aws import Aws
from runbooks.core.run import Run
from runbooks.core.step import Call, Step, Undo
from runbooks.core.waiting import wait
from runbooks.verify import Deployed

INVALIDATION_SECONDS: Final = 900.0
"""For which CloudFront may take to forget; it mostly needs a minute or two."""

_HASHED: Final = re.compile(r"[.-](?=[0-9A-Za-z_]*\d)[0-9A-Za-z_]{8,}\.\w+$")
"""A name that bundlers give to what never changes, such as `app.3f9c2b1a.js`."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """One object that differs from the folder.

    Attributes:
        key: in the bucket.
        sha256: of the file; empty for an object that the folder lacks.
        version: ID of the version that is there; empty if there is none.
    """

    key: str
    sha256: str
    version: str


def site(env: Deployed) -> tuple[str, str]:
    """Return the bucket that CloudFront shows by default, and the distribution's ID."""
    behavior = env.distribution["DistributionConfig"]["DefaultCacheBehavior"]
    return env.buckets[behavior["TargetOriginId"]], str(env.distribution["Id"])


def require_versions(aws: Aws, bucket: str) -> None:
    """Refuse a bucket that forgets what is overwritten.

    Raises:
        RunbookError: it has no versioning.
    """
    if aws("s3").get_bucket_versioning(Bucket=bucket).get("Status") != "Enabled":
        raise RunbookError(
            f"The bucket {bucket} keeps no versions: nothing could be taken back.", hint="turn its versioning on"
        )


def _order(key: str) -> tuple[int, str]:
    """Assets before the pages that name them, the front page last."""
    kind = 0 if _HASHED.search(key) else 1 if not key.endswith(".html") else 2 if key != "index.html" else 3
    return kind, key


def differences(aws: Aws, bucket: str, folder: Path, *, delete: bool) -> list[Change]:
    """Compare, by the hash that an upload leaves beside each object.

    Args:
        aws: the target.
        bucket: of the site.
        folder: with the wanted files.
        delete: whether what the folder lacks is to go.

    Returns:
        What to change, in the order to do it: deletions last.
    """
    s3 = aws("s3")
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    wanted = {key: hashlib.sha256(path.read_bytes()).hexdigest() for key, path in files.items()}
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    present = {item["Key"] for page in pages for item in page.get("Contents", ())}
    heads = {key: s3.head_object(Bucket=bucket, Key=key) for key in present if key in wanted or delete}
    found = [
        Change(key=key, sha256=digest, version=heads.get(key, {}).get("VersionId", ""))
        for key, digest in wanted.items()
        if heads.get(key, {}).get("Metadata", {}).get("sha256") != digest
    ]
    gone = [Change(key=key, sha256="", version=head["VersionId"]) for key, head in heads.items() if key not in wanted]
    return sorted(found, key=lambda one: _order(one.key)) + sorted(gone, key=lambda one: one.key)


@dataclass(frozen=True, kw_only=True)
class SyncSite(Step):
    """Upload what differs, assets first and the front page last; then delete what is gone, where that is asked for.

    Attributes:
        run: whose undo has the action `restore_site`.
        bucket: of the site.
        distribution: its ID.
        folder: with the files.
        changes: decided when the run began.
    """

    run: Run[Any] = field(repr=False)
    bucket: str
    distribution: str
    folder: Path
    changes: Sequence[Change]

    @property
    def name(self) -> str:
        """How much."""
        return f"sync the site: {len(self.changes)} changes"

    def already_done(self) -> bool:
        """Whether the bucket has all of it."""
        delete = any(not change.sha256 for change in self.changes)
        return not differences(self.run.aws, self.bucket, self.folder, delete=delete)

    def calls(self) -> Sequence[Call]:
        """A put or delete each."""
        return [self._call(change) for change in self.changes]

    def _call(self, change: Change) -> Call:
        where = {"Bucket": self.bucket, "Key": change.key}
        if not change.sha256:
            return Call(service="s3", operation="delete_object", parameters=where)
        kind = mimetypes.guess_type(change.key)[0] or "application/octet-stream"
        text = kind.startswith("text/") or kind in {"application/javascript", "application/json", "image/svg+xml"}
        more = {
            "ContentType": f"{kind}; charset=utf-8" if text else kind,
            "CacheControl": "public, max-age=31536000, immutable" if _HASHED.search(change.key) else "no-cache",
            "Metadata": {"sha256": change.sha256},
        }
        return Call(service="s3", operation="put_object", parameters={**where, **more, "Body": f"<{change.key}>"})

    def undo(self) -> Undo:
        """Put back the versions that were there."""
        arguments = {
            "bucket": self.bucket,
            "distribution": self.distribution,
            "versions": {change.key: change.version for change in self.changes},
        }
        return Undo(action=f"{self.run.name}.restore_site", arguments=arguments)

    def act(self) -> Mapping[str, Any]:
        """Upload and delete.

        Raises:
            RunbookError: a file is another by now than the approved one.
        """
        s3 = self.run.aws("s3")
        for change in self.changes:
            call = self._call(change)
            if call.operation == "delete_object":
                s3.delete_object(**call.parameters)
                continue
            body = (self.folder / change.key).read_bytes()
            if hashlib.sha256(body).hexdigest() != change.sha256:
                raise RunbookError(f"{change.key} has changed since the plan was approved.", hint="run it again")
            s3.put_object(**{**call.parameters, "Body": body})
        return {"changes": len(self.changes)}


@dataclass(frozen=True, kw_only=True)
class Invalidate(Step):
    """Tell CloudFront to forget what it has of the changed pages, and wait until it has."""

    no_undo: ClassVar[str] = "it only empties caches; taking back the sync empties them again"

    run: Run[Any] = field(repr=False)
    distribution: str
    keys: Sequence[str]

    @property
    def name(self) -> str:
        """Which distribution."""
        return f"invalidate {self.distribution}"

    def already_done(self) -> bool:
        """Never: nobody sees what an edge still keeps."""
        return False

    def calls(self) -> Sequence[Call]:
        """One call."""
        parameters = _invalidation(self.distribution, self.keys, "<run id>")
        return [Call(service="cloudfront", operation="create_invalidation", parameters=parameters)]

    def act(self) -> Mapping[str, Any]:
        """Invalidate and wait."""
        return {"invalidation": _invalidate(self.run.aws, self.distribution, self.keys, self.run.id, self.run.wait)}


def _invalidation(distribution: str, keys: Sequence[str], reference: str) -> dict[str, Any]:
    # The front page is also asked for as `/`. Past 15 wildcards or 3000 paths, one wildcard is cheaper and allowed.
    paths = sorted({f"/{key}" for key in keys} | {"/"}) if len(keys) <= 100 else ["/*"]  # noqa: PLR2004
    batch = {"Paths": {"Quantity": len(paths), "Items": paths}, "CallerReference": reference}
    return {"DistributionId": distribution, "InvalidationBatch": batch}


def _invalidate(aws: Aws, distribution: str, keys: Sequence[str], reference: str, waiting: Callable[..., Any]) -> str:
    cloudfront = aws("cloudfront")
    made = cloudfront.create_invalidation(**_invalidation(distribution, keys, reference))["Invalidation"]

    def is_through() -> bool:
        found = cloudfront.get_invalidation(DistributionId=distribution, Id=made["Id"])["Invalidation"]
        return bool(found["Status"].casefold() == "completed")

    waiting(f"invalidation {made['Id']}", is_through, timeout=INVALIDATION_SECONDS, poll=aws.poll_seconds)
    return str(made["Id"])


def restore_site(aws: Aws, *, bucket: str, distribution: str, versions: dict[str, str]) -> str:
    """Put back the versions of the site's objects that were there before, and invalidate them."""
    back = [key for key, version in versions.items() if _put_back(aws, bucket, key, version)]
    # Even if all is back: an undo before this one may not have come to it.
    _invalidate(aws, distribution, list(versions), f"undo-{time.time_ns()}", wait)
    return f"{len(back)} objects of {bucket} put back" if back else "the site is as it was already"


def _put_back(aws: Aws, bucket: str, key: str, version: str) -> bool:
    """Put one back, as a new version; return whether there was anything to do."""
    s3 = aws("s3")
    try:
        now = s3.get_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error.response["Error"]["Code"] not in {"NoSuchKey", "404"}:
            raise
        now = None
    if not version:
        if now is not None:
            s3.delete_object(Bucket=bucket, Key=key)
        return now is not None
    if now is not None:
        then = s3.get_object(Bucket=bucket, Key=key, VersionId=version)
        if now["ContentType"] == then["ContentType"] and now["Body"].read() == then["Body"].read():
            return False
    s3.copy_object(Bucket=bucket, Key=key, CopySource={"Bucket": bucket, "Key": key, "VersionId": version})
    return True
