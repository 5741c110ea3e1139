"""S3 as an origin of CloudFront: what the bucket's policy lets it read, from the local AWS's own S3."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from botocore.exceptions import ClientError

from prod_infra.local_aws.bucket_policies import verdict
from prod_infra.local_aws.clients import Clients
from prod_infra.local_aws.data_plane.http import Response, text

FRESH_SECONDS: Final = 0.2
"""For so long an object is served without asking S3 whether it has changed."""

MOST_OBJECTS: Final = 256
SIGNED: Final = ("Service", "cloudfront.amazonaws.com")
UNSIGNED: Final = ("AWS", "anonymous")

_KEPT: Final = {"ContentType": "Content-Type", "CacheControl": "Cache-Control", "ETag": "ETag"}


def _error(status: int, code: str, message: str) -> Response:
    words = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>'
    return text(status, words, "application/xml")


DENIED: Final = _error(403, "AccessDenied", "Access Denied")


@dataclass
class _Object:
    checked: float
    response: Response
    etag: str


@dataclass
class Buckets:
    """Reads objects. Each is kept for a moment, and after that as long as S3 says that it is the same.

    Attributes:
        clients: of the local AWS.
    """

    clients: Clients
    _objects: dict[tuple[str, str], _Object] = field(default_factory=dict)

    async def get(
        self, bucket: str, key: str, policy: Mapping[str, Any] | None, distribution_arn: str, *, signed: bool
    ) -> Response:
        """Return an object as S3 answers CloudFront: without the right to list, 403 for what is not there."""
        arn = f"arn:aws:s3:::{bucket}"
        who, source = (SIGNED, distribution_arn) if signed else (UNSIGNED, "")
        if not verdict(policy, "s3:GetObject", f"{arn}/{key}", who, source):
            return DENIED
        found = self._objects.get((bucket, key))
        if found is None or time.monotonic() - found.checked > FRESH_SECONDS:
            found = await asyncio.to_thread(self._read, bucket, key, found)
            while len(self._objects) >= MOST_OBJECTS:
                del self._objects[next(iter(self._objects))]
            self._objects[bucket, key] = found
        may_list = verdict(policy, "s3:ListBucket", arn, who, source)
        return DENIED if found.response.status == 404 and not may_list else found.response  # noqa: PLR2004  HTTP's own

    def _read(self, bucket: str, key: str, known: _Object | None) -> _Object:
        condition = {"IfNoneMatch": known.etag} if known and known.etag else {}
        now = time.monotonic()
        try:
            answer = self.clients("s3").get_object(Bucket=bucket, Key=key, **condition)
        except ClientError as error:
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            if known and status == 304:  # noqa: PLR2004  HTTP's own number
                return _Object(now, known.response, known.etag)
            found = error.response["Error"]
            return _Object(now, _error(status, found["Code"], found.get("Message", "")), "")
        headers = {name: answer[member] for member, name in _KEPT.items() if answer.get(member)}
        return _Object(now, Response(status=200, body=answer["Body"].read(), headers=headers), answer["ETag"])


def key_of(parts: Iterable[str]) -> str:
    """Return the key of an object from an origin's path and a request's."""
    return "".join(parts).lstrip("/")
