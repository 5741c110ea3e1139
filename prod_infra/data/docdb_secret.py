"""The secret that opens the database."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from prod_infra.component import Component, ComponentArgs


@dataclass(frozen=True, kw_only=True)
class DocdbSecretArgs(ComponentArgs):
    """Arguments of `DocdbSecret`.

    Attributes:
        secret_name: Secrets Manager name.
        username: the first user.
        password: its password, a Pulumi secret.
        host: host name of the writer.
        port: port of the cluster.
        kms_key_arn: key of the secret.
        protect_data: whether Pulumi refuses to delete the secret.
    """

    secret_name: str
    username: str
    password: pulumi.Output[str]
    host: pulumi.Input[str]
    port: int
    kms_key_arn: pulumi.Input[str]
    protect_data: bool = True


class DocdbSecret(Component):
    """Credentials in Secrets Manager, as JSON in the shape that AWS's rotation functions for DocumentDB know.

    Its keys are `engine`, `username`, `password`, `host`, `port` and `ssl` (Secrets Manager guide, "JSON structure of
    database secrets"). A deleted secret can be restored for 30 days.

    Attributes:
        arn: the secret's ARN.
    """

    pulumi_type = "prod_infra:data:DocdbSecret"

    arn: pulumi.Output[str]

    def __init__(self, name: str, args: DocdbSecretArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args, opts)
        secret = aws.secretsmanager.Secret(
            name,
            name=args.secret_name,
            description="Credentials of the DocumentDB cluster's first user",
            kms_key_id=args.kms_key_arn,
            recovery_window_in_days=30,
            tags=self._tags(name),
            opts=self._child(protect=args.protect_data),
        )
        content = {
            "engine": "mongo",
            "username": args.username,
            "password": args.password,
            "host": args.host,
            "port": args.port,
            "ssl": True,
        }
        aws.secretsmanager.SecretVersion(
            name,
            secret_id=secret.id,
            secret_string=pulumi.Output.json_dumps(content),
            opts=self._child(),
        )
        self.arn = secret.arn
        self.register_outputs({"arn": self.arn})
