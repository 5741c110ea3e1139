"""Who may do what with a private bucket."""

from __future__ import annotations

from typing import Any

import pulumi


def only_tls(bucket_arn: pulumi.Input[str]) -> dict[str, Any]:
    """Return the statement that refuses whatever comes without TLS."""
    return {
        "Sid": "OnlyTls",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [bucket_arn, pulumi.Output.concat(bucket_arn, "/*")],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }


def bucket_policy(bucket_arn: pulumi.Input[str], distribution_arn: pulumi.Input[str]) -> pulumi.Output[str]:
    """Return a bucket policy, as JSON: one distribution may read objects, and nothing happens without TLS."""
    reads = {
        "Sid": "CloudFrontReads",
        "Effect": "Allow",
        "Principal": {"Service": "cloudfront.amazonaws.com"},
        "Action": "s3:GetObject",
        "Resource": pulumi.Output.concat(bucket_arn, "/*"),
        "Condition": {"StringEquals": {"AWS:SourceArn": distribution_arn}},
    }
    return pulumi.Output.json_dumps({"Version": "2012-10-17", "Statement": [reads, only_tls(bucket_arn)]})
