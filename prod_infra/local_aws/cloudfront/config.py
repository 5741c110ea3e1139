"""A distribution's configuration as CloudFront answers it: what was given, and CloudFront's defaults for the rest.

moto's own model of it drops origin access controls, function associations and more. Defaults are those of
https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_DistributionConfig.html.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

EMPTY = {"Quantity": 0}
NOBODY = {"Enabled": False, "Quantity": 0}
READ_METHODS = {"Quantity": 2, "Items": ["HEAD", "GET"]}

CONFIG: dict[str, Any] = {
    "Aliases": EMPTY,
    "DefaultRootObject": "",
    "OriginGroups": EMPTY,
    "CacheBehaviors": EMPTY,
    "CustomErrorResponses": EMPTY,
    "Logging": {"Enabled": False, "IncludeCookies": False, "Bucket": "", "Prefix": ""},
    "PriceClass": "PriceClass_All",
    "Restrictions": {"GeoRestriction": {"RestrictionType": "none", "Quantity": 0}},
    "WebACLId": "",
    "HttpVersion": "http2",
    "IsIPV6Enabled": False,
    "ContinuousDeploymentPolicyId": "",
    "Staging": False,
}
ORIGIN: dict[str, Any] = {
    "OriginPath": "",
    "CustomHeaders": EMPTY,
    "ConnectionAttempts": 3,
    "ConnectionTimeout": 10,
    "OriginShield": {"Enabled": False},
    "OriginAccessControlId": "",
}
CUSTOM_ORIGIN: dict[str, Any] = {
    "OriginSslProtocols": {"Quantity": 3, "Items": ["TLSv1", "TLSv1.1", "TLSv1.2"]},
    "OriginReadTimeout": 30,
    "OriginKeepaliveTimeout": 5,
}
BEHAVIOUR: dict[str, Any] = {
    "TrustedSigners": NOBODY,
    "TrustedKeyGroups": NOBODY,
    "AllowedMethods": READ_METHODS | {"CachedMethods": READ_METHODS},
    "SmoothStreaming": False,
    "Compress": False,
    "LambdaFunctionAssociations": EMPTY,
    "FunctionAssociations": EMPTY,
    "FieldLevelEncryptionId": "",
    "GrpcConfig": {"Enabled": False},
}
DEFAULT_CERTIFICATE: dict[str, Any] = {
    "CloudFrontDefaultCertificate": True,
    "SSLSupportMethod": "vip",
    "MinimumProtocolVersion": "TLSv1",
    "CertificateSource": "cloudfront",
}


def items(holder: Mapping[str, Any] | None) -> list[Any]:
    """Return the items of CloudFront's `{"Quantity": n, "Items": [...]}`; none if it is absent."""
    return list((holder or {}).get("Items") or [])


def _behaviour(given: dict[str, Any]) -> dict[str, Any]:
    behaviour = BEHAVIOUR | given
    behaviour["AllowedMethods"] = {"CachedMethods": READ_METHODS} | behaviour["AllowedMethods"]
    return behaviour


def _origin(given: dict[str, Any]) -> dict[str, Any]:
    origin = ORIGIN | given
    if "CustomOriginConfig" in origin:
        origin["CustomOriginConfig"] = CUSTOM_ORIGIN | origin["CustomOriginConfig"]
    elif "S3OriginConfig" not in origin:
        origin["S3OriginConfig"] = {"OriginAccessIdentity": ""}
    return origin


def _certificate(given: dict[str, Any] | None) -> dict[str, Any]:
    if not given or given.get("CloudFrontDefaultCertificate"):
        return DEFAULT_CERTIFICATE | {
            key: value for key, value in (given or {}).items() if key == "MinimumProtocolVersion"
        }
    certificate = {"CloudFrontDefaultCertificate": False, "MinimumProtocolVersion": "TLSv1", **given}
    if arn := given.get("ACMCertificateArn"):
        # CloudFront repeats the ARN under its older name.
        certificate |= {"Certificate": arn, "CertificateSource": "acm"}
    return certificate


class DistributionConfig:
    """What CloudFront keeps of a configuration, each part under its AWS name as an attribute.

    Args:
        given: a `DistributionConfig` as a client sends it.
    """

    def __init__(self, given: dict[str, Any]) -> None:
        config = CONFIG | given
        config["Origins"] = {**given["Origins"], "Items": [_origin(origin) for origin in items(given["Origins"])]}
        config["DefaultCacheBehavior"] = _behaviour(given["DefaultCacheBehavior"])
        if behaviours := items(given.get("CacheBehaviors")):
            config["CacheBehaviors"] = {"Quantity": len(behaviours), "Items": [_behaviour(each) for each in behaviours]}
        config["ViewerCertificate"] = _certificate(given.get("ViewerCertificate"))
        config["Logging"] = CONFIG["Logging"] | config["Logging"]
        self.__dict__.update(config)
        # moto reads this one itself.
        self.caller_reference = config["CallerReference"]

    def __getattr__(self, name: str) -> Any:
        """Say that CloudFront has no such part; those it has are set."""
        raise AttributeError(name)

    @property
    def behaviours(self) -> list[dict[str, Any]]:
        """The default behaviour and the ordered ones."""
        return [self.DefaultCacheBehavior, *items(self.CacheBehaviors)]
