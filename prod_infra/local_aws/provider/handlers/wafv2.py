"""WAF: web ACLs, what they guard, and their logs."""

from __future__ import annotations

from typing import Any, Final

from prod_infra.local_aws.provider.handler import AutoName, Handler
from prod_infra.local_aws.provider.handlers.common import (
    absent_is_fine,
    compact,
    found,
    tag_changes,
    tag_list,
    tag_state,
    tags_of,
    wait_until,
)
from prod_infra.properties import Props

_GONE: Final = "WAFNonexistentItemException"

# AWS's names that are more than Pulumi's with an upper-case first letter; each is the same wherever it stands.
_NAMES: Final = {
    "arn": "ARN",
    "cloudwatchMetricsEnabled": "CloudWatchMetricsEnabled",
    "forwardedIpConfig": "ForwardedIPConfig",
    "ipSetForwardedIpConfig": "IPSetForwardedIPConfig",
    "ipSetReferenceStatement": "IPSetReferenceStatement",
}
_OURS: Final = {aws: ours for ours, aws in _NAMES.items()}


def _sent(value: Any) -> Any:
    """Return a structure as WAF takes it."""
    if isinstance(value, dict):
        return {
            _NAMES.get(key, key[:1].upper() + key[1:]): _sent(item) for key, item in value.items() if item is not None
        }
    return [_sent(item) for item in value] if isinstance(value, list) else value


def _shown(value: Any) -> Any:
    """Return a structure as Pulumi has it."""
    if isinstance(value, dict):
        return {
            _OURS.get(key, key[:1].lower() + key[1:]): _shown(item) for key, item in value.items() if item is not None
        }
    return [_shown(item) for item in value] if isinstance(value, list) else value


