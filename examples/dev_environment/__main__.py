"""The environment for development: the same program, with settings that cost less and let it be torn down."""

import pulumi

from prod_infra import ProductionEnvironment, Settings

settings = Settings(
    environment="dev",
    domain_name="dev.example.com",
    hosted_zone_name="example.com",
    vpc_cidr="10.0.0.0/16",
    peer_cidrs=("10.1.0.0/16",),
    single_nat_gateway=True,
    instance_count=1,
    instance_class="db.t4g.medium",
    master_password_secret_name="dev/docdb/master_password",  # noqa: S106  a name, not a password
    backup_retention_period=1,
    apply_immediately=True,
    autoscaling_min_tasks=1,
    autoscaling_max_tasks=2,
    blue_termination_wait_minutes=5,
    log_retention_days=30,
    kms_deletion_window_days=7,
    evidence_retention_mode="GOVERNANCE",
    evidence_retention_days=1,
    protect_data=False,
    deletion_protection=False,
    skip_final_snapshot=True,
    force_delete=True,
    force_destroy=True,
)
dev = ProductionEnvironment("dev", settings)

pulumi.export("siteUrl", f"https://{settings.domain_name}")
pulumi.export("databaseEndpoint", dev.docdb.endpoint)
