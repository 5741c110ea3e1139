"""Listeners of load balancers, and their rules."""

from __future__ import annotations

from typing import Any, Final

from prod_infra.local_aws.provider.handlers.common import absent_is_fine, found
from prod_infra.local_aws.provider.handlers.elb_common import (
    ElbHandler,
    actions_inputs,
    actions_outputs,
    from_actions,
    to_actions,
)
from prod_infra.properties import Props

_TLS: Final = frozenset({"HTTPS", "TLS"})


class Listener(ElbHandler):
    """A port of a load balancer, and what is done with a request that no rule takes."""

    token = "aws:lb/listener:Listener"
    # https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_ListenerAttribute.html
    attributes = {
        "routingHttpResponseContentSecurityPolicyHeaderValue": (
            "routing.http.response.content_security_policy.header_value",
            "",
        ),
        "routingHttpResponseServerEnabled": ("routing.http.response.server.enabled", True),
        "routingHttpResponseStrictTransportSecurityHeaderValue": (
            "routing.http.response.strict_transport_security.header_value",
            "",
        ),
        "routingHttpResponseXContentTypeOptionsHeaderValue": (
            "routing.http.response.x_content_type_options.header_value",
            "",
        ),
        "routingHttpResponseXFrameOptionsHeaderValue": ("routing.http.response.x_frame_options.header_value", ""),
    }
    inputs = frozenset(
        {"certificateArn", "defaultActions", "loadBalancerArn", "port", "protocol", "sslPolicy", "tags", *attributes}
    )
    nested_inputs = actions_inputs("defaultActions")
    replace_on = frozenset({"loadBalancerArn"})
    when_absent = {"routingHttpResponseServerEnabled": True}
    outputs = frozenset({"arn", "protocol", "sslPolicy", "tagsAll"}) | actions_outputs("defaultActions")

    def create(self, inputs: Props) -> str:
        """Create the listener and set its attributes."""
        answer = self.clients("elbv2").create_listener(
            LoadBalancerArn=inputs["loadBalancerArn"], **self._settings(inputs), **self.tagging(inputs)
        )
        arn = self.made(answer["Listeners"][0]["ListenerArn"])
        self._set(arn, inputs, frozenset(name for name, value in inputs.items() if value is not None))
        return arn

    def _settings(self, inputs: Props) -> dict[str, Any]:
        if not inputs.get("protocol") and ":loadbalancer/app/" in inputs["loadBalancerArn"]:
            inputs = {**inputs, "protocol": "HTTP"}  # as pulumi-aws does
        certificate = inputs.get("certificateArn")
        return {
            **self.arguments(inputs, {"port": "Port", "protocol": "Protocol", "sslPolicy": "SslPolicy"}),
            **({"Certificates": [{"CertificateArn": certificate}]} if certificate else {}),
            "DefaultActions": to_actions(inputs["defaultActions"]),
        }

    def _set(self, arn: str, inputs: Props, names: frozenset[str]) -> None:
        if sent := self.to_attributes(inputs, names):
            self.clients("elbv2").modify_listener_attributes(ListenerArn=arn, Attributes=sent)

    def read(self, resource_id: str, state: Props) -> Props | None:
        """Return the listener with its default actions."""
        elb = self.clients("elbv2")
        said = found(lambda: elb.describe_listeners(ListenerArns=[resource_id]), "ListenerNotFound")
        if not said or not said["Listeners"]:
            return None
        listener = said["Listeners"][0]
        tls = listener.get("Protocol") in _TLS
        certificates = listener.get("Certificates") or [{}]
        attributes = elb.describe_listener_attributes(ListenerArn=resource_id)["Attributes"]
        return {
            **self.from_attributes(attributes),
            "certificateArn": certificates[0].get("CertificateArn"),
            "defaultActions": from_actions(listener["DefaultActions"], state.get("defaultActions")),
            "loadBalancerArn": listener["LoadBalancerArn"],
            "port": listener.get("Port"),
            "protocol": listener.get("Protocol"),
            "sslPolicy": listener.get("SslPolicy") if tls else None,
            "arn": resource_id,
            **self.tags(resource_id),
        }

    def find(self, inputs: Props) -> str | None:
        """Return the load balancer's listener on this port."""
        said = found(
            lambda: self.clients("elbv2").describe_listeners(LoadBalancerArn=inputs["loadBalancerArn"]),
            "LoadBalancerNotFound",
        )
        arns = [item["ListenerArn"] for item in (said or {}).get("Listeners", []) if item["Port"] == inputs["port"]]
        return str(arns[0]) if arns else None

    def update(self, resource_id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Change the listener in one call; set attributes and tags."""
        if changed & {"certificateArn", "defaultActions", "port", "protocol", "sslPolicy"}:
            self.clients("elbv2").modify_listener(ListenerArn=resource_id, **self._settings(new))
        self._set(resource_id, new, changed)
        self.update_tags(resource_id, old, new)

    def delete(self, resource_id: str, state: Props) -> None:
        """Delete the listener with its rules."""
        del state
        with absent_is_fine("ListenerNotFound"):
            self.clients("elbv2").delete_listener(ListenerArn=resource_id)


# Pulumi's condition -> AWS's field and the key of its settings.
_FIELDS: Final = {
    "hostHeader": ("host-header", "HostHeaderConfig"),
    "httpRequestMethod": ("http-request-method", "HttpRequestMethodConfig"),
    "pathPattern": ("path-pattern", "PathPatternConfig"),
    "sourceIp": ("source-ip", "SourceIpConfig"),
}


def _to_conditions(conditions: list[Props]) -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []
    for condition in conditions:
        for name, (field, key) in _FIELDS.items():
            if condition.get(name):
                sent.append({"Field": field, key: {"Values": condition[name]["values"]}})
        if header := condition.get("httpHeader"):
            config = {"HttpHeaderName": header["httpHeaderName"], "Values": header["values"]}
            sent.append({"Field": "http-header", "HttpHeaderConfig": config})
        if queries := condition.get("queryStrings"):
            values = [{key.capitalize(): text for key, text in query.items()} for query in queries]
            sent.append({"Field": "query-string", "QueryStringConfig": {"Values": values}})
    return sent


def _from_conditions(conditions: list[dict[str, Any]]) -> list[Props]:
    shown: list[Props] = []
    for condition in conditions:
        for name, (field, key) in _FIELDS.items():
            if condition["Field"] == field:
                values = condition.get(key, {}).get("Values") or condition.get("Values", [])
                shown.append({name: {"values": values}})
        if condition["Field"] == "http-header":
            config = condition["HttpHeaderConfig"]
            shown.append({"httpHeader": {"httpHeaderName": config["HttpHeaderName"], "values": config["Values"]}})
        if condition["Field"] == "query-string":
            queries = condition["QueryStringConfig"]["Values"]
            shown.append({"queryStrings": [{key.lower(): text for key, text in query.items()} for query in queries]})
    return shown


class ListenerRule(ElbHandler):
    """What a listener does with requests that meet all conditions."""

    token = "aws:lb/listenerRule:ListenerRule"
    inputs = frozenset({"actions", "conditions", "listenerArn", "priority", "tags"})
    nested_inputs = {
        **actions_inputs("actions"),
        "conditions": frozenset({*_FIELDS, "httpHeader", "queryStrings"}),
        "conditions.httpHeader": frozenset({"httpHeaderName", "values"}),
        "conditions.queryStrings": frozenset({"key", "value"}),
        **{f"conditions.{name}": frozenset({"values"}) for name in _FIELDS},
    }
    replace_on = frozenset({"listenerArn"})
    set_inputs = frozenset(
        {"conditions", "conditions.queryStrings", *(f"conditions.{name}.values" for name in (*_FIELDS, "httpHeader"))}
    )
    outputs = frozenset({"arn", "priority", "tagsAll"}) | actions_outputs("actions")

    def create(self, inputs: Props) -> str:
        """Create the rule; without a priority it comes after all others."""
        elb = self.clients("elbv2")
        priority = inputs.get("priority")
        if priority is None:
            rules = elb.describe_rules(ListenerArn=inputs["listenerArn"])["Rules"]
            priority = 1 + max((int(rule["Priority"]) for rule in rules if rule["Priority"].isdigit()), default=0)
        answer = elb.create_rule(
            ListenerArn=inputs["listenerArn"],
            Priority=priority,
            Conditions=_to_conditions(inputs["conditions"]),
            Actions=to_actions(inputs["actions"]),
            **self.tagging(inputs),
        )
        return str(answer["Rules"][0]["RuleArn"])

    def read(self, resource_id: str, state: Props) -> Props | None:
        """Return the rule."""
        said = found(lambda: self.clients("elbv2").describe_rules(RuleArns=[resource_id]), "RuleNotFound")
        if not said or not said["Rules"]:
            return None
        rule = said["Rules"][0]
        return {
            "actions": from_actions(rule["Actions"], state.get("actions")),
            "conditions": _from_conditions(rule["Conditions"]),
            "listenerArn": resource_id.replace(":listener-rule/", ":listener/").rpartition("/")[0],
            "priority": int(rule["Priority"]),
            "arn": resource_id,
            **self.tags(resource_id),
        }

    def find(self, inputs: Props) -> str | None:
        """Return the listener's rule of this priority."""
        said = found(
            lambda: self.clients("elbv2").describe_rules(ListenerArn=inputs["listenerArn"]), "ListenerNotFound"
        )
        for rule in (said or {}).get("Rules", []):
            if rule["Priority"] == str(inputs.get("priority")):
                return str(rule["RuleArn"])
        return None

    def update(self, resource_id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Change priority, conditions, actions and tags."""
        elb = self.clients("elbv2")
        if "priority" in changed:
            elb.set_rule_priorities(RulePriorities=[{"RuleArn": resource_id, "Priority": new["priority"]}])
        if changed & {"actions", "conditions"}:
            elb.modify_rule(
                RuleArn=resource_id,
                Conditions=_to_conditions(new["conditions"]),
                Actions=to_actions(new["actions"]),
            )
        self.update_tags(resource_id, old, new)

    def delete(self, resource_id: str, state: Props) -> None:
        """Delete the rule."""
        del state
        with absent_is_fine("RuleNotFound"):
            self.clients("elbv2").delete_rule(RuleArn=resource_id)


HANDLERS = (Listener, ListenerRule)
