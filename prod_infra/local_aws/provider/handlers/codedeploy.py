"""CodeDeploy applications and deployment groups."""

from __future__ import annotations

from typing import Any

from prod_infra.local_aws.provider.handler import AutoName, Handler
from prod_infra.local_aws.provider.handlers.common import (
    absent_is_fine,
    compact,
    found,
    tag_changes,
    tag_list,
    tag_state,
    tags_of,
)
from prod_infra.properties import Props

_NO_APPLICATION = "ApplicationDoesNotExistException"
_NO_GROUP = "DeploymentGroupDoesNotExistException"


class _Tagged(Handler):
    """What applications and groups share: an ARN that is put together here, and tags on it."""

    def _codedeploy_arn(self, resource: str) -> str:
        client = self.clients("codedeploy")
        account = self.clients("sts").get_caller_identity()["Account"]
        return f"arn:{client.meta.partition}:codedeploy:{client.meta.region_name}:{account}:{resource}"

    def _tags(self, arn: str) -> dict[str, str]:
        return tags_of(self.clients("codedeploy").list_tags_for_resource(ResourceArn=arn)["Tags"])

    def _set_tags(self, old: Props, new: Props) -> None:
        to_set, to_remove = tag_changes(old.get("tags"), new.get("tags"))
        client = self.clients("codedeploy")
        if to_remove:
            client.untag_resource(ResourceArn=old["arn"], TagKeys=to_remove)
        if to_set:
            client.tag_resource(ResourceArn=old["arn"], Tags=tag_list(to_set))


