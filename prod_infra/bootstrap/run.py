"""The bootstrap as a whole: look at everything first, then do what is to be done, in order."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

from botocore.exceptions import ClientError

from prod_infra.bootstrap.boundary import Boundary
from prod_infra.bootstrap.bucket import StateBucket
from prod_infra.bootstrap.check_role import CheckRole
from prod_infra.bootstrap.deploy_role import DeployRole
from prod_infra.bootstrap.identity_provider import IdentityProvider
from prod_infra.bootstrap.key import StateKey
from prod_infra.bootstrap.piece import Act, Wanted
from prod_infra.errors import DeploymentError, InvalidInputError, TargetError

PIECES: Final = (StateKey, StateBucket, IdentityProvider, Boundary, DeployRole, CheckRole)
"""In order: the bucket is encrypted with the key, roles trust the provider."""

_REPOSITORY: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9._-]{1,100}")
_ENVIRONMENT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,254}")
_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,15}")
_MOST_OF_A_BUCKETS_NAME: Final = 63


def check(wanted: Wanted) -> None:
    """Refuse what can't be right before anything is asked: a wildcard in the trust would let others deploy.

    Raises:
        InvalidInputError: every fault at once.
    """
    faults = []
    if not _REPOSITORY.fullmatch(wanted.repository):
        faults.append(f"--repository is owner/name on GitHub, without wildcards; {wanted.repository!r} is not.")
    given = {"github": wanted.github_environment, "checks": wanted.checks_environment}
    odd = {option: name for option, name in given.items() if not _ENVIRONMENT.fullmatch(name)}
    faults += [
        f"--{option}-environment is the name of one environment; {name!r} is not." for option, name in odd.items()
    ]
    if wanted.github_environment == wanted.checks_environment:
        faults.append("--checks-environment is another one than --github-environment: nobody has to approve its jobs.")
    if not _NAME.fullmatch(wanted.environment) or len(wanted.bucket) > _MOST_OF_A_BUCKETS_NAME:
        faults.append(f"the environment's name {wanted.environment!r} does not fit into names of buckets and roles.")
    if "-" in wanted.environment or wanted.environment == "pulumi":
        faults.append(
            f"--environment {wanted.environment!r}: no hyphen and not pulumi; the role of an environment may change "
            "what is named <environment>-*, which would be another environment's, or the role itself."
        )
    if faults:
        raise InvalidInputError("The bootstrap can't be right", faults)


def look(wanted: Wanted) -> list[Act]:
    """Return what is to be done, in order; nothing where all is as it should be. Changes nothing.

    Raises:
        InvalidInputError: as `check`.
        TargetError: AWS does not let the caller look.
    """
    check(wanted)
    try:
        return [act for piece in PIECES for act in piece(wanted).acts()]
    except ClientError as error:
        raise TargetError(
            f"The account can't be looked at: {error}. Nothing was changed.",
            hint="bootstrap as an administrator of the account: it makes what lets others deploy with less",
        ) from error


def carry_out(acts: Sequence[Act], done: Callable[[Act], object]) -> None:
    """Do what was found.

    Args:
        acts: as `look` returned them.
        done: told of each.

    Raises:
        DeploymentError: AWS refused one; those before it are done, and running again goes on from there.
    """
    for act in acts:
        try:
            act.do()
        except ClientError as error:
            raise DeploymentError(
                f"The bootstrap stopped at: {act.what}: {error}.", hint="mend the cause and run it again: it goes on"
            ) from error
        done(act)
