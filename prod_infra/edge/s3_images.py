"""The images that the application shows, and that its tasks upload."""

from __future__ import annotations

from prod_infra.edge.private_bucket import PrivateBucket


class S3Images(PrivateBucket):
    """The images that the application shows and uploads, in a bucket that is private, versioned and encrypted."""

    pulumi_type = "prod_infra:edge:S3Images"
