"""The site's files."""

from __future__ import annotations

from prod_infra.edge.private_bucket import PrivateBucket


class S3Site(PrivateBucket):
    """The site's files, in a bucket that is private, versioned and encrypted."""

    pulumi_type = "prod_infra:edge:S3Site"