class Application(_Tagged):
    """An application: a name for deployment groups. Its ID is `application ID:name`."""

    token = "aws:codedeploy/application:Application"
    inputs = frozenset({"computePlatform", "name", "tags"})
    replace_on = frozenset({"computePlatform"})
    defaults = {"computePlatform": "Server"}
    outputs = frozenset({"applicationId", "arn", "githubAccountName", "linkedToGithub", "tagsAll"})
    auto_name = AutoName(max_length=100)

    def create(self, inputs: Props) -> str:
        """Create the application."""
        answer = self.clients("codedeploy").create_application(
            applicationName=inputs["name"],
            computePlatform=inputs["computePlatform"],
            tags=tag_list(inputs.get("tags")),
        )
        return self.made(f"{answer['applicationId']}:{inputs['name']}")

    def _application(self, name: str) -> Any | None:
        answer = found(lambda: self.clients("codedeploy").get_application(applicationName=name), _NO_APPLICATION)
        return answer and answer["application"]

    def read(self, resource_id: str, state: Props) -> Props | None:
        """Return the application."""
        held = self._application(state.get("name") or resource_id.split(":", 1)[-1])
        if held is None:
            return None
        arn = self._codedeploy_arn(f"application:{held['applicationName']}")
        return {
            "name": held["applicationName"],
            "computePlatform": held["computePlatform"],
            "applicationId": held["applicationId"],
            "arn": arn,
            "githubAccountName": held.get("gitHubAccountName", ""),
            "linkedToGithub": bool(held.get("linkedToGitHub")),
            **tag_state(self._tags(arn)),
        }

    def update(self, resource_id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Rename it, and set its tags."""
        del resource_id
        if "name" in changed:
            self.clients("codedeploy").update_application(applicationName=old["name"], newApplicationName=new["name"])
            old = {**old, "arn": self._codedeploy_arn(f"application:{new['name']}")}
        if "tags" in changed:
            self._set_tags(old, new)

    def delete(self, resource_id: str, state: Props) -> None:
        """Delete the application with its groups."""
        del resource_id
        with absent_is_fine(_NO_APPLICATION):
            self.clients("codedeploy").delete_application(applicationName=state["name"])

    def find(self, inputs: Props) -> str | None:
        """Return the ID of the application of that name."""
        held = self._application(inputs["name"])
        return held and f"{held['applicationId']}:{held['applicationName']}"


class DeploymentGroup(_Tagged):
    """Where and how an application is deployed. Its ID is CodeDeploy's own."""

    token = "aws:codedeploy/deploymentGroup:DeploymentGroup"
    inputs = frozenset(
        {
            "alarmConfiguration",
            "appName",
            "autoRollbackConfiguration",
            "blueGreenDeploymentConfig",
            "deploymentConfigName",
            "deploymentGroupName",
            "deploymentStyle",
            "ecsService",
            "loadBalancerInfo",
            "outdatedInstancesStrategy",
            "serviceRoleArn",
            "tags",
            "terminationHookEnabled",
            "triggerConfigurations",
        }
    )
    nested_inputs = {
        "alarmConfiguration": frozenset({"alarms", "enabled", "ignorePollAlarmFailure"}),
        "autoRollbackConfiguration": frozenset({"enabled", "events"}),
        "blueGreenDeploymentConfig": frozenset(
            {"deploymentReadyOption", "greenFleetProvisioningOption", "terminateBlueInstancesOnDeploymentSuccess"}
        ),
        "deploymentStyle": frozenset({"deploymentOption", "deploymentType"}),
        "ecsService": frozenset({"clusterName", "serviceName"}),
        "loadBalancerInfo": frozenset({"elbInfos", "targetGroupInfos", "targetGroupPairInfo"}),
        "loadBalancerInfo.targetGroupPairInfo": frozenset({"prodTrafficRoute", "targetGroups", "testTrafficRoute"}),
    }
    defaults = {"deploymentConfigName": "CodeDeployDefault.OneAtATime", "outdatedInstancesStrategy": "UPDATE"}
    set_inputs = frozenset({"triggerConfigurations", "alarmConfiguration.alarms", "autoRollbackConfiguration.events"})
    outputs = frozenset(
        {"arn", "blueGreenDeploymentConfig", "computePlatform", "deploymentGroupId", "deploymentStyle", "tagsAll"}
    )

    def create(self, inputs: Props) -> str:
        """Create the group."""
        answer = self.clients("codedeploy").create_deployment_group(
            applicationName=inputs["appName"],
            deploymentGroupName=inputs["deploymentGroupName"],
            tags=tag_list(inputs.get("tags")),
            **_settings(inputs),
        )
        return self.made(str(answer["deploymentGroupId"]))

    def _group(self, application: str, name: str) -> Any | None:
        answer = found(
            lambda: self.clients("codedeploy").get_deployment_group(
                applicationName=application, deploymentGroupName=name
            ),
            _NO_APPLICATION,
            _NO_GROUP,
        )
        return answer and answer["deploymentGroupInfo"]

    def read(self, resource_id: str, state: Props) -> Props | None:
        """Return the group; `appName` and `deploymentGroupName` come from the state, the ID holds neither."""
        del resource_id
        held = self._group(state["appName"], state["deploymentGroupName"])
        if held is None:
            return None
        arn = self._codedeploy_arn(f"deploymentgroup:{held['applicationName']}/{held['deploymentGroupName']}")
        alarms = held.get("alarmConfiguration") or {}
        rollback = held.get("autoRollbackConfiguration") or {}
        return {
            "appName": held["applicationName"],
            "deploymentGroupName": held["deploymentGroupName"],
            "deploymentGroupId": held["deploymentGroupId"],
            "arn": arn,
            "deploymentConfigName": held["deploymentConfigName"],
            "serviceRoleArn": held["serviceRoleArn"],
            "terminationHookEnabled": bool(held.get("terminationHookEnabled")),
            "triggerConfigurations": held.get("triggerConfigurations", []),
            **compact(
                {
                    "alarmConfiguration": alarms
                    and {**alarms, "alarms": [alarm["name"] for alarm in alarms.get("alarms", ())]},
                    "autoRollbackConfiguration": rollback or None,
                    "blueGreenDeploymentConfig": held.get("blueGreenDeploymentConfiguration") or None,
                    "computePlatform": held.get("computePlatform"),
                    "deploymentStyle": held.get("deploymentStyle") or None,
                    "ecsService": next(iter(held.get("ecsServices", ())), None),
                    "loadBalancerInfo": _load_balancer_state(held.get("loadBalancerInfo") or {}) or None,
                    "outdatedInstancesStrategy": held.get("outdatedInstancesStrategy"),
                }
            ),
            **tag_state(self._tags(arn)),
        }

    def update(self, resource_id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Set everything but the application, which pulumi-aws lets change only with the names."""
        del resource_id
        if changed - {"tags"}:
            self.clients("codedeploy").update_deployment_group(
                applicationName=new["appName"],
                currentDeploymentGroupName=old["deploymentGroupName"],
                newDeploymentGroupName=new["deploymentGroupName"],
                **_settings(new),
            )
        if "tags" in changed:
            arn = self._codedeploy_arn(f"deploymentgroup:{new['appName']}/{new['deploymentGroupName']}")
            self._set_tags({**old, "arn": arn}, new)

    def delete(self, resource_id: str, state: Props) -> None:
        """Delete the group."""
        del resource_id
        with absent_is_fine(_NO_APPLICATION, _NO_GROUP):
            self.clients("codedeploy").delete_deployment_group(
                applicationName=state["appName"], deploymentGroupName=state["deploymentGroupName"]
            )

    def find(self, inputs: Props) -> str | None:
        """Return the ID of the group of that name."""
        held = self._group(inputs["appName"], inputs["deploymentGroupName"])
        return held and str(held["deploymentGroupId"])


def _settings(inputs: Props) -> Props:
    """Return what create and update take alike; an absent block is sent empty, which is how AWS takes it off."""
    alarms = inputs.get("alarmConfiguration") or {"enabled": False}
    service = inputs.get("ecsService")
    return compact(
        {
            "alarmConfiguration": {**alarms, "alarms": [{"name": name} for name in alarms.get("alarms") or ()]},
            "autoRollbackConfiguration": inputs.get("autoRollbackConfiguration") or {"enabled": False},
            "blueGreenDeploymentConfiguration": inputs.get("blueGreenDeploymentConfig"),
            "deploymentConfigName": inputs.get("deploymentConfigName"),
            "deploymentStyle": inputs.get("deploymentStyle"),
            "ecsServices": [service] if service else None,
            "loadBalancerInfo": _load_balancers(inputs.get("loadBalancerInfo") or {}) or None,
            "outdatedInstancesStrategy": inputs.get("outdatedInstancesStrategy"),
            "serviceRoleArn": inputs["serviceRoleArn"],
            "terminationHookEnabled": inputs.get("terminationHookEnabled"),
            "triggerConfigurations": inputs.get("triggerConfigurations"),
        }
    )


def _load_balancers(info: Props) -> Props:
    """Return the load balancer block as AWS has it: target group pairs in a list."""
    pair = info.get("targetGroupPairInfo")
    return compact(
        {
            "elbInfoList": info.get("elbInfos"),
            "targetGroupInfoList": info.get("targetGroupInfos"),
            "targetGroupPairInfoList": [compact(pair)] if pair else None,
        }
    )


def _load_balancer_state(info: Props) -> Props:
    """Return the load balancer block as Pulumi has it."""
    pairs = info.get("targetGroupPairInfoList") or [None]
    return compact(
        {
            "elbInfos": info.get("elbInfoList") or None,
            "targetGroupInfos": info.get("targetGroupInfoList") or None,
            "targetGroupPairInfo": pairs[0],
        }
    )


HANDLERS: tuple[type[Handler], ...] = (Application, DeploymentGroup)
