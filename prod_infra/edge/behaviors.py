"""How the distribution treats requests: its origins, and what its behaviours have in common."""

from __future__ import annotations

from typing import Any, Final

import pulumi
import pulumi_aws as aws

# Fixed IDs of policies that AWS manages (CloudFront guide, "Use managed cache policies" and its siblings).
CACHING_OPTIMIZED: Final = "658327ea-f89d-4fab-a63d-7e88639e58f6"
CACHING_DISABLED: Final = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
ALL_VIEWER_EXCEPT_HOST_HEADER: Final = "b689b0a8-53d0-40ab-baf2-68738e2966ac"
SECURITY_HEADERS_POLICY: Final = "67f7725c-6f97-4210-82d7-5512b31e9d03"

READ: Final = ["GET", "HEAD"]
READ_AND_ASK: Final = [*READ, "OPTIONS"]
EVERY_METHOD: Final = [*READ_AND_ASK, "PUT", "POST", "PATCH", "DELETE"]

SITE: Final = "site"
IMAGES: Final = "images"
API: Final = "api"


def alb_origin(
    domain_name: pulumi.Input[str], header_name: str, header_value: pulumi.Input[str]
) -> aws.cloudfront.DistributionOriginArgs:
    """Return the load balancer as an origin: HTTPS only, with the secret header that its listener checks."""
    return aws.cloudfront.DistributionOriginArgs(
        origin_id=API,
        domain_name=domain_name,
        custom_origin_config=aws.cloudfront.DistributionOriginCustomOriginConfigArgs(
            http_port=80,
            https_port=443,
            origin_protocol_policy="https-only",
            origin_ssl_protocols=["TLSv1.2"],
        ),
        custom_headers=[aws.cloudfront.DistributionOriginCustomHeaderArgs(name=header_name, value=header_value)],
    )


def behavior(origin_id: str, methods: list[str], *, cached: bool = True) -> dict[str, Any]:
    """Return what a behaviour of either kind says: HTTPS only, security headers, and whether answers are kept."""
    return {
        "target_origin_id": origin_id,
        "viewer_protocol_policy": "redirect-to-https",
        "allowed_methods": methods,
        "cached_methods": READ,
        "compress": True,
        "cache_policy_id": CACHING_OPTIMIZED if cached else CACHING_DISABLED,
        "origin_request_policy_id": None if cached else ALL_VIEWER_EXCEPT_HOST_HEADER,
        "response_headers_policy_id": SECURITY_HEADERS_POLICY,
    }
