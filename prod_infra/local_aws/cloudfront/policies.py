"""CloudFront's managed policies, by their fixed IDs: moto has no policies at all.

IDs and contents are those of
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/using-managed-cache-policies.html,
.../using-managed-origin-request-policies.html and .../using-managed-response-headers-policies.html.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from moto.cloudfront.exceptions import CloudFrontException
from moto.core.responses import ActionResult

from prod_infra.local_aws.patches import added

MODIFIED = "2020-07-01T00:00:00Z"


class Kind(NamedTuple):
    """One kind of policy: its name in the API, its path, the behaviour's property, and its policies by ID."""

    name: str
    path: str
    property: str
    policies: dict[str, dict[str, Any]]


def _cached(name: str, seconds: tuple[int, int, int], *, compressed: bool) -> dict[str, Any]:
    least, default, most = seconds
    return {
        "Name": f"Managed-{name}",
        "MinTTL": least,
        "DefaultTTL": default,
        "MaxTTL": most,
        "ParametersInCacheKeyAndForwardedToOrigin": {
            "EnableAcceptEncodingGzip": compressed,
            "EnableAcceptEncodingBrotli": compressed,
            "HeadersConfig": {"HeaderBehavior": "none"},
            "CookiesConfig": {"CookieBehavior": "none"},
            "QueryStringsConfig": {"QueryStringBehavior": "none"},
        },
    }


def _forwarded(name: str, headers: dict[str, Any]) -> dict[str, Any]:
    return {
        "Name": f"Managed-{name}",
        "HeadersConfig": headers,
        "CookiesConfig": {"CookieBehavior": "all"},
        "QueryStringsConfig": {"QueryStringBehavior": "all"},
    }


YEAR = 31_536_000
DAY = 86_400

KINDS = (
    Kind(
        "CachePolicy",
        "cache-policy",
        "CachePolicyId",
        {
            "658327ea-f89d-4fab-a63d-7e88639e58f6": _cached("CachingOptimized", (1, DAY, YEAR), compressed=True),
            "b2884449-e4de-46a7-ac36-70bc7f1ddd6d": _cached(
                "CachingOptimizedForUncompressedObjects", (1, DAY, YEAR), compressed=False
            ),
            "4135ea2d-6df8-44a3-9df3-4b5a84be39ad": _cached("CachingDisabled", (0, 0, 0), compressed=False),
        },
    ),
    Kind(
        "OriginRequestPolicy",
        "origin-request-policy",
        "OriginRequestPolicyId",
        {
            "216adef6-5c7f-47e4-b989-5492eafa07d3": _forwarded("AllViewer", {"HeaderBehavior": "allViewer"}),
            "b689b0a8-53d0-40ab-baf2-68738e2966ac": _forwarded(
                "AllViewerExceptHostHeader",
                {"HeaderBehavior": "allExcept", "Headers": {"Quantity": 1, "Items": ["host"]}},
            ),
        },
    ),
    Kind(
        "ResponseHeadersPolicy",
        "response-headers-policy",
        "ResponseHeadersPolicyId",
        {
            "67f7725c-6f97-4210-82d7-5512b31e9d03": {
                "Name": "Managed-SecurityHeadersPolicy",
                "SecurityHeadersConfig": {
                    "XSSProtection": {"Override": False, "Protection": True, "ModeBlock": True},
                    "FrameOptions": {"Override": False, "FrameOption": "SAMEORIGIN"},
                    "ReferrerPolicy": {"Override": False, "ReferrerPolicy": "strict-origin-when-cross-origin"},
                    "ContentTypeOptions": {"Override": True},
                    "StrictTransportSecurity": {
                        "Override": False,
                        "IncludeSubdomains": False,
                        "Preload": False,
                        "AccessControlMaxAgeSec": YEAR,
                    },
                },
            },
        },
    ),
)


def check(behaviour: Mapping[str, Any]) -> None:
    """Raise what CloudFront raises for a behaviour that names a policy which does not exist."""
    for kind in KINDS:
        identifier = behaviour.get(kind.property)
        if identifier and identifier not in kind.policies:
            raise CloudFrontException(f"NoSuch{kind.name}", f"The {kind.path.replace('-', ' ')} does not exist.")


def _policy(kind: Kind, identifier: str) -> dict[str, Any]:
    return {"Id": identifier, "LastModifiedTime": MODIFIED, f"{kind.name}Config": kind.policies[identifier]}


def _add(calls: Any, urls: Any, kind: Kind) -> None:
    snake = kind.path.replace("-", "_")
    plural = f"{snake[:-1]}ies"

    def get(response: Any) -> ActionResult:
        identifier = response._get_param("Id")
        check({kind.property: identifier})
        return ActionResult({kind.name: _policy(kind, identifier), "ETag": "E23ZP02F085DFQ"})

    def get_config(response: Any) -> ActionResult:
        identifier = response._get_param("Id")
        check({kind.property: identifier})
        return ActionResult({f"{kind.name}Config": kind.policies[identifier], "ETag": "E23ZP02F085DFQ"})

    def list_all(response: Any) -> ActionResult:
        # Nobody can make policies of their own here, so `custom` has none.
        found = [] if response._get_param("Type") == "custom" else list(kind.policies)
        summaries = [{"Type": "managed", kind.name: _policy(kind, identifier)} for identifier in found]
        return ActionResult({f"{kind.name}List": {"MaxItems": 100, "Quantity": len(found), "Items": summaries}})

    added(calls, f"get_{snake}")(get)
    added(calls, f"get_{snake}_config")(get_config)
    added(calls, f"list_{plural}")(list_all)
    base = "{0}/2020-05-31/" + kind.path
    for path in ("$", "/(?P<policy_id>[^/]+)$", "/(?P<policy_id>[^/]+)/config$"):
        urls.url_paths[base + path] = calls.dispatch


def register(calls: Any, urls: Any) -> None:
    """Add get and list for each kind of policy.

    Args:
        calls: moto's `CloudFrontResponse`.
        urls: moto's module of CloudFront's paths.
    """
    for kind in KINDS:
        _add(calls, urls, kind)
