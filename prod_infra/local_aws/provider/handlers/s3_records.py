"""What an S3 bucket keeps, for how long, and where it writes down who asked for it."""

from __future__ import annotations

from typing import Any

from prod_infra.local_aws.provider.handler import Handler
from prod_infra.local_aws.provider.handlers.common import camel, compact, pascal
from prod_infra.local_aws.provider.handlers.s3_settings import OnBucket
from prod_infra.properties import Props


class BucketLogging(OnBucket):
    """Server access logs, written to another bucket of the region."""

    token = "aws:s3/bucketLogging:BucketLogging"
    inputs = frozenset({"bucket", "targetBucket", "targetPrefix"})
    replace_on = frozenset({"bucket"})
    missing = ()

    def put(self, bucket: str, inputs: Props) -> None:
        """Set the target."""
        target = {"TargetBucket": inputs["targetBucket"], "TargetPrefix": inputs.get("targetPrefix", "")}
        self.clients("s3").put_bucket_logging(Bucket=bucket, BucketLoggingStatus={"LoggingEnabled": target})

    def get(self, bucket: str) -> Props | None:
        """Return the target; None where nothing is logged."""
        held = self.clients("s3").get_bucket_logging(Bucket=bucket).get("LoggingEnabled")
        return held and {"targetBucket": held["TargetBucket"], "targetPrefix": held.get("TargetPrefix", "")}

    def remove(self, bucket: str) -> None:
        """Turn the logs off."""
        self.clients("s3").put_bucket_logging(Bucket=bucket, BucketLoggingStatus={})


class BucketNotification(OnBucket):
    """Whether the bucket tells EventBridge what happens to its objects."""

    token = "aws:s3/bucketNotification:BucketNotification"
    inputs = frozenset({"bucket", "eventbridge"})
    replace_on = frozenset({"bucket"})
    defaults = {"eventbridge": False}
    missing = ()

    def put(self, bucket: str, inputs: Props) -> None:
        """Set it."""
        told: dict[str, Any] = {"EventBridgeConfiguration": {}} if inputs.get("eventbridge") else {}
        self.clients("s3").put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=told)

    def get(self, bucket: str) -> Props | None:
        """Return it; None where nobody is told."""
        held = self.clients("s3").get_bucket_notification_configuration(Bucket=bucket)
        return {"eventbridge": True} if "EventBridgeConfiguration" in held else None

    def remove(self, bucket: str) -> None:
        """Tell nobody."""
        self.put(bucket, {})


_TRANSITION = frozenset({"days", "storageClass"})
_OLD_TRANSITION = frozenset({"newerNoncurrentVersions", "noncurrentDays", "storageClass"})


class BucketLifecycleConfiguration(OnBucket):
    """Rules by which objects move to cheaper storage and expire."""

    token = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
    inputs = frozenset({"bucket", "rules"})
    nested_inputs = {
        "rules": frozenset(
            {
                "abortIncompleteMultipartUpload",
                "expiration",
                "filter",
                "id",
                "noncurrentVersionExpiration",
                "noncurrentVersionTransitions",
                "status",
                "transitions",
            }
        ),
        "rules.abortIncompleteMultipartUpload": frozenset({"daysAfterInitiation"}),
        "rules.expiration": frozenset({"days", "expiredObjectDeleteMarker"}),
        "rules.filter": frozenset({"prefix"}),
        "rules.noncurrentVersionExpiration": frozenset({"noncurrentDays"}),
        "rules.noncurrentVersionTransitions": _OLD_TRANSITION,
        "rules.transitions": _TRANSITION,
    }
    replace_on = frozenset({"bucket"})
    set_inputs = frozenset({"rules", "rules.noncurrentVersionTransitions", "rules.transitions"})
    missing = ("NoSuchLifecycleConfiguration",)

    def put(self, bucket: str, inputs: Props) -> None:
        """Set all rules; a rule without a filter is for every object, which S3 wants said."""
        rules = [_sent({"filter": {"prefix": ""}, **rule}) for rule in inputs["rules"]]
        configuration = {"Rules": rules}
        self.clients("s3").put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration=configuration)

    def get(self, bucket: str) -> Props:
        """Return all rules."""
        held = self.clients("s3").get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
        return {"rules": [_shown(rule) for rule in held]}

    def remove(self, bucket: str) -> None:
        """Delete all rules."""
        self.clients("s3").delete_bucket_lifecycle(Bucket=bucket)


def _sent(rule: Props) -> dict[str, Any]:
    """Return a rule as S3 takes it."""
    return {"ID" if key == "Id" else key: value for key, value in pascal(rule).items()}


def _shown(rule: Props) -> Props:
    """Return a rule as Pulumi has it."""
    return compact(
        {
            "id": rule.get("ID"),
            "status": rule["Status"],
            "filter": {"prefix": (rule.get("Filter") or {}).get("Prefix", "")},
            "expiration": camel(rule.get("Expiration")),
            "transitions": camel(rule.get("Transitions", [])),
            "noncurrentVersionTransitions": camel(rule.get("NoncurrentVersionTransitions", [])),
            "noncurrentVersionExpiration": camel(rule.get("NoncurrentVersionExpiration")),
            "abortIncompleteMultipartUpload": camel(rule.get("AbortIncompleteMultipartUpload")),
        }
    )


class BucketObjectLockConfiguration(OnBucket):
    """The retention that each new object version gets by default; Object Lock itself is the bucket's from its birth."""

    token = "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration"
    inputs = frozenset({"bucket", "objectLockEnabled", "rule"})
    nested_inputs = {
        "rule": frozenset({"defaultRetention"}),
        "rule.defaultRetention": frozenset({"days", "mode", "years"}),
    }
    replace_on = frozenset({"bucket", "objectLockEnabled"})
    defaults = {"objectLockEnabled": "Enabled"}
    missing = ("ObjectLockConfigurationNotFoundError",)

    def put(self, bucket: str, inputs: Props) -> None:
        """Set the default retention."""
        configuration = compact({"ObjectLockEnabled": "Enabled", "Rule": pascal(inputs.get("rule")) or None})
        self.clients("s3").put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration=configuration)

    def get(self, bucket: str) -> Props | None:
        """Return the default retention; None where Object Lock stands without one."""
        held = self.clients("s3").get_object_lock_configuration(Bucket=bucket)["ObjectLockConfiguration"]
        retention = held.get("Rule", {}).get("DefaultRetention")
        shown = retention and compact(
            {"mode": retention.get("Mode"), "days": retention.get("Days"), "years": retention.get("Years")}
        )
        return shown and {"objectLockEnabled": "Enabled", "rule": {"defaultRetention": shown}}

    def remove(self, bucket: str) -> None:
        """Take the default retention away; Object Lock stays as long as the bucket."""
        self.clients("s3").put_object_lock_configuration(
            Bucket=bucket, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled"}
        )


HANDLERS: tuple[type[Handler], ...] = (
    BucketLogging,
    BucketNotification,
    BucketLifecycleConfiguration,
    BucketObjectLockConfiguration,
)
