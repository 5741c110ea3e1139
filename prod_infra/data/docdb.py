"""The DocumentDB cluster and the secret that opens it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import pulumi
import pulumi_aws as aws
import pulumi_random as random

from prod_infra.component import Component, ComponentArgs
from prod_infra.data.app_secrets import SecretReference
from prod_infra.data.docdb_secret import DocdbSecret, DocdbSecretArgs

ENGINE_VERSION: Final = "5.0.0"
FAMILY: Final = "docdb5.0"

PARAMETERS: Final = {"tls": ("tls1.2+", "pending-reboot"), "audit_logs": ("enabled", "immediate")}
"""Value and apply method by parameter; `tls=enabled` would admit TLS 1.0, which FSBP DocumentDB.6 refuses."""


@dataclass(frozen=True, kw_only=True)
class DocdbArgs(ComponentArgs):
    """Arguments of `Docdb`.

    Attributes:
        availability_zones: zone names, over which the instances are spread in turn.
        private_subnet_ids: one subnet in each zone.
        security_group_id: the database's group.
        database_port: port of the cluster.
        instance_count: number of instances; one is the writer, the others read and stand by.
        instance_class: such as `db.r6g.large`.
        master_username: the first user.
        master_password_secret_name: Secrets Manager name of the credentials.
        backup_retention_period: days, 1 to 35.
        preferred_backup_window: daily, UTC, such as `03:00-04:00`.
        preferred_maintenance_window: weekly, UTC, such as `sun:04:00-sun:05:00`.
        enabled_cloudwatch_logs_exports: of `audit` and `profiler`.
        apply_immediately: change the cluster at once instead of in its window.
        skip_final_snapshot: delete the cluster without a last snapshot.
        deletion_protection: whether AWS refuses to delete the cluster.
        protect_data: whether Pulumi refuses to delete the cluster.
        log_retention_days: days for which the exported logs are kept.
        kms_key_arn: key of the cluster's storage, snapshots and backups.
        secrets_key_arn: key of the credentials.
        logs_key_arn: key of the exported logs.
    """

    availability_zones: Sequence[str]
    private_subnet_ids: Sequence[pulumi.Input[str]]
    security_group_id: pulumi.Input[str]
    database_port: int = 27017
    instance_count: int = 2
    instance_class: str = "db.r6g.large"
    master_username: str = "docdbadmin"
    master_password_secret_name: str = "prod/docdb/master_password"  # noqa: S105  a name, not a password
    backup_retention_period: int = 14
    preferred_backup_window: str = "03:00-04:00"
    preferred_maintenance_window: str = "sun:04:00-sun:05:00"
    enabled_cloudwatch_logs_exports: Sequence[str] = ("audit", "profiler")
    apply_immediately: bool = False
    skip_final_snapshot: bool = False
    deletion_protection: bool = True
    protect_data: bool = True
    log_retention_days: int = 365
    kms_key_arn: pulumi.Input[str]
    secrets_key_arn: pulumi.Input[str]
    logs_key_arn: pulumi.Input[str]


class Docdb(Component):
    """An encrypted cluster with an instance in each zone in turn, and its credentials in Secrets Manager.

    The password is generated here and exists only as a Pulumi secret and in Secrets Manager.

    Attributes:
        cluster_identifier: `<environment>-docdb`, named so that its log groups can be made before it.
        endpoint: host name of the writer.
        reader_endpoint: host name that spreads over the readers.
        secret_arn: ARN of the credentials.
        variables: where the database is, as environment variables of a task.
        secrets: how to get in, likewise.
    """

    pulumi_type = "prod_infra:data:Docdb"

    cluster_identifier: pulumi.Output[str]
    endpoint: pulumi.Output[str]
    reader_endpoint: pulumi.Output[str]
    secret_arn: pulumi.Output[str]
    variables: dict[str, pulumi.Input[str]]
    secrets: dict[str, SecretReference]

    def __init__(self, name: str, args: DocdbArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args, opts)
        # All printable characters but those that DocumentDB refuses (/ " @) or that trip shells and URLs.
        password = random.RandomPassword(
            f"{name}-master-password",
            length=40,
            override_special="!#$%*()-_=+[]{}:?",
            opts=self._child(protect=args.protect_data),
        ).result
        cluster = self._cluster(name, args, password)
        for index in range(args.instance_count):
            aws.docdb.ClusterInstance(
                f"{name}-{index}",
                cluster_identifier=cluster.id,
                instance_class=args.instance_class,
                availability_zone=args.availability_zones[index % len(args.availability_zones)],
                apply_immediately=args.apply_immediately,
                preferred_maintenance_window=args.preferred_maintenance_window,
                auto_minor_version_upgrade=True,
                # The first two stand in for each other; more are for reading.
                promotion_tier=min(index, 2),
                tags=self._tags(f"{name}-{index}"),
                opts=self._child(),
            )
        self.cluster_identifier = cluster.cluster_identifier
        self.endpoint = cluster.endpoint
        self.reader_endpoint = cluster.reader_endpoint
        self.secret_arn = DocdbSecret(
            name,
            DocdbSecretArgs(
                environment=args.environment,
                secret_name=args.master_password_secret_name,
                username=args.master_username,
                password=password,
                host=self.endpoint,
                port=args.database_port,
                kms_key_arn=args.secrets_key_arn,
                protect_data=args.protect_data,
            ),
            self._child(),
        ).arn
        self.variables = {"DATABASE_HOST": self.endpoint, "DATABASE_PORT": str(args.database_port)}
        self.secrets = {
            f"DATABASE_{key.upper()}": SecretReference(arn=self.secret_arn, json_key=key)
            for key in ("username", "password")
        }
        self.register_outputs({"endpoint": self.endpoint, "secretArn": self.secret_arn})

    def _cluster(self, name: str, args: DocdbArgs, password: pulumi.Output[str]) -> aws.docdb.Cluster:
        subnets = aws.docdb.SubnetGroup(
            name, subnet_ids=list(args.private_subnet_ids), tags=self._tags(name), opts=self._child()
        )
        parameters = {**PARAMETERS, "profiler": ("enabled", "immediate")}
        parameter_group = aws.docdb.ClusterParameterGroup(
            name,
            family=FAMILY,
            description=f"TLS 1.2 and newer, audit and profiler on ({args.environment})",
            parameters=[
                aws.docdb.ClusterParameterGroupParameterArgs(name=key, value=value, apply_method=method)
                for key, (value, method) in parameters.items()
            ],
            tags=self._tags(name),
            opts=self._child(),
        )
        # AWS keeps final snapshots, so the next cluster's needs another name.
        snapshot = random.RandomId(f"{name}-final-snapshot", byte_length=4, opts=self._child())
        identifier = f"{args.environment}-docdb"
        # DocumentDB would make these groups itself, and keep them for ever under no key of ours.
        logs = [
            aws.cloudwatch.LogGroup(
                f"{name}-{log}",
                name=f"/aws/docdb/{identifier}/{log}",
                retention_in_days=args.log_retention_days,
                kms_key_id=args.logs_key_arn,
                tags=self._tags(f"{name}-{log}"),
                opts=self._child(),
            )
            for log in args.enabled_cloudwatch_logs_exports
        ]
        return aws.docdb.Cluster(
            name,
            cluster_identifier=identifier,
            engine="docdb",
            engine_version=ENGINE_VERSION,
            master_username=args.master_username,
            master_password=password,
            port=args.database_port,
            db_subnet_group_name=subnets.name,
            db_cluster_parameter_group_name=parameter_group.name,
            vpc_security_group_ids=[args.security_group_id],
            storage_encrypted=True,
            kms_key_id=args.kms_key_arn,
            backup_retention_period=args.backup_retention_period,
            preferred_backup_window=args.preferred_backup_window,
            preferred_maintenance_window=args.preferred_maintenance_window,
            enabled_cloudwatch_logs_exports=list(args.enabled_cloudwatch_logs_exports),
            apply_immediately=args.apply_immediately,
            deletion_protection=args.deletion_protection,
            skip_final_snapshot=args.skip_final_snapshot,
            final_snapshot_identifier=(
                None if args.skip_final_snapshot else pulumi.Output.concat(f"{name}-final-", snapshot.hex)
            ),
            tags=self._tags(name),
            opts=self._child(protect=args.protect_data, depends_on=logs),
        )
