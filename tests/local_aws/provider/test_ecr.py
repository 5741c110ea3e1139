"""ECR repositories and lifecycle policies."""

from __future__ import annotations

import json

import pytest

from prod_infra.errors import ProdInfraError
from prod_infra.local_aws.clients import Clients
from tests.local_aws.provider.lifecycle import made, run_lifecycle

REPOSITORY = "aws:ecr/repository:Repository"
LIFECYCLE = "aws:ecr/lifecyclePolicy:LifecyclePolicy"
MANIFEST = json.dumps({"schemaVersion": 2, "mediaType": "application/vnd.docker.distribution.manifest.v2+json"})


def test_repository(clients: Clients) -> None:
    """A repository lives; scanning, mutability and tags change in place."""
    inputs = {
        "name": "prod/app",
        "imageTagMutability": "IMMUTABLE",
        "imageScanningConfiguration": {"scanOnPush": True},
        "encryptionConfigurations": [{"encryptionType": "AES256"}],
        "tags": {"Name": "app"},
    }
    changed = {
        **inputs,
        "imageTagMutability": "MUTABLE",
        "imageScanningConfiguration": {"scanOnPush": False},
        "tags": {"Owner": "platform"},
    }
    state = run_lifecycle(clients, REPOSITORY, inputs, changed, {**changed, "forceDelete": True})
    assert state["repositoryUrl"] == "123456789012.dkr.ecr.eu-central-1.amazonaws.com/prod/app"
    assert state["registryId"] == "123456789012"
    assert state["tagsAll"] == {"Owner": "platform"}


def test_repository_without_options(clients: Clients) -> None:
    """AWS's defaults are no change."""
    assert run_lifecycle(clients, REPOSITORY, {"name": "prod/app"})["imageTagMutability"] == "MUTABLE"


def test_repository_with_images_needs_force(clients: Clients) -> None:
    """AWS refuses to delete images along, unless `forceDelete` says so."""
    repository = made(clients, REPOSITORY, {"name": "prod/app"})
    clients("ecr").put_image(repositoryName="prod/app", imageManifest=MANIFEST, imageTag="v1")
    with pytest.raises(ProdInfraError, match="RepositoryNotEmptyException"):
        repository.delete()
    assert repository.read() is not None
    repository.check({"name": "prod/app", "forceDelete": True})
    repository.update()
    repository.delete()
    assert repository.read() is None


def test_lifecycle_policy(clients: Clients) -> None:
    """A lifecycle policy lives; another one replaces it, which is how pulumi-aws does it."""
    made(clients, REPOSITORY, {"name": "prod/app"})
    rule = {
        "rulePriority": 1,
        "selection": {"tagStatus": "untagged", "countType": "imageCountMoreThan", "countNumber": 5},
        "action": {"type": "expire"},
    }
    state = run_lifecycle(clients, LIFECYCLE, {"repository": "prod/app", "policy": json.dumps({"rules": [rule]})})
    assert state["registryId"] == "123456789012"
