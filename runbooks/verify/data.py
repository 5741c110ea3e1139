"""Checks of the data: database, its instances, secrets. Secret values are never asked for."""

from __future__ import annotations

from runbooks.verify.check import CheckFunction, Findings
from runbooks.verify.deployed import Deployed


def database_is_protected(env: Deployed, see: Findings) -> None:
    """The database is encrypted, and protected from deletion."""
    see.equal("engine", env.database["Engine"], "docdb")
    see.equal("status", env.database["Status"], "available")
    see.equal("encrypted", env.database["StorageEncrypted"], True)  # noqa: FBT003
    see.equal("deletion protection", env.database["DeletionProtection"], env.settings.deletion_protection)


def database_backups(env: Deployed, see: Findings) -> None:
    """The database keeps its backups as long as the settings say, and works in its windows."""
    see.equal("days of backups", env.database["BackupRetentionPeriod"], env.settings.backup_retention_period)
    see.equal("backup window", env.database["PreferredBackupWindow"], env.settings.preferred_backup_window)
    window = env.settings.preferred_maintenance_window
    see.equal("maintenance window", env.database["PreferredMaintenanceWindow"], window)


def database_logs(env: Deployed, see: Findings) -> None:
    """The database's logs go to CloudWatch."""
    exported = set(env.database.get("EnabledCloudwatchLogsExports", ()))
    see.equal("logs", exported, set(env.settings.enabled_cloudwatch_logs_exports))


def database_tls(env: Deployed, see: Findings) -> None:
    """The database wants TLS, and audits."""
    group = env.database["DBClusterParameterGroup"]
    found = env.pages("docdb", "describe_db_cluster_parameters", "Parameters", DBClusterParameterGroupName=group)
    values = {parameter["ParameterName"]: parameter.get("ParameterValue") for parameter in found}
    see.require(values.get("tls") in {"tls1.2+", "tls1.3+"}, f"tls is {values.get('tls')}")
    see.require(values.get("audit_logs") in {"enabled", "all"}, f"audit_logs is {values.get('audit_logs')}")
    see.saw(f"tls {values.get('tls')}, audit_logs {values.get('audit_logs')}")


def database_instances(env: Deployed, see: Findings) -> None:
    """The database has the settings' number of instances, over the zones."""
    instances = env.database_instances
    see.equal("instances", len(instances), env.settings.instance_count)
    down = [found["DBInstanceIdentifier"] for found in instances if found["DBInstanceStatus"] != "available"]
    see.equal("instances that are not available", down, [])
    zones = {found["AvailabilityZone"] for found in instances}
    all_zones = {subnet["AvailabilityZone"] for subnet in env.private_subnets.values()}
    see.equal("number of zones", len(zones), min(len(instances), len(all_zones)))
    public = [found["DBInstanceIdentifier"] for found in instances if found.get("PubliclyAccessible")]
    see.equal("public instances", public, [])


def database_subnets(env: Deployed, see: Findings) -> None:
    """The database is in the private subnets."""
    name = env.database["DBSubnetGroup"]
    groups = env.clients("docdb").describe_db_subnet_groups(DBSubnetGroupName=name)["DBSubnetGroups"]
    subnets = {subnet["SubnetIdentifier"] for group in groups for subnet in group["Subnets"]}
    see.equal("subnets", subnets, set(env.private_subnets))


def secrets_under_prod(env: Deployed, see: Findings) -> None:
    """Every secret is under `prod/`, and the database's is among them."""
    names = {secret["Name"] for secret in env.secrets if not secret.get("DeletedDate")}
    see.require(env.settings.master_password_secret_name in names, "the database's secret is missing")
    see.equal("secrets elsewhere", {name for name in names if not name.startswith("prod/")}, set())
    see.saw(", ".join(sorted(names)))


CHECKS: tuple[CheckFunction, ...] = (
    database_is_protected,
    database_backups,
    database_logs,
    database_tls,
    database_instances,
    database_subnets,
    secrets_under_prod,
)
