"""ECS task definitions."""

from __future__ import annotations

import json
from typing import Any

from prod_infra.local_aws.provider.compare import differences
from prod_infra.local_aws.provider.handler import Handler
from prod_infra.local_aws.provider.handlers.common import compact, found, tag_list, tag_state, tags_of
from prod_infra.local_aws.provider.handlers.ecs import EcsHandler
from prod_infra.properties import Props


class TaskDefinition(EcsHandler):
    """One revision of a task definition. Its ID is its family; the revision is in the ARN."""

    token = "aws:ecs/taskDefinition:TaskDefinition"
    _registered = (
        "cpu",
        "executionRoleArn",
        "family",
        "ipcMode",
        "memory",
        "networkMode",
        "pidMode",
        "placementConstraints",
        "requiresCompatibilities",
        "runtimePlatform",
        "taskRoleArn",
    )
    inputs = frozenset(
        {*_registered, "containerDefinitions", "ephemeralStorage", "skipDestroy", "tags", "trackLatest", "volumes"}
    )
    nested_inputs = {
        "ephemeralStorage": frozenset({"sizeInGib"}),
        "runtimePlatform": frozenset({"cpuArchitecture", "operatingSystemFamily"}),
        "volumes": frozenset({"name", "hostPath", "efsVolumeConfiguration"}),
    }
    replace_on = inputs - {"skipDestroy", "tags", "trackLatest"}
    defaults = {"skipDestroy": False, "trackLatest": False}
    json_inputs = frozenset({"containerDefinitions"})
    set_inputs = frozenset({"placementConstraints", "requiresCompatibilities", "volumes"})
    write_only = frozenset({"skipDestroy", "trackLatest"})
    outputs = frozenset({"arn", "arnWithoutRevision", "networkMode", "revision", "tagsAll"})

    def faults(self, inputs: Props) -> dict[str, str]:
        """Refuse container definitions that are no JSON list."""
        text = inputs.get("containerDefinitions")
        try:
            wrong = isinstance(text, str) and not isinstance(json.loads(text), list)
        except ValueError:
            wrong = True
        return {"containerDefinitions": "must be a JSON list of container definitions"} if wrong else {}

    def create(self, inputs: Props) -> str:
        """Register a new revision."""
        storage = inputs.get("ephemeralStorage")
        answer = self.clients("ecs").register_task_definition(
            **compact({key: inputs.get(key) for key in self._registered}),
            **compact(
                {
                    "containerDefinitions": json.loads(inputs["containerDefinitions"]),
                    "ephemeralStorage": storage and {"sizeInGiB": storage["sizeInGib"]},
                    "tags": tag_list(inputs.get("tags"), "key", "value") or None,
                    "volumes": [_volume(volume) for volume in inputs.get("volumes") or ()] or None,
                }
            ),
        )
        self._revision = str(answer["taskDefinition"]["taskDefinitionArn"])
        return self.made(str(answer["taskDefinition"]["family"]))

    _revision: str | None = None
    """ARN that `create` of this very handler registered; the ID lacks the revision."""

    def _definition(self, name: str) -> Any | None:
        answer = found(
            lambda: self.clients("ecs").describe_task_definition(taskDefinition=name, include=["TAGS"]),
            "ClientException",
        )
        return answer if answer and answer["taskDefinition"]["status"] == "ACTIVE" else None

    def read(self, resource_id: str, state: Props) -> Props | None:
        """Return the state's revision, or the family's latest one where the state names none or tracks the latest."""
        known = None if state.get("trackLatest") else state.get("arn")
        answer = self._definition(self._revision or known or resource_id)
        if answer is None:
            return None
        held = answer["taskDefinition"]
        arn, storage = held["taskDefinitionArn"], held.get("ephemeralStorage")
        return {
            **compact({key: held.get(key) for key in self._registered}),
            "arn": arn,
            "arnWithoutRevision": arn.rsplit(":", 1)[0],
            "containerDefinitions": _containers_state(held["containerDefinitions"], state.get("containerDefinitions")),
            "revision": held["revision"],
            "skipDestroy": bool(state.get("skipDestroy")),
            "trackLatest": bool(state.get("trackLatest")),
            "volumes": [_volume_state(volume) for volume in held.get("volumes", ())],
            **compact({"ephemeralStorage": storage and {"sizeInGib": storage["sizeInGiB"]}}),
            **tag_state(tags_of(answer.get("tags"), "key", "value")),
        }

    def update(self, resource_id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Set the tags; anything else is a new revision."""
        del resource_id
        if "tags" in changed:
            self.set_tags(old["arn"], old, new)

    def delete(self, resource_id: str, state: Props) -> None:
        """Deregister the revision, unless `skipDestroy` asks to leave it; tasks that run from it run on."""
        arn = state.get("arn") or resource_id
        if not state.get("skipDestroy") and self._definition(arn):
            self.clients("ecs").deregister_task_definition(taskDefinition=arn)

    def find(self, inputs: Props) -> str | None:
        """Return the family if its latest revision has exactly these contents."""
        held = self.read(inputs["family"], {**inputs, "arn": None})
        return str(inputs["family"]) if held and not differences(type(self), held, inputs) else None


def _volume(volume: Props) -> Props:
    """Return a volume as ECS takes it."""
    path = volume.get("hostPath")
    rest = {key: value for key, value in volume.items() if key != "hostPath"}
    return compact({**rest, "host": {"sourcePath": path} if path else None})


def _volume_state(volume: Props) -> Props:
    """Return a volume as Pulumi has it."""
    rest = {key: value for key, value in volume.items() if key != "host"}
    return compact({**rest, "hostPath": (volume.get("host") or {}).get("sourcePath")})


def _containers_state(held: list[Props], known: str | None) -> str:
    """Return the text that is known if AWS's definitions mean the same, as AWS fills in defaults and reorders."""
    if known and _meaning(json.loads(known)) == _meaning(held):
        return known
    return json.dumps(held, sort_keys=True)


def _meaning(containers: list[Props]) -> list[Props]:
    """Return container definitions without AWS's defaults and without an order where none matters."""
    return [_container(container) for container in containers]


def _container(container: Props) -> Props:
    filled = {"essential": True, **container}
    ports = [
        {"protocol": "tcp", **port, "hostPort": port.get("hostPort") or port.get("containerPort")}
        for port in container.get("portMappings") or ()
    ]
    by_name = {
        key: sorted(container.get(key) or (), key=lambda item: str(item["name"])) for key in ("environment", "secrets")
    }
    meaning = {**filled, **by_name, "portMappings": ports}
    # `essential: false` differs from its default; every other falsy value is what AWS fills in.
    return {key: value for key, value in meaning.items() if value or key == "essential"}


HANDLERS: tuple[type[Handler], ...] = (TaskDefinition,)
