"""The AppSpec of an ECS deployment: read, and checked against the task definitions that there are.

Follows https://docs.aws.amazon.com/codedeploy/latest/userguide/reference-appspec-file-structure-resources.html and
`…-hooks.html`. When AWS finds a bad task definition is not documented; here it is refused at once.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import yaml
from moto.core.exceptions import JsonRESTError
from moto.ecs.models import ecs_backends

EVENTS: Final = (
    "BeforeInstall",
    "Install",
    "AfterInstall",
    "AllowTestTraffic",
    "AfterAllowTestTraffic",
    "BeforeAllowTraffic",
    "AllowTraffic",
    "AfterAllowTraffic",
)
"""Lifecycle events of an ECS deployment, in their order."""

HOOKABLE: Final = frozenset(EVENTS) - {"Install", "AllowTestTraffic", "AllowTraffic"}


@dataclass(frozen=True, kw_only=True)
class AppSpec:
    """What to deploy.

    Attributes:
        content: the AppSpec as it was given.
        task_definition: ARN of an active revision.
        container: name of the container behind the load balancer.
        port: its port.
        platform_version: of Fargate; empty for the service's.
        network: ECS's `networkConfiguration`; empty for the service's.
        hooks: by lifecycle event, name or ARN of a Lambda function.
    """

    content: str
    task_definition: str
    container: str
    port: int
    platform_version: str
    network: Mapping[str, Any]
    hooks: Mapping[str, str]

    @property
    def sha256(self) -> str:
        """Hash of the content, by which CodeDeploy knows the revision."""
        return hashlib.sha256(self.content.encode()).hexdigest()

    @property
    def family(self) -> str:
        """Family of the task definition."""
        return self.task_definition.rpartition("/")[2].partition(":")[0]

    @property
    def revision(self) -> int:
        """Revision of the task definition."""
        return int(self.task_definition.rpartition(":")[2])

    @property
    def location(self) -> dict[str, Any]:
        """The revision as answers have it: AWS leaves out the content."""
        return {"revisionType": "AppSpecContent", "appSpecContent": {"sha256": self.sha256}}


def _refuse(message: str) -> JsonRESTError:
    return JsonRESTError("InvalidRevisionException", message)


def content_for(task_definition: str, container: str, port: int) -> str:
    """Return the AppSpec that deploys a task definition as it is."""
    properties = {
        "TaskDefinition": task_definition,
        "LoadBalancerInfo": {"ContainerName": container, "ContainerPort": port},
    }
    service = {"Type": "AWS::ECS::Service", "Properties": properties}
    return json.dumps({"version": 0.0, "Resources": [{"TargetService": service}]})


def from_revision(revision: Mapping[str, Any], account: str, region: str) -> AppSpec:
    """Return the AppSpec in a revision.

    Args:
        revision: CodeDeploy's `RevisionLocation`; ECS takes `AppSpecContent`, here no other.
        account: account ID.
        region: AWS region.

    Raises:
        JsonRESTError: InvalidRevisionException, with what is wrong.
    """
    given = revision.get("appSpecContent") or revision.get("string") or {}
    if revision.get("revisionType") not in ("AppSpecContent", "String") or not given.get("content"):
        raise _refuse("For ECS deployment group, revision has to be specified with AppSpecContent")
    content = str(given["content"])
    if given.get("sha256") and given["sha256"] != hashlib.sha256(content.encode()).hexdigest():
        raise _refuse("The SHA256 hash value provided does not match the content of the AppSpec file")
    return parse(content, account, region)


def parse(content: str, account: str, region: str) -> AppSpec:
    """Return an AppSpec from its JSON or YAML.

    Raises:
        JsonRESTError: InvalidRevisionException, with what is wrong.
    """
    try:
        document = yaml.safe_load(content)  # JSON is YAML
    except yaml.YAMLError as error:
        raise _refuse(f"The AppSpec file cannot be parsed: {error}") from error
    if not isinstance(document, Mapping):
        raise _refuse("The AppSpec file is not a mapping")
    members = {str(key).lower(): value for key, value in document.items()}
    if str(members.get("version")) != "0.0":
        raise _refuse("The AppSpec file's version must be 0.0")
    properties = _properties(members.get("resources"))
    balancer = properties.get("LoadBalancerInfo") or {}
    container, port = balancer.get("ContainerName"), balancer.get("ContainerPort")
    if not container or not isinstance(port, int):
        raise _refuse("LoadBalancerInfo must be specified with ContainerName and ContainerPort")
    definition = _definition(properties.get("TaskDefinition"), account, region)
    ports = {
        each["name"]: {mapping["containerPort"] for mapping in each.get("portMappings") or ()}
        for each in definition.container_definitions
    }
    if container not in ports:
        raise _refuse(f"The container {container} does not exist in the task definition {definition.arn}.")
    if port not in ports[container]:
        raise _refuse(f"The container {container} did not have a container port {port} defined.")
    return AppSpec(
        content=content,
        task_definition=definition.arn,
        container=container,
        port=port,
        platform_version=str(properties.get("PlatformVersion") or ""),
        network=_network(properties.get("NetworkConfiguration") or {}),
        hooks=_hooks(members.get("hooks") or []),
    )


def _properties(resources: Any) -> Mapping[str, Any]:
    services = [
        each["TargetService"] for each in resources or () if isinstance(each, Mapping) and "TargetService" in each
    ]
    if not isinstance(resources, list) or len(services) != 1 or not isinstance(services[0], Mapping):
        raise _refuse("Exactly one target service must be specified")
    if services[0].get("Type") != "AWS::ECS::Service":
        raise _refuse("The target service's Type must be AWS::ECS::Service")
    properties = services[0].get("Properties")
    if not isinstance(properties, Mapping) or not properties.get("TaskDefinition"):
        raise _refuse("For ECS deployment group, revision has to be specified with TaskDefinition")
    return properties


def _definition(name: Any, account: str, region: str) -> Any:
    held = ecs_backends[account][region].task_definitions
    family, _, revision = str(name).rpartition("/")[2].partition(":")
    definition = held.get(family, {}).get(int(revision)) if revision.isdecimal() else None
    if definition is None or definition.status != "ACTIVE" or (str(name).startswith("arn:") and name != definition.arn):
        raise _refuse(f"The task definition {name} does not exist or is not ACTIVE")
    return definition


def _network(given: Mapping[str, Any]) -> dict[str, Any]:
    found = {str(key).lower(): value for key, value in given.items()}.get("awsvpcconfiguration")
    if not found:
        return {}
    members = {f"{key[0].lower()}{key[1:]}": value for key, value in found.items()}
    return {"awsvpcConfiguration": members}


def _hooks(given: Any) -> dict[str, str]:
    hooks: dict[str, str] = {}
    for each in given if isinstance(given, list) else [given]:
        if not isinstance(each, Mapping):
            raise _refuse("Each of Hooks must be a lifecycle event with a Lambda function")
        hooks |= {str(event): str(function) for event, function in each.items()}
    if unknown := sorted(hooks.keys() - HOOKABLE):
        raise _refuse(f"Unknown lifecycle event in Hooks: {', '.join(unknown)}")
    return hooks
