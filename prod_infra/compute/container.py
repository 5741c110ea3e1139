"""The container definition, in ECS's own JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import pulumi

from prod_infra.data.app_secrets import SecretReference

CONTAINER_NAME: Final = "app"
"""Deployments name it in their AppSpec."""

USER: Final = "1000:1000"
"""Anyone but root; the image's files need no other owner, as the disk is read-only."""

LOG_BUFFER: Final = "25m"
"""What a container may say while CloudWatch does not listen; more is lost (ECS guide, "awslogs log driver")."""


def container_definitions(
    *,
    image: pulumi.Input[str],
    port: int,
    variables: Mapping[str, pulumi.Input[str]],
    secrets: Mapping[str, SecretReference],
    log_group_name: pulumi.Input[str],
    region: str,
) -> pulumi.Output[str]:
    """Return the JSON list of a task's one container: no root, nothing written to its disk, secrets by ARN.

    Args:
        image: by digest, `repository@sha256:…`.
        port: port on which the container listens.
        variables: plain environment variables.
        secrets: environment variables that ECS fills from Secrets Manager.
        log_group_name: where the container's output goes.
        region: the log group's region.
    """
    container = {
        "name": CONTAINER_NAME,
        "image": image,
        "essential": True,
        "user": USER,
        "readonlyRootFilesystem": True,
        "portMappings": [{"containerPort": port, "hostPort": port, "protocol": "tcp"}],
        "environment": [{"name": key, "value": value} for key, value in sorted(variables.items())],
        "secrets": [{"name": key, "valueFrom": secret.value_from} for key, secret in sorted(secrets.items())],
        "logConfiguration": {
            "logDriver": "awslogs",
            "options": {
                "awslogs-group": log_group_name,
                "awslogs-region": region,
                "awslogs-stream-prefix": CONTAINER_NAME,
                # Customers come before logs: a container must not wait for CloudWatch.
                "mode": "non-blocking",
                "max-buffer-size": LOG_BUFFER,
            },
        },
    }
    return pulumi.Output.json_dumps([container])
