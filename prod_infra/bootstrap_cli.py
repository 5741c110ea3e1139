"""`prod-infra bootstrap`: what an account needs once, before the first deploy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from prod_infra.cli_options import (
    HERE,
    EndpointOption,
    ProjectOption,
    StackOption,
    Target,
    TargetOption,
    open_target,
    program_of,
)

if TYPE_CHECKING:
    from prod_infra.bootstrap.piece import Act, Wanted

out = Console()

# Imports wait until they are needed: `--help` need not wait for boto3.


def bootstrap(
    repository: Annotated[str, typer.Option("--repository", help="owner/name on GitHub that may deploy.")],
    project: ProjectOption = HERE,
    stack: StackOption = "prod",
    target: TargetOption = Target.LOCAL,
    endpoint: EndpointOption = "",
    environment: Annotated[
        str, typer.Option("--environment", help="Name that the role's resources begin with.")
    ] = "prod",
    github_environment: Annotated[
        str, typer.Option("--github-environment", help="Protected environment on GitHub that the job must run in.")
    ] = "production",
    checks_environment: Annotated[
        str, typer.Option("--checks-environment", help="Environment on GitHub whose jobs may look, and change nothing.")
    ] = "production-checks",
    apply: Annotated[
        bool | None,
        typer.Option("--apply/--dry-run", help="Do it, or only say it; on aws it is only said if left out."),
    ] = None,
) -> None:
    """Make state bucket, key and the roles by which GitHub deploys and checks; again, it puts right what drifted."""
    from prod_infra.bootstrap.piece import Wanted
    from prod_infra.deployment.targets import DEFAULT_REGION

    program = program_of(project, stack, None)
    region = program.config.get("aws:region", DEFAULT_REGION)
    with open_target(program, target, endpoint) as opened:
        clients = opened.clients(region)
        wanted = Wanted(
            clients=clients,
            account=clients("sts").get_caller_identity()["Account"],
            region=region,
            environment=environment,
            repository=repository,
            github_environment=github_environment,
            checks_environment=checks_environment,
        )
        _run(wanted, dry_run=not apply if target is Target.AWS else apply is False)


def _run(wanted: Wanted, *, dry_run: bool) -> None:
    from prod_infra.bootstrap.run import carry_out, look
    from prod_infra.deployment.account.permission import boundary

    acts = look(wanted)

    def say(act: Act) -> None:
        drifted = "[yellow]drifted:[/yellow] " if act.drift else ""
        out.print(f"{'would ' if dry_run else ''}{drifted}{act.what}", highlight=False, soft_wrap=True)

    out.print(f"account {wanted.account}, {wanted.region}", style="dim", highlight=False)
    if not acts:
        out.print("nothing to do: everything is as it should be")
    elif dry_run:
        for act in acts:
            say(act)
        out.print("nothing was changed; `--apply` does it", style="bold")
    else:
        carry_out(acts, say)
    out.print(
        f"state:   s3://{wanted.bucket}?region={wanted.region}\n"
        f"secrets: awskms://{wanted.key_alias}?region={wanted.region}\n"
        f"deploys: arn:aws:iam::{wanted.account}:role/{wanted.role}\n"
        f"checks:  arn:aws:iam::{wanted.account}:role/{wanted.check_role}\n"
        f"setting: permissions_boundary: {boundary(wanted.environment)}",
        style="dim",
        highlight=False,
        soft_wrap=True,
    )
