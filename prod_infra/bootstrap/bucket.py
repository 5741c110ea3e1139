"""The bucket for states: versioned, encrypted, TLS only, closed to the public, old versions kept for a while."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from prod_infra.bootstrap.piece import Act, Piece, absent_as_none, covers

OLD_VERSIONS_DAYS: Final = 365
"""After which a state that was replaced is deleted; the current one never is."""

_CLOSED: Final = dict.fromkeys(
    ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True
)


@dataclass(frozen=True, kw_only=True)
class _Aspect:
    """A property of the bucket.

    Attributes:
        what: in words.
        read: returns what is set, or None.
        value: that it must have.
        write: sets it.
    """

    what: str
    read: Callable[[], Any]
    value: Any
    write: Callable[[Any], object]


class StateBucket(Piece):
    """Holds the states; `s3://<bucket>?region=<region>` is the backend's URL."""

    def acts(self) -> list[Act]:
        """Make the bucket and set its properties; a property that is not as it should be is drift."""
        s3, bucket = self.wanted.clients("s3"), self.wanted.bucket
        missing = absent_as_none(lambda: s3.head_bucket(Bucket=bucket), "404", "NoSuchBucket") is None
        made = [Act(what=f"make the bucket {bucket}", do=self._make, drift=False)] if missing else []
        return made + [
            Act(
                what=f"{'set' if missing else 'put right'} the bucket's {one.what}",
                do=partial(one.write, one.value),
                drift=not missing,
            )
            for one in self._aspects(s3, bucket)
            if missing or not covers(one.read(), one.value)
        ]

    def _make(self) -> None:
        where = {"LocationConstraint": self.wanted.region}
        # The one region that S3 does not take as a constraint:
        # https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html
        given = {} if self.wanted.region == "us-east-1" else {"CreateBucketConfiguration": where}
        self.wanted.clients("s3").create_bucket(Bucket=self.wanted.bucket, **given)

    def _aspects(self, s3: Any, bucket: str) -> list[_Aspect]:
        key = f"arn:aws:kms:{self.wanted.region}:{self.wanted.account}:{self.wanted.key_alias}"

        def read(operation: str, member: str, absent: str = "") -> Callable[[], Any]:
            call = getattr(s3, operation)
            return lambda: (absent_as_none(lambda: call(Bucket=bucket), absent) or {}).get(member)

        def write(operation: str, member: str) -> Callable[[Any], object]:
            call = getattr(s3, operation)
            return lambda value: call(Bucket=bucket, **{member: value})

        return [
            _Aspect(
                what="public access block",
                read=read(
                    "get_public_access_block", "PublicAccessBlockConfiguration",
                    "NoSuchPublicAccessBlockConfiguration",
                ),
                value=_CLOSED,
                write=write("put_public_access_block", "PublicAccessBlockConfiguration"),
            ),
            _Aspect(
                what="versioning",
                read=read("get_bucket_versioning", "Status"),
                value="Enabled",
                write=lambda status: s3.put_bucket_versioning(
                    Bucket=bucket, VersioningConfiguration={"Status": status}
                ),
            ),
            _Aspect(
                what="encryption",
                read=read(
                    "get_bucket_encryption", "ServerSideEncryptionConfiguration",
                    "ServerSideEncryptionConfigurationNotFoundError",
                ),
                value={"Rules": [{
                    "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key},
                    "BucketKeyEnabled": True,
                }]},
                write=write("put_bucket_encryption", "ServerSideEncryptionConfiguration"),
            ),
            _Aspect(
                what="policy: TLS only",
                read=lambda: json.loads(read("get_bucket_policy", "Policy", "NoSuchBucketPolicy")() or "null"),
                value=_tls_only(bucket),
                write=lambda policy: s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy)),
            ),
            _Aspect(
                what="lifecycle of old versions",
                read=read("get_bucket_lifecycle_configuration", "Rules", "NoSuchLifecycleConfiguration"),
                value=[_OLD_VERSIONS],
                write=lambda rules: s3.put_bucket_lifecycle_configuration(
                    Bucket=bucket, LifecycleConfiguration={"Rules": rules}
                ),
            ),
            _Aspect(
                what="tags",
                read=lambda: _by_key(absent_as_none(lambda: s3.get_bucket_tagging(Bucket=bucket), "NoSuchTagSet")),
                value=_by_key({"TagSet": self.wanted.tags}),
                write=lambda _: s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": self.wanted.tags}),
            ),
        ]  # fmt: skip


_OLD_VERSIONS: Final = {
    "ID": "old-versions",
    "Status": "Enabled",
    "Filter": {"Prefix": ""},
    "NoncurrentVersionExpiration": {"NoncurrentDays": OLD_VERSIONS_DAYS},
    "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
}


def _by_key(answer: Any) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in (answer or {"TagSet": []})["TagSet"]}


def _tls_only(bucket: str) -> dict[str, Any]:
    """Return the policy of https://docs.aws.amazon.com/AmazonS3/latest/userguide/security-best-practices.html."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "TlsOnly",
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:*",
                "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            }
        ],
    }