class WebAcl(Handler):
    """A web ACL with its rules. One with the scope CLOUDFRONT lives in us-east-1."""

    token = "aws:wafv2/webAcl:WebAcl"
    inputs = frozenset({"defaultAction", "description", "name", "rules", "scope", "tags", "visibilityConfig"})
    nested_inputs = {
        "defaultAction": frozenset({"allow", "block"}),
        "rules": frozenset(
            {"action", "name", "overrideAction", "priority", "ruleLabels", "statement", "visibilityConfig"}
        ),
        "visibilityConfig": frozenset({"cloudwatchMetricsEnabled", "metricName", "sampledRequestsEnabled"}),
    }
    replace_on = frozenset({"name", "scope"})
    set_inputs = frozenset({"rules"})
    outputs = frozenset({"applicationIntegrationUrl", "arn", "capacity", "lockToken", "tagsAll"})
    auto_name = AutoName(max_length=128)

    def faults(self, inputs: Props) -> dict[str, str]:
        """Refuse an ACL for CloudFront outside its region."""
        if inputs.get("scope") == "CLOUDFRONT" and self.clients.region != "us-east-1":
            return {"scope": f"CLOUDFRONT exists in us-east-1 alone, not in {self.clients.region}; give region"}
        return {}

    def _content(self, inputs: Props) -> dict[str, Any]:
        return compact(
            {
                "DefaultAction": _sent(inputs["defaultAction"]),
                "Description": inputs.get("description") or None,
                "Rules": _sent(inputs.get("rules") or []),
                "VisibilityConfig": _sent(inputs["visibilityConfig"]),
            }
        )

    def create(self, inputs: Props) -> str:
        """Create the web ACL."""
        answer = self.clients("wafv2").create_web_acl(
            Name=inputs["name"],
            Scope=inputs["scope"],
            **self._content(inputs),
            **compact({"Tags": tag_list(inputs.get("tags")) or None}),
        )
        return self.made(str(answer["Summary"]["Id"]))

    def _held(self, acl_id: str, state: Props) -> Any | None:
        return found(
            lambda: self.clients("wafv2").get_web_acl(Name=state["name"], Scope=state["scope"], Id=acl_id), _GONE
        )

    def read(self, resource_id: str, state: Props) -> Props | None:
        """Return the web ACL. The lock token is left out: it changes with every update, which would be drift."""
        said = self._held(resource_id, state)
        if said is None:
            return None
        acl = said["WebACL"]
        tags = self.clients("wafv2").list_tags_for_resource(ResourceARN=acl["ARN"])["TagInfoForResource"]["TagList"]
        return {
            "name": acl["Name"],
            "scope": state["scope"],
            "description": acl.get("Description", ""),
            "defaultAction": _shown(acl["DefaultAction"]),
            "rules": [_shown(rule) for rule in acl.get("Rules", ())],
            "visibilityConfig": _shown(acl["VisibilityConfig"]),
            "arn": acl["ARN"],
            "capacity": acl.get("Capacity", 0),
            "applicationIntegrationUrl": said.get("ApplicationIntegrationURL", ""),
            **tag_state(tags_of(tags)),
        }

    def update(self, resource_id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Put the rules as a whole, by the token of the last reading; set the tags."""
        wafv2 = self.clients("wafv2")
        if changed - {"tags"}:
            token = wafv2.get_web_acl(Name=old["name"], Scope=old["scope"], Id=resource_id)["LockToken"]
            wafv2.update_web_acl(
                Name=old["name"], Scope=old["scope"], Id=resource_id, LockToken=token, **self._content(new)
            )
        if "tags" in changed:
            to_set, to_remove = tag_changes(old.get("tags"), new.get("tags"))
            if to_remove:
                wafv2.untag_resource(ResourceARN=old["arn"], TagKeys=to_remove)
            if to_set:
                wafv2.tag_resource(ResourceARN=old["arn"], Tags=tag_list(to_set))

    def delete(self, resource_id: str, state: Props) -> None:
        """Delete the web ACL, once what it guarded has let go of it."""
        wafv2 = self.clients("wafv2")

        def gone() -> bool:
            said = self._held(resource_id, state)
            if said is None:
                return True
            with absent_is_fine(_GONE, "WAFAssociatedItemException", "WAFOptimisticLockException"):
                wafv2.delete_web_acl(
                    Name=state["name"], Scope=state["scope"], Id=resource_id, LockToken=said["LockToken"]
                )
            return self._held(resource_id, state) is None

        wait_until(f"the web ACL {state['name']} is gone", gone)

    def find(self, inputs: Props) -> str | None:
        """Return the ID of the web ACL of that name."""
        acls = self.clients("wafv2").list_web_acls(Scope=inputs["scope"])["WebACLs"]
        return next((str(acl["Id"]) for acl in acls if acl["Name"] == inputs["name"]), None)


class WebAclAssociation(Handler):
    """What a regional web ACL guards; a distribution names its ACL itself."""

    token = "aws:wafv2/webAclAssociation:WebAclAssociation"
    inputs = frozenset({"resourceArn", "webAclArn"})
    replace_on = inputs
    delete_before_replace = True

    def create(self, inputs: Props) -> str:
        """Put the ACL before the resource."""
        self.clients("wafv2").associate_web_acl(WebACLArn=inputs["webAclArn"], ResourceArn=inputs["resourceArn"])
        return self.made(f"{inputs['webAclArn']},{inputs['resourceArn']}")

    def read(self, resource_id: str, state: Props) -> Props | None:
        """Return the association if the resource has this ACL."""
        del state
        acl_arn, resource_arn = resource_id.split(",", 1)
        said = found(lambda: self.clients("wafv2").get_web_acl_for_resource(ResourceArn=resource_arn), _GONE)
        held = (said or {}).get("WebACL") or {}
        return {"webAclArn": acl_arn, "resourceArn": resource_arn} if held.get("ARN") == acl_arn else None

    def delete(self, resource_id: str, state: Props) -> None:
        """Take the ACL away from the resource."""
        del state
        with absent_is_fine(_GONE):
            self.clients("wafv2").disassociate_web_acl(ResourceArn=resource_id.split(",", 1)[1])

    def find(self, inputs: Props) -> str | None:
        """Return the association if the resource has this ACL."""
        resource_id = f"{inputs['webAclArn']},{inputs['resourceArn']}"
        return resource_id if self.read(resource_id, inputs) else None


class WebAclLoggingConfiguration(Handler):
    """Where a web ACL writes down the requests that it looked at."""

    token = "aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration"
    inputs = frozenset({"logDestinationConfigs", "redactedFields", "resourceArn"})
    nested_inputs = {"redactedFields": frozenset({"method", "queryString", "singleHeader", "uriPath"})}
    replace_on = frozenset({"resourceArn"})
    set_inputs = frozenset({"logDestinationConfigs", "redactedFields"})

    def _put(self, inputs: Props) -> None:
        configuration = compact(
            {
                "ResourceArn": inputs["resourceArn"],
                # CloudWatch Logs shows a group's ARN with `:*`, which WAF doesn't take.
                "LogDestinationConfigs": [arn.removesuffix(":*") for arn in inputs["logDestinationConfigs"]],
                "RedactedFields": _sent(inputs.get("redactedFields") or []) or None,
            }
        )
        self.clients("wafv2").put_logging_configuration(LoggingConfiguration=configuration)

    def create(self, inputs: Props) -> str:
        """Turn the logs on."""
        self._put(inputs)
        return self.made(str(inputs["resourceArn"]))

    def read(self, resource_id: str, state: Props) -> Props | None:
        """Return destination and what is left out of the logs."""
        del state
        said = found(lambda: self.clients("wafv2").get_logging_configuration(ResourceArn=resource_id), _GONE)
        held = said and said["LoggingConfiguration"]
        return held and {
            "resourceArn": resource_id,
            "logDestinationConfigs": held["LogDestinationConfigs"],
            "redactedFields": _shown(held.get("RedactedFields", [])),
        }

    def update(self, resource_id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Put the configuration as a whole."""
        del resource_id, old, changed
        self._put(new)

    def delete(self, resource_id: str, state: Props) -> None:
        """Turn the logs off."""
        del state
        with absent_is_fine(_GONE):
            self.clients("wafv2").delete_logging_configuration(ResourceArn=resource_id)

    def find(self, inputs: Props) -> str | None:
        """Return the ACL's ARN if it writes logs."""
        return str(inputs["resourceArn"]) if self.read(inputs["resourceArn"], inputs) else None


HANDLERS: tuple[type[Handler], ...] = (WebAcl, WebAclAssociation, WebAclLoggingConfiguration)
