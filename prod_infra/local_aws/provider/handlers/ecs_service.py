"""ECS services."""

from __future__ import annotations

from typing import Any

from prod_infra.local_aws.provider.handler import AutoName, Handler
from prod_infra.local_aws.provider.handlers.common import (
    absent_is_fine,
    compact,
    found,
    tag_list,
    tag_state,
    tags_of,
    wait_until,
)
from prod_infra.local_aws.provider.handlers.ecs import MINUTE, NO_CLUSTER, EcsHandler, renamed
from prod_infra.properties import Props


class Service(EcsHandler):
    """A service. Its ID is its ARN."""

    token = "aws:ecs/service:Service"
    _plain = (
        "availabilityZoneRebalancing",
        "desiredCount",
        "enableExecuteCommand",
        "healthCheckGracePeriodSeconds",
        "platformVersion",
        "propagateTags",
        "taskDefinition",
    )
    """Inputs that ECS has under the same name, for create and update alike."""
    _birth = ("cluster", "deploymentController", "launchType", "schedulingStrategy")
    """The same, for create alone."""
    _deployment = (
        "alarms",
        "deploymentCircuitBreaker",
        "deploymentMaximumPercent",
        "deploymentMinimumHealthyPercent",
    )
    inputs = frozenset(
        {
            *_plain,
            *_birth,
            *_deployment,
            "capacityProviderStrategies",
            "enableEcsManagedTags",
            "forceDelete",
            "forceNewDeployment",
            "loadBalancers",
            "name",
            "networkConfiguration",
            "serviceRegistries",
            "tags",
            "waitForSteadyState",
        }
    )
    nested_inputs = {
        "alarms": frozenset({"alarmNames", "enable", "rollback"}),
        "capacityProviderStrategies": frozenset({"base", "capacityProvider", "weight"}),
        "deploymentCircuitBreaker": frozenset({"enable", "rollback"}),
        "deploymentController": frozenset({"type"}),
        "loadBalancers": frozenset({"containerName", "containerPort", "elbName", "targetGroupArn"}),
        "networkConfiguration": frozenset({"assignPublicIp", "securityGroups", "subnets"}),
        "serviceRegistries": frozenset({"containerName", "containerPort", "port", "registryArn"}),
    }
    replace_on = frozenset({"cluster", "deploymentController", "launchType", "name", "schedulingStrategy"})
    defaults = {
        "deploymentMaximumPercent": 200,
        "deploymentMinimumHealthyPercent": 100,
        "enableEcsManagedTags": False,
        "enableExecuteCommand": False,
        "schedulingStrategy": "REPLICA",
        "waitForSteadyState": False,
    }
    when_absent = {"deploymentController": {"type": "ECS"}, "propagateTags": "NONE"}
    set_inputs = frozenset(
        {
            "alarms.alarmNames",
            "capacityProviderStrategies",
            "loadBalancers",
            "networkConfiguration.securityGroups",
            "networkConfiguration.subnets",
        }
    )
    write_only = frozenset({"forceDelete", "forceNewDeployment", "waitForSteadyState"})
    outputs = frozenset(
        {
            "alarms",
            "arn",
            "availabilityZoneRebalancing",
            "cluster",
            "deploymentCircuitBreaker",
            "launchType",
            "platformVersion",
            "tagsAll",
        }
    )
    auto_name = AutoName(max_length=255)

    def faults(self, inputs: Props) -> dict[str, str]:
        """Refuse a service without what it runs; only an EXTERNAL controller brings its own."""
        controller = inputs.get("deploymentController")
        external = isinstance(controller, dict) and controller.get("type") == "EXTERNAL"
        return {} if external or inputs.get("taskDefinition") else {"taskDefinition": "is required"}

    def _settings(self, inputs: Props) -> Props:
        """Return what create and update take alike."""
        network, deployment = (
            inputs.get("networkConfiguration"),
            {
                "alarms": inputs.get("alarms"),
                "deploymentCircuitBreaker": inputs.get("deploymentCircuitBreaker"),
                "maximumPercent": inputs.get("deploymentMaximumPercent"),
                "minimumHealthyPercent": inputs.get("deploymentMinimumHealthyPercent"),
            },
        )
        return compact(
            {
                **{key: inputs.get(key) for key in self._plain},
                "capacityProviderStrategy": inputs.get("capacityProviderStrategies") or None,
                "deploymentConfiguration": compact(deployment) or None,
                "enableECSManagedTags": inputs.get("enableEcsManagedTags"),
                "loadBalancers": [renamed(item, "elbName", "loadBalancerName") for item in inputs["loadBalancers"]]
                if inputs.get("loadBalancers") is not None
                else None,
                "networkConfiguration": network and _network(network),
                "serviceRegistries": [inputs["serviceRegistries"]] if inputs.get("serviceRegistries") else None,
            }
        )

    def create(self, inputs: Props) -> str:
        """Create the service and wait until it is active; until it is steady only where the program asks for that."""
        answer = self.clients("ecs").create_service(
            serviceName=inputs["name"],
            tags=tag_list(inputs.get("tags"), "key", "value"),
            **compact({key: inputs.get(key) for key in self._birth}),
            **self._settings(inputs),
        )
        arn = self.made(str(answer["service"]["serviceArn"]))
        self._wait(arn, steady=bool(inputs.get("waitForSteadyState")))
        return arn

    def _service(self, arn: str) -> Any | None:
        answer = found(
            lambda: self.clients("ecs").describe_services(cluster=_cluster_name(arn), services=[arn], include=["TAGS"]),
            NO_CLUSTER,
        )
        held = next(iter(answer["services"]), None) if answer else None
        return held if held and held["status"] != "INACTIVE" else None

    def _wait(self, arn: str, *, steady: bool) -> None:
        def there() -> bool:
            held = self._service(arn)
            if held is None or held["status"] != "ACTIVE":
                return False
            # botocore's services_stable wants one ECS deployment, which a CODE_DEPLOY service never has.
            return not steady or (
                held["runningCount"] == held["desiredCount"] and len(held.get("deployments", ())) <= 1
            )

        wait_until(f"the service {arn} is {'steady' if steady else 'active'}", there, seconds=20 * MINUTE)

    def read(self, resource_id: str, state: Props) -> Props | None:
        """Return the service; a deleted one lingers as inactive and counts as gone."""
        held = self._service(resource_id)
        if held is None:
            return None
        # CodeDeploy moves a service by its task sets; the primary one is what runs.
        primary: Props = next((item for item in held.get("taskSets", ()) if item["status"] == "PRIMARY"), {})
        held = {**primary, **{key: value for key, value in held.items() if value not in (None, "", [], {})}}
        deployment = held.get("deploymentConfiguration", {})
        network = held.get("networkConfiguration", {}).get("awsvpcConfiguration")
        return {
            **compact({key: held.get(key) for key in (*self._plain, *self._birth)}),
            **compact({key: state.get(key) for key in self.write_only}),
            "name": held["serviceName"],
            "arn": held["serviceArn"],
            "cluster": _as_given(state.get("cluster"), held["clusterArn"]),
            "deploymentController": held.get("deploymentController", {"type": "ECS"}),
            "enableEcsManagedTags": bool(held.get("enableECSManagedTags")),
            "loadBalancers": [renamed(item, "loadBalancerName", "elbName") for item in held.get("loadBalancers", ())],
            **compact(
                {
                    "alarms": deployment.get("alarms"),
                    "capacityProviderStrategies": held.get("capacityProviderStrategy"),
                    "deploymentCircuitBreaker": deployment.get("deploymentCircuitBreaker"),
                    "deploymentMaximumPercent": deployment.get("maximumPercent"),
                    "deploymentMinimumHealthyPercent": deployment.get("minimumHealthyPercent"),
                    "networkConfiguration": network
                    and {**network, "assignPublicIp": network.get("assignPublicIp") == "ENABLED"},
                    "serviceRegistries": next(iter(held.get("serviceRegistries", ())), None),
                    "taskDefinition": _as_given(state.get("taskDefinition"), held.get("taskDefinition")),
                }
            ),
            **tag_state(tags_of(held.get("tags"), "key", "value")),
        }

    def update(self, resource_id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Update what changed: AWS refuses most properties of a CODE_DEPLOY service, even with their present value."""
        deployment = changed & set(self._deployment)
        names = {*changed, *(self._deployment if deployment else ())}
        wanted = self._settings({key: value for key, value in new.items() if key in names})
        emptied = {"loadBalancers", "serviceRegistries"} & {key for key in changed if not new.get(key)}
        wanted.update({key: [] for key in emptied})
        if wanted or "forceNewDeployment" in changed:
            self.clients("ecs").update_service(
                cluster=_cluster_name(resource_id),
                service=resource_id,
                **wanted,
                **({"forceNewDeployment": True} if new.get("forceNewDeployment") else {}),
            )
            self._wait(resource_id, steady=bool(new.get("waitForSteadyState")))
        if "tags" in changed:
            self.set_tags(resource_id, old, new)

    def delete(self, resource_id: str, state: Props) -> None:
        """Scale the service to 0, delete it, and wait until AWS has drained it."""
        ecs, cluster = self.clients("ecs"), _cluster_name(resource_id)
        held = self._service(resource_id)
        if held is None:
            return
        force = bool(state.get("forceDelete"))
        with absent_is_fine(NO_CLUSTER, "ServiceNotFoundException"):
            if held["status"] == "ACTIVE":
                if held.get("schedulingStrategy") != "DAEMON" and held["desiredCount"] > 0 and not force:
                    ecs.update_service(cluster=cluster, service=resource_id, desiredCount=0)
                ecs.delete_service(cluster=cluster, service=resource_id, force=force)
        wait_until(
            f"the service {resource_id} is gone", lambda: self._service(resource_id) is None, seconds=20 * MINUTE
        )

    def find(self, inputs: Props) -> str | None:
        """Return the ARN of the active service of that name in that cluster."""
        answer = found(
            lambda: self.clients("ecs").describe_services(
                cluster=inputs.get("cluster", "default"), services=[inputs["name"]]
            ),
            NO_CLUSTER,
        )
        services = answer["services"] if answer else ()
        return next((str(item["serviceArn"]) for item in services if item["status"] == "ACTIVE"), None)


def _cluster_name(service_arn: str) -> str:
    """Return the cluster of `arn:…:service/<cluster>/<service>`."""
    return service_arn.split("/")[1]


def _as_given(given: str | None, arn: str | None) -> str | None:
    """Return what the program gave if AWS's ARN means the same: `prod`, `app` and `app:3` are short for ARNs."""
    if given and arn and given in {arn.split("/", 1)[-1], arn.split("/", 1)[-1].rsplit(":", 1)[0]}:
        return given
    return arn


def _network(network: Props) -> Props:
    """Return a network configuration as ECS takes it."""
    public = "ENABLED" if network.get("assignPublicIp") else "DISABLED"
    groups = network.get("securityGroups") or []
    return {"awsvpcConfiguration": {"subnets": network["subnets"], "securityGroups": groups, "assignPublicIp": public}}


HANDLERS: tuple[type[Handler], ...] = (Service,)
