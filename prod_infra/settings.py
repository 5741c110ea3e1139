"""Every setting of the production environment: its name, production default, meaning, and what can't be right."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

import pulumi
from pydantic import BaseModel, ConfigDict, Field, ModelWrapValidatorHandler, ValidationError, model_validator

from prod_infra import settings_checks, settings_text
from prod_infra.errors import InvalidInputError

SAMPLE_APP_IMAGE = f"sample-app.prod-infra.invalid/sample-app@sha256:{'0' * 64}"
"""Stands for "no image yet". The `.invalid` domain never resolves (RFC 6761), so a real AWS can't pull it."""

_HINT = "`prod-infra settings` lists every setting with its type, default and meaning"

Texts = Annotated[tuple[str, ...], Field(strict=False)]
Port = Annotated[int, Field(ge=1, le=65535)]


class Settings(BaseModel):
    """The production environment's settings; `Settings()` is production's default.

    A value that can't be right is refused here. A value that is possible but unsafe is the policy pack's business.

    Raises:
        InvalidInputError: with every fault at once, before anything has happened.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    environment: str = Field("prod", description="Name of the environment: leads names, secrets' paths and tags.")
    region: str = Field("eu-central-1", description="AWS region; from `aws:region` in a Pulumi stack.")
    domain_name: str = Field("example.com", description="Domain of the site, such as shop.example.com.")
    hosted_zone_name: str | None = Field(
        None, description="Route 53 zone that holds the domain; the domain itself if unset."
    )
    protect_data: bool = Field(default=True, description="Whether Pulumi refuses to delete what holds data.")
    deletion_protection: bool = Field(
        default=True, description="Whether AWS refuses to delete the database cluster and the load balancer."
    )

    vpc_cidr: str = Field("10.1.0.0/16", description="Private IPv4 block of the VPC, /16 to /23.")
    peer_cidrs: Texts = Field(
        ("10.0.0.0/16",),
        description="Blocks of networks that may be joined one day (dev's), which the VPC must not overlap.",
    )
    availability_zone_count: int = Field(2, ge=2, le=6, description="How many availability zones, the first by name.")
    availability_zones: Texts = Field((), description="Names of the availability zones, instead of the first by name.")
    single_nat_gateway: bool = Field(default=False, description="One NAT gateway for all zones instead of one in each.")

    enable_http: bool = Field(
        default=False, description="Admit port 80 at the load balancer, for its redirect to HTTPS."
    )
    app_port: Port = Field(8080, description="Port on which a task listens.")
    database_port: int = Field(27017, ge=1150, le=65535, description="Port of DocumentDB.")

    scan_on_push: bool = Field(default=True, description="Scan each image for vulnerabilities as it is pushed.")
    permissions_boundary: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9+=,.@_-]{1,128}$",
        description="Name of the IAM policy that bounds every role: bootstrap's is pulumi-boundary-<environment>.",
    )
    force_delete: bool = Field(default=False, description="Delete the image repository even if it holds images.")
    force_destroy: bool = Field(default=False, description="Delete the buckets even if they hold objects.")

    instance_count: int = Field(2, ge=1, le=16, description="DocumentDB instances, spread over the availability zones.")
    instance_class: str = Field(
        "db.r6g.large", pattern=r"^db\.[a-z0-9]+\.[a-z0-9]+$", description="DocumentDB instance class."
    )
    master_username: str = Field("docdbadmin", description="DocumentDB's first user.")
    master_password_secret_name: str = Field(
        "prod/docdb/master_password", description="Secrets Manager name of the generated DocumentDB credentials."
    )
    backup_retention_period: int = Field(14, ge=1, le=35, description="Days for which DocumentDB keeps backups.")
    preferred_backup_window: str = Field("03:00-04:00", description="Daily backup window, UTC.")
    preferred_maintenance_window: str = Field("sun:04:00-sun:05:00", description="Weekly maintenance window, UTC.")
    enabled_cloudwatch_logs_exports: Annotated[tuple[Literal["audit", "profiler"], ...], Field(strict=False)] = Field(
        ("audit", "profiler"), description="DocumentDB logs that go to CloudWatch."
    )
    apply_immediately: bool = Field(default=False, description="Change DocumentDB at once instead of in its window.")
    skip_final_snapshot: bool = Field(default=False, description="Delete DocumentDB without a last snapshot.")

    enable_blue_green: bool = Field(
        default=True, description="Two target groups and a test listener instead of one group."
    )
    enable_http_redirect: bool = Field(default=True, description="A listener on port 80 that redirects to HTTPS.")
    enable_cross_zone_load_balancing: bool = Field(default=True, description="Spread requests over all zones' tasks.")
    target_protocol: Literal["HTTPS", "HTTP"] = Field("HTTPS", description="Protocol from the load balancer to a task.")
    health_check_path: str = Field(
        "/api/health", pattern=r"^/[!-~]{0,1023}$", description="Path that answers 200 when a task is fit."
    )
    test_listener_port: Port = Field(
        8443, description="Load balancer port that shows a new version before customers see it."
    )

    enable_blue_green_deployment: bool = Field(
        default=True,
        description="Deploy by CodeDeploy with traffic shifting and rollback, instead of ECS's rolling update.",
    )
    deployment_config_name: str = Field(
        "CodeDeployDefault.ECSCanary10Percent5Minutes",
        pattern=r"^[A-Za-z0-9+=,.@_-]{1,100}$",
        description="CodeDeploy configuration that says how traffic shifts.",
    )
    blue_termination_wait_minutes: int = Field(
        30,
        ge=0,
        le=2880,
        description="Minutes for which the old version stays up after a deployment, for a quick way back.",
    )
    autoscaling_min_tasks: int = Field(2, ge=1, le=1000, description="Fewest tasks.")
    autoscaling_max_tasks: int = Field(8, ge=1, le=1000, description="Most tasks.")
    autoscaling_cpu_threshold: int = Field(70, ge=1, le=100, description="Average CPU percentage that scaling aims at.")
    app_image: str = Field(SAMPLE_APP_IMAGE, description="Container image by digest, `repository@sha256:…`.")
    task_cpu: int = Field(512, description="CPU units of a task; 1024 are one vCPU.")
    task_memory: int = Field(1024, description="Memory of a task, MiB.")
    app_environment: Mapping[str, str] = Field({}, description="Plain environment variables of the application.")
    app_secrets: Mapping[str, str] = Field(
        {},
        description="Environment variable to Secrets Manager name under `prod/`, `:KEY` added for one key of JSON.",
    )

    log_retention_days: int = Field(
        365, description="Days for which logs are kept, in log groups and in the log bucket."
    )
    kms_deletion_window_days: int = Field(
        30, ge=7, le=30, description="Days for which a deleted encryption key can still be saved."
    )
    waf_rate_limit: int = Field(
        2000, ge=10, le=2_000_000_000, description="Requests of one address in five minutes before it is refused."
    )
    evidence_retention_mode: Literal["COMPLIANCE", "GOVERNANCE"] = Field(
        "COMPLIANCE",
        description="Whether nobody can shorten the retention of evidence, or someone with a special permission can.",
    )
    evidence_retention_days: int = Field(
        365, ge=1, le=36500, description="Days for which evidence can be neither changed nor deleted."
    )

    @model_validator(mode="wrap")
    @classmethod
    def _every_fault(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        given = dict(data) if isinstance(data, Mapping) else {}
        faults: dict[str, str] = {}
        settings: Self | None = None
        try:
            settings = handler(data)
        except ValidationError as error:
            for detail in error.errors(include_url=False, include_input=False):
                name = str(detail["loc"][0]) if detail["loc"] else "settings"
                faults[name] = settings_text.explain(name, detail, cls.model_fields)
        # Checks across settings run on what is right by itself, so that one typo hides no other fault.
        sound = {name: value for name, value in given.items() if name not in faults}
        checked = settings if settings is not None else cls.model_construct(**sound)
        found = [*faults.values(), *settings_checks.faults(checked, skip=faults.keys())]
        if found or settings is None:
            raise InvalidInputError("The settings can't be right", found, hint=_HINT)
        return settings

    @classmethod
    def from_config(cls, config: pulumi.Config) -> Self:
        """Read the settings from the stack's configuration, `prod-infra:<setting>` and `aws:region`.

        Lists and mappings are JSON, as `pulumi config set --path` stores them.

        Args:
            config: the program's configuration, `pulumi.Config("prod-infra")`.

        Raises:
            InvalidInputError: every fault at once: unknown keys, wrong types and values that can't be right.
        """
        values: dict[str, Any] = {}
        for key in settings_text.config_keys(config.name):
            field = cls.model_fields.get(key)
            text = config.get(key) or ""
            values[key] = text if field is None else settings_text.parse(text, field.annotation)
        aws_region = pulumi.Config("aws").get("region")
        if aws_region is not None:
            values.setdefault("region", aws_region)
            if values["region"] != aws_region:
                raise InvalidInputError(
                    "The settings can't be right",
                    [f"region is {values['region']!r}, but aws:region is {aws_region!r}."],
                    hint="drop prod-infra:region; aws:region is enough",
                )
        return cls(**values)


def settings_reference() -> list[dict[str, Any]]:
    """Return every setting in order: `name`, `type`, `default` (JSON) and `meaning`."""
    return [
        {
            "name": name,
            "type": settings_text.type_name(field.annotation),
            "default": list(field.default) if isinstance(field.default, tuple) else field.default,
            "meaning": field.description,
        }
        for name, field in Settings.model_fields.items()
    ]
