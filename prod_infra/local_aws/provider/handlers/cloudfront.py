"""CloudFront distributions, and the access controls with which they read buckets."""

from __future__ import annotations

import uuid
from typing import Any, Final

from prod_infra.local_aws import ACCOUNT_ID
from prod_infra.local_aws.provider.handler import AutoName
from prod_infra.local_aws.provider.handlers.cloudfront_function import CloudFrontHandler
from prod_infra.local_aws.provider.handlers.cloudfront_shapes import (
    DISTRIBUTION,
    from_config,
    nested,
    to_config,
    unordered,
)
from prod_infra.local_aws.provider.handlers.common import (
    absent_is_fine,
    compact,
    found,
    tag_list,
    wait_until,
)
from prod_infra.properties import Props

# The same for every distribution: https://docs.aws.amazon.com/general/latest/gr/cf_region.html
HOSTED_ZONE_ID: Final = "Z2FDTNDATAQYW2"


class OriginAccessControl(CloudFrontHandler):
    """How CloudFront signs its requests to an origin."""

    token = "aws:cloudfront/originAccessControl:OriginAccessControl"
    fields = {
        "description": "Description",
        "name": "Name",
        "originAccessControlOriginType": "OriginAccessControlOriginType",
        "signingBehavior": "SigningBehavior",
        "signingProtocol": "SigningProtocol",
    }
    inputs = frozenset(fields)
    defaults = {"description": "Managed by Pulumi"}
    outputs = frozenset({"arn", "etag"})
    auto_name = AutoName(max_length=64)
    not_found = "NoSuchOriginAccessControl"

    def create(self, inputs: Props) -> str:
        """Create the access control."""
        answer = self.clients("cloudfront").create_origin_access_control(OriginAccessControlConfig=self._config(inputs))
        return str(answer["OriginAccessControl"]["Id"])

    def _config(self, inputs: Props) -> dict[str, Any]:
        return compact({key: inputs.get(name) for name, key in self.fields.items()})

    def _described(self, resource_id: str) -> dict[str, Any] | None:
        said = found(lambda: self.clients("cloudfront").get_origin_access_control(Id=resource_id), self.not_found)
        return dict(said) if said else None

    def read(self, resource_id: str, state: Props) -> Props | None:
        """Return the access control."""
        del state
        said = self._described(resource_id)
        if said is None:
            return None
        config = said["OriginAccessControl"]["OriginAccessControlConfig"]
        return {
            **{name: config.get(key) for name, key in self.fields.items()},
            "arn": f"arn:aws:cloudfront::{ACCOUNT_ID}:origin-access-control/{resource_id}",
            "etag": said["ETag"],
        }

    def find(self, inputs: Props) -> str | None:
        """Return the access control with this name, which AWS allows only once."""
        said = self.clients("cloudfront").list_origin_access_controls()["OriginAccessControlList"]
        ids = [item["Id"] for item in said.get("Items", []) if item["Name"] == inputs["name"]]
        return str(ids[0]) if ids else None

    def update(self, resource_id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Put the new configuration in the place of the old."""
        del old, changed
        said = self.clients("cloudfront").get_origin_access_control(Id=resource_id)
        self.clients("cloudfront").update_origin_access_control(
            Id=resource_id, IfMatch=said["ETag"], OriginAccessControlConfig=self._config(new)
        )

    def delete(self, resource_id: str, state: Props) -> None:
        """Delete the access control, which no distribution may use."""
        del state
        with absent_is_fine(self.not_found):
            etag = self.clients("cloudfront").get_origin_access_control(Id=resource_id)["ETag"]
            self.clients("cloudfront").delete_origin_access_control(Id=resource_id, IfMatch=etag)


class Distribution(CloudFrontHandler):
    """A distribution, waited for until it is deployed at every edge."""

    token = "aws:cloudfront/distribution:Distribution"
    inputs = frozenset({*DISTRIBUTION, "retainOnDelete", "tags", "waitForDeployment"})
    nested_inputs = nested()
    defaults = {
        "httpVersion": "http2",
        "priceClass": "PriceClass_All",
        "retainOnDelete": False,
        "waitForDeployment": True,
    }
    when_absent = {
        "origins": [{"connectionAttempts": 3, "connectionTimeout": 10}],
        "viewerCertificate": {"minimumProtocolVersion": "TLSv1"},
    }
    set_inputs = unordered()
    write_only = frozenset({"retainOnDelete", "waitForDeployment"})
    outputs = frozenset(
        {
            "arn",
            "callerReference",
            "domainName",
            "etag",
            "hostedZoneId",
            "lastModifiedTime",
            "origins.customOriginConfig.originKeepaliveTimeout",
            "origins.customOriginConfig.originReadTimeout",
            "status",
            "tagsAll",
            "viewerCertificate.sslSupportMethod",
        }
    )
    not_found = "NoSuchDistribution"

    def faults(self, inputs: Props) -> dict[str, str]:
        """Every behaviour names an origin, or a group of origins, of the distribution."""
        origins = {
            item["originId"]
            for name in ("origins", "originGroups")
            for item in inputs.get(name) or ()
            if isinstance(item, dict)
        }
        behaviours = {"defaultCacheBehavior": inputs.get("defaultCacheBehavior")}
        for index, item in enumerate(inputs.get("orderedCacheBehaviors") or ()):
            behaviours[f"orderedCacheBehaviors[{index}]"] = item
        return {
            f"{path}.targetOriginId": f"there is no origin with the ID {behaviour['targetOriginId']!r}"
            for path, behaviour in behaviours.items()
            if isinstance(behaviour, dict)
            and isinstance(behaviour.get("targetOriginId"), str)
            and all(isinstance(origin, str) for origin in origins)
            and behaviour["targetOriginId"] not in origins
        }

    def _config(self, inputs: Props, reference: str) -> dict[str, Any]:
        config = {"Comment": "", **to_config(inputs), "CallerReference": reference}
        for origin in config["Origins"]["Items"]:
            if "CustomOriginConfig" not in origin:
                # Also an origin that is read with an access control needs this, empty.
                origin.setdefault("S3OriginConfig", {"OriginAccessIdentity": ""})
        if "Logging" in config:
            config["Logging"] = {"Enabled": True, "IncludeCookies": False, "Prefix": "", **config["Logging"]}
        return config

    def create(self, inputs: Props) -> str:
        """Create the distribution and wait until it is deployed."""
        tags = {"Items": tag_list(inputs.get("tags"))}
        answer = self.clients("cloudfront").create_distribution_with_tags(
            DistributionConfigWithTags={
                "DistributionConfig": self._config(inputs, f"pulumi-{uuid.uuid4()}"),
                "Tags": tags,
            }
        )
        distribution_id = self.made(answer["Distribution"]["Id"])
        self.complete(distribution_id, inputs)
        return distribution_id

    def complete(self, resource_id: str, inputs: Props) -> None:
        """Wait until the distribution is deployed, where the program wants that."""
        self._wait(resource_id, inputs)

    def _wait(self, distribution_id: str, inputs: Props) -> None:
        if inputs.get("waitForDeployment") is False:
            return

        def deployed() -> bool:
            said = self._described(distribution_id)
            return said is not None and said["Distribution"]["Status"] == "Deployed"

        # https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/HowToUpdateDistribution.html: minutes.
        wait_until(f"distribution {distribution_id} is deployed", deployed, seconds=1800)

    def _described(self, resource_id: str) -> dict[str, Any] | None:
        said = found(lambda: self.clients("cloudfront").get_distribution(Id=resource_id), self.not_found)
        return dict(said) if said else None

    def read(self, resource_id: str, state: Props) -> Props | None:
        """Return the distribution with its whole configuration."""
        said = self._described(resource_id)
        if said is None:
            return None
        distribution = said["Distribution"]
        config = distribution["DistributionConfig"]
        shown = from_config(config)
        if not config.get("Logging", {}).get("Enabled"):
            shown.pop("loggingConfig", None)
        return {
            **shown,
            "retainOnDelete": bool(state.get("retainOnDelete")),
            "waitForDeployment": state.get("waitForDeployment", True),
            "arn": distribution["ARN"],
            "callerReference": config["CallerReference"],
            "domainName": distribution["DomainName"],
            "etag": said["ETag"],
            "hostedZoneId": HOSTED_ZONE_ID,
            "lastModifiedTime": str(distribution["LastModifiedTime"]),
            "status": distribution["Status"],
            **self.tags(distribution["ARN"]),
        }

    def find(self, inputs: Props) -> str | None:
        """Return the only distribution with these aliases, this comment and these tags."""
        fitting = []
        for page in self.clients("cloudfront").get_paginator("list_distributions").paginate():
            for item in page["DistributionList"].get("Items", []):
                same_aliases = set(item["Aliases"].get("Items") or ()) == set(inputs.get("aliases") or ())
                if not same_aliases or item["Comment"] != (inputs.get("comment") or ""):
                    continue
                if self.tags(item["ARN"])["tags"] == (inputs.get("tags") or {}):
                    fitting.append(str(item["Id"]))
        return fitting[0] if len(fitting) == 1 else None

    def update(self, resource_id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Put the new configuration in the place of the old, and wait; set the tags."""
        if changed - {"retainOnDelete", "tags", "waitForDeployment"}:
            cloudfront = self.clients("cloudfront")
            said = cloudfront.get_distribution_config(Id=resource_id)
            config = self._config(new, said["DistributionConfig"]["CallerReference"])
            cloudfront.update_distribution(Id=resource_id, IfMatch=said["ETag"], DistributionConfig=config)
            self._wait(resource_id, new)
        self.update_tags(old["arn"], old, new)

    def delete(self, resource_id: str, state: Props) -> None:
        """Disable the distribution, wait until no edge serves it, and delete it; `retainOnDelete` only disables."""
        cloudfront = self.clients("cloudfront")
        with absent_is_fine(self.not_found):
            said = cloudfront.get_distribution_config(Id=resource_id)
            etag = said["ETag"]
            if said["DistributionConfig"]["Enabled"]:
                etag = cloudfront.update_distribution(
                    Id=resource_id,
                    IfMatch=etag,
                    DistributionConfig={**said["DistributionConfig"], "Enabled": False},
                )["ETag"]
            if not state.get("retainOnDelete"):
                self._wait(resource_id, {})
                cloudfront.delete_distribution(Id=resource_id, IfMatch=etag)


HANDLERS = (OriginAccessControl, Distribution)
