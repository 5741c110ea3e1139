"""How pulumi-aws's distribution and CloudFront's `DistributionConfig` translate into each other.

https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_DistributionConfig.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from prod_infra.properties import Props


@dataclass(frozen=True)
class Part:
    """One property.

    Attributes:
        name: CloudFront's name.
        parts: what is inside an object, by Pulumi's name; empty for a plain value.
        many: whether it is a list, which CloudFront wraps as `{"Quantity": n, "Items": [...]}`.
        inline: whether the items are the object's own `Quantity` and `Items`, under no name.
    """

    name: str
    parts: Mapping[str, Part] = field(default_factory=dict)
    many: bool = False
    inline: bool = False


def _plain(**names: str) -> dict[str, Part]:
    return {key: Part(name) for key, name in names.items()}


_COOKIES: Final = {**_plain(forward="Forward"), "whitelistedNames": Part("WhitelistedNames", many=True)}
_FORWARDED: Final = {
    **_plain(queryString="QueryString"),
    "cookies": Part("Cookies", _COOKIES),
    "headers": Part("Headers", many=True),
    "queryStringCacheKeys": Part("QueryStringCacheKeys", many=True),
}
_BEHAVIOUR: Final = {
    **_plain(
        cachePolicyId="CachePolicyId",
        compress="Compress",
        defaultTtl="DefaultTTL",
        fieldLevelEncryptionId="FieldLevelEncryptionId",
        maxTtl="MaxTTL",
        minTtl="MinTTL",
        originRequestPolicyId="OriginRequestPolicyId",
        realtimeLogConfigArn="RealtimeLogConfigArn",
        responseHeadersPolicyId="ResponseHeadersPolicyId",
        smoothStreaming="SmoothStreaming",
        targetOriginId="TargetOriginId",
        viewerProtocolPolicy="ViewerProtocolPolicy",
    ),
    "allowedMethods": Part("AllowedMethods", many=True),
    "cachedMethods": Part("CachedMethods", many=True),
    "forwardedValues": Part("ForwardedValues", _FORWARDED),
    "functionAssociations": Part(
        "FunctionAssociations", _plain(eventType="EventType", functionArn="FunctionARN"), many=True
    ),
    "grpcConfig": Part("GrpcConfig", _plain(enabled="Enabled")),
    "lambdaFunctionAssociations": Part(
        "LambdaFunctionAssociations",
        _plain(eventType="EventType", lambdaArn="LambdaFunctionARN", includeBody="IncludeBody"),
        many=True,
    ),
}
_CUSTOM_ORIGIN: Final = {
    **_plain(
        httpPort="HTTPPort",
        httpsPort="HTTPSPort",
        originKeepaliveTimeout="OriginKeepaliveTimeout",
        originProtocolPolicy="OriginProtocolPolicy",
        originReadTimeout="OriginReadTimeout",
    ),
    "originSslProtocols": Part("OriginSslProtocols", many=True),
}
_ORIGIN: Final = {
    **_plain(
        connectionAttempts="ConnectionAttempts",
        connectionTimeout="ConnectionTimeout",
        domainName="DomainName",
        originAccessControlId="OriginAccessControlId",
        originId="Id",
        originPath="OriginPath",
    ),
    "customHeaders": Part("CustomHeaders", _plain(name="HeaderName", value="HeaderValue"), many=True),
    "customOriginConfig": Part("CustomOriginConfig", _CUSTOM_ORIGIN),
    "originShield": Part("OriginShield", _plain(enabled="Enabled", originShieldRegion="OriginShieldRegion")),
    "s3OriginConfig": Part("S3OriginConfig", _plain(originAccessIdentity="OriginAccessIdentity")),
}
_GROUP: Final = {
    **_plain(originId="Id"),
    "failoverCriteria": Part("FailoverCriteria", {"statusCodes": Part("StatusCodes", many=True)}),
    "members": Part("Members", _plain(originId="OriginId"), many=True),
}
_CERTIFICATE: Final = _plain(
    acmCertificateArn="ACMCertificateArn",
    cloudfrontDefaultCertificate="CloudFrontDefaultCertificate",
    iamCertificateId="IAMCertificateId",
    minimumProtocolVersion="MinimumProtocolVersion",
    sslSupportMethod="SSLSupportMethod",
)
_ERROR: Final = _plain(
    errorCachingMinTtl="ErrorCachingMinTTL",
    errorCode="ErrorCode",
    responseCode="ResponseCode",
    responsePagePath="ResponsePagePath",
)
_GEO: Final = {**_plain(restrictionType="RestrictionType"), "locations": Part("", many=True, inline=True)}
DISTRIBUTION: Final = {
    **_plain(
        comment="Comment",
        defaultRootObject="DefaultRootObject",
        enabled="Enabled",
        httpVersion="HttpVersion",
        isIpv6Enabled="IsIPV6Enabled",
        priceClass="PriceClass",
        webAclId="WebACLId",
    ),
    "aliases": Part("Aliases", many=True),
    "customErrorResponses": Part("CustomErrorResponses", _ERROR, many=True),
    "defaultCacheBehavior": Part("DefaultCacheBehavior", _BEHAVIOUR),
    "loggingConfig": Part("Logging", _plain(bucket="Bucket", includeCookies="IncludeCookies", prefix="Prefix")),
    "orderedCacheBehaviors": Part("CacheBehaviors", {**_BEHAVIOUR, "pathPattern": Part("PathPattern")}, many=True),
    "originGroups": Part("OriginGroups", _GROUP, many=True),
    "origins": Part("Origins", _ORIGIN, many=True),
    "restrictions": Part("Restrictions", {"geoRestriction": Part("GeoRestriction", _GEO)}),
    "viewerCertificate": Part("ViewerCertificate", _CERTIFICATE),
}


def nested(parts: Mapping[str, Part] = DISTRIBUTION, path: str = "") -> dict[str, frozenset[str]]:
    """Return the names known inside each input, by dotted path, for `Handler.nested_inputs`."""
    known: dict[str, frozenset[str]] = {}
    for name, part in parts.items():
        if part.parts:
            here = f"{path}.{name}".lstrip(".")
            known |= {here: frozenset(part.parts), **nested(part.parts, here)}
    return known


def unordered() -> frozenset[str]:
    """Return the lists of plain values, by dotted path: CloudFront keeps no order in them."""

    def walk(parts: Mapping[str, Part], path: str) -> frozenset[str]:
        found: frozenset[str] = frozenset()
        for name, part in parts.items():
            here = f"{path}.{name}".lstrip(".")
            found |= walk(part.parts, here) if part.parts else frozenset({here} if part.many else ())
        return found

    return walk(DISTRIBUTION, "") | {"customErrorResponses", "origins.customHeaders"}


def _wrapped(items: list[Any]) -> dict[str, Any]:
    # CloudFront wants no Items at all where there are none.
    return {"Quantity": len(items), "Items": items} if items else {"Quantity": 0}


def to_config(props: Mapping[str, Any], parts: Mapping[str, Part] = DISTRIBUTION) -> dict[str, Any]:
    """Return CloudFront's form of Pulumi's properties; what is absent stays absent."""
    config: dict[str, Any] = {}
    for name, part in parts.items():
        value = props.get(name)
        if part.inline:
            config |= _wrapped(list(value or ()))
        elif value is None:
            continue
        elif part.many:
            config[part.name] = _wrapped([to_config(item, part.parts) if part.parts else item for item in value])
        else:
            config[part.name] = to_config(value, part.parts) if part.parts else value
    if "CachedMethods" in config:
        config["AllowedMethods"]["CachedMethods"] = config.pop("CachedMethods")
    if "ResponseCode" in config:
        config["ResponseCode"] = str(config["ResponseCode"])
    return config


def from_config(config: Mapping[str, Any], parts: Mapping[str, Part] = DISTRIBUTION) -> Props:
    """Return Pulumi's form of CloudFront's configuration."""
    if "CachedMethods" in config.get("AllowedMethods", {}):
        config = {**config, "CachedMethods": config["AllowedMethods"]["CachedMethods"]}
    props: Props = {}
    for name, part in parts.items():
        value = config if part.inline else config.get(part.name)
        if value is None:
            continue
        if part.many:
            items = value.get("Items") or []
            props[name] = [from_config(item, part.parts) if part.parts else item for item in items]
        else:
            props[name] = from_config(value, part.parts) if part.parts else value
    if props.get("responseCode"):
        props["responseCode"] = int(props["responseCode"])
    return props
