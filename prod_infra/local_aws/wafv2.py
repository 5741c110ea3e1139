"""AWS WAF: which resources a web ACL guards, which moto knows and does not tell.

Follows https://docs.aws.amazon.com/waf/latest/APIReference/API_ListResourcesForWebACL.html.
"""

from __future__ import annotations

import json
from typing import Any, Final

from moto.wafv2.exceptions import WAFNonexistentItemException
from moto.wafv2.responses import WAFV2Response

from prod_infra.local_aws.patches import added

_SERVICES: Final = {"APPLICATION_LOAD_BALANCER": "elasticloadbalancing", "API_GATEWAY": "apigateway"}
"""Service in the ARNs of what moto can associate, by the call's resource type."""


def _list_resources(response: Any) -> tuple[int, dict[str, str], str]:
    given = json.loads(response.body)
    acl = response.wafv2_backend.wacls.get(given["WebACLArn"])
    if acl is None:
        raise WAFNonexistentItemException
    service = _SERVICES.get(given.get("ResourceType", "APPLICATION_LOAD_BALANCER"))
    guarded = [arn for arn in acl.associated_resources if arn.split(":")[2] == service]
    return 200, {"Content-Type": "application/json"}, json.dumps({"ResourceArns": guarded})


def register() -> None:
    """Add the call to moto."""
    added(WAFV2Response, "list_resources_for_web_acl")(_list_resources)
