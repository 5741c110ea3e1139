"""The repository of the application's images."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

import pulumi
import pulumi_aws as aws

from prod_infra.component import Component, ComponentArgs
from prod_infra.operations.account import account_of

KEPT_IMAGES: Final = 100
"""Enough that a rollback target is never expired, few enough to bound the bill."""


@dataclass(frozen=True, kw_only=True)
class EcrArgs(ComponentArgs):
    """Arguments of `Ecr`.

    Attributes:
        region: AWS region, part of the repository's ARN.
        scan_on_push: scan each image for vulnerabilities as it is pushed.
        force_delete: delete the repository even if it holds images.
        kms_key_arn: key of the images.
    """

    region: str
    scan_on_push: bool = True
    force_delete: bool = False
    kms_key_arn: pulumi.Input[str]


class Ecr(Component):
    """An encrypted image repository with immutable tags: a tag that was tested is what gets deployed.

    Attributes:
        repository_name: `<environment>-app`, named so that builds know where to push.
        repository_arn: the repository's ARN.
        repository_url: what an image reference begins with.
    """

    pulumi_type = "prod_infra:compute:Ecr"

    repository_name: pulumi.Output[str]
    repository_arn: pulumi.Output[str]
    repository_url: pulumi.Output[str]

    def __init__(self, name: str, args: EcrArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args, opts)
        repository = aws.ecr.Repository(
            name,
            name=f"{args.environment}-app",
            image_tag_mutability="IMMUTABLE",
            image_scanning_configuration=aws.ecr.RepositoryImageScanningConfigurationArgs(
                scan_on_push=args.scan_on_push
            ),
            encryption_configurations=[
                aws.ecr.RepositoryEncryptionConfigurationArgs(encryption_type="KMS", kms_key=args.kms_key_arn)
            ],
            force_delete=args.force_delete,
            tags=self._tags(name),
            opts=self._child(),
        )
        aws.ecr.LifecyclePolicy(
            name,
            repository=repository.name,
            policy=json.dumps({"rules": [_UNTAGGED, _MOST_IMAGES]}),
            opts=self._child(),
        )
        self.repository_name = repository.name
        # Made from the name, which a preview knows, so that a policy can be judged before the repository is there.
        path = pulumi.Output.concat("repository/", repository.name)
        self.repository_arn = account_of(self).arn(f"ecr:{args.region}:", path)
        self.repository_url = repository.repository_url
        self.register_outputs({"repositoryUrl": self.repository_url})


_UNTAGGED: Final = {
    "rulePriority": 1,
    "description": "Untagged images go after 14 days",
    "selection": {"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 14},
    "action": {"type": "expire"},
}
_MOST_IMAGES: Final = {
    "rulePriority": 2,
    "description": f"The newest {KEPT_IMAGES} images stay",
    "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": KEPT_IMAGES},
    "action": {"type": "expire"},
}
