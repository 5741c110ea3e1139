"""ECR repositories and their lifecycle policies."""

from __future__ import annotations

from typing import Any

from prod_infra.local_aws.provider.handler import AutoName, Handler
from prod_infra.local_aws.provider.handlers.common import (
    absent_is_fine,
    camel,
    compact,
    found,
    json_text,
    tag_changes,
    tag_list,
    tag_state,
    tags_of,
)
from prod_infra.properties import Props

_NO_REPOSITORY = "RepositoryNotFoundException"


class Repository(Handler):
    """A repository of container images."""

    token = "aws:ecr/repository:Repository"
    inputs = frozenset(
        {"name", "imageTagMutability", "imageScanningConfiguration", "encryptionConfigurations", "forceDelete", "tags"}
    )
    nested_inputs = {
        "imageScanningConfiguration": frozenset({"scanOnPush"}),
        "encryptionConfigurations": frozenset({"encryptionType", "kmsKey"}),
    }
    replace_on = frozenset({"name", "encryptionConfigurations"})
    defaults = {"imageTagMutability": "MUTABLE"}
    when_absent = {"encryptionConfigurations": [{"encryptionType": "AES256"}]}
    write_only = frozenset({"forceDelete"})
    outputs = frozenset({"arn", "registryId", "repositoryUrl", "tagsAll"})
    auto_name = AutoName(max_length=256, lower=True)

    def create(self, inputs: Props) -> str:
        """Create the repository with scanning, encryption and tags."""
        encryption = (inputs.get("encryptionConfigurations") or [None])[0]
        answer = self.clients("ecr").create_repository(
            **compact(
                {
                    "repositoryName": inputs["name"],
                    "imageTagMutability": inputs.get("imageTagMutability"),
                    "imageScanningConfiguration": inputs.get("imageScanningConfiguration"),
                    "encryptionConfiguration": encryption and {"encryptionType": "AES256", **compact(encryption)},
                    "tags": tag_list(inputs.get("tags")) or None,
                }
            )
        )
        return self.made(answer["repository"]["repositoryName"])

    def _repository(self, name: str) -> Any | None:
        answer = found(lambda: self.clients("ecr").describe_repositories(repositoryNames=[name]), _NO_REPOSITORY)
        return answer and answer["repositories"][0]

    def read(self, resource_id: str, state: Props) -> Props | None:
        """Return the repository."""
        held = self._repository(resource_id)
        if held is None:
            return None
        tags = self.clients("ecr").list_tags_for_resource(resourceArn=held["repositoryArn"])["tags"]
        return {
            "name": held["repositoryName"],
            "imageTagMutability": held["imageTagMutability"],
            "imageScanningConfiguration": {"scanOnPush": held["imageScanningConfiguration"]["scanOnPush"]},
            "encryptionConfigurations": [camel(held["encryptionConfiguration"])],
            "forceDelete": bool(state.get("forceDelete")),
            "arn": held["repositoryArn"],
            "registryId": held["registryId"],
            "repositoryUrl": held["repositoryUri"],
            **tag_state(tags_of(tags)),
        }

    def update(self, resource_id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Set tag mutability, scanning and tags."""
        ecr = self.clients("ecr")
        if "imageTagMutability" in changed:
            ecr.put_image_tag_mutability(repositoryName=resource_id, imageTagMutability=new["imageTagMutability"])
        if "imageScanningConfiguration" in changed:
            scanning = new.get("imageScanningConfiguration") or {"scanOnPush": False}
            ecr.put_image_scanning_configuration(repositoryName=resource_id, imageScanningConfiguration=scanning)
        if "tags" in changed:
            to_set, to_remove = tag_changes(old.get("tags"), new.get("tags"))
            if to_remove:
                ecr.untag_resource(resourceArn=old["arn"], tagKeys=to_remove)
            if to_set:
                ecr.tag_resource(resourceArn=old["arn"], tags=tag_list(to_set))

    def delete(self, resource_id: str, state: Props) -> None:
        """Delete the repository; AWS refuses one that holds images unless `forceDelete` is set."""
        with absent_is_fine(_NO_REPOSITORY):
            self.clients("ecr").delete_repository(repositoryName=resource_id, force=bool(state.get("forceDelete")))

    def find(self, inputs: Props) -> str | None:
        """Return the repository of that name."""
        held = self._repository(inputs["name"])
        return held and str(held["repositoryName"])


class LifecyclePolicy(Handler):
    """Which images a repository lets expire."""

    token = "aws:ecr/lifecyclePolicy:LifecyclePolicy"
    inputs = frozenset({"repository", "policy"})
    replace_on = frozenset({"repository", "policy"})
    json_inputs = frozenset({"policy"})
    outputs = frozenset({"registryId"})
    delete_before_replace = True

    def create(self, inputs: Props) -> str:
        """Put the policy on the repository."""
        self.clients("ecr").put_lifecycle_policy(
            repositoryName=inputs["repository"], lifecyclePolicyText=json_text(inputs["policy"])
        )
        return self.made(str(inputs["repository"]))

    def read(self, resource_id: str, state: Props) -> Props | None:
        """Return the policy as AWS holds it."""
        del state
        held = found(
            lambda: self.clients("ecr").get_lifecycle_policy(repositoryName=resource_id),
            "LifecyclePolicyNotFoundException",
            _NO_REPOSITORY,
        )
        return held and {
            "repository": resource_id,
            "policy": held["lifecyclePolicyText"],
            "registryId": held["registryId"],
        }

    def delete(self, resource_id: str, state: Props) -> None:
        """Take the policy off the repository."""
        del state
        with absent_is_fine("LifecyclePolicyNotFoundException", _NO_REPOSITORY):
            self.clients("ecr").delete_lifecycle_policy(repositoryName=resource_id)

    def find(self, inputs: Props) -> str | None:
        """Return the repository's name if it has a policy."""
        return None if self.read(inputs["repository"], inputs) is None else str(inputs["repository"])


HANDLERS: tuple[type[Handler], ...] = (Repository, LifecyclePolicy)
