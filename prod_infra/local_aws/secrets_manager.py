"""Secrets Manager: staging labels that follow AWS's rules, refusals that moto leaves out, and deletions that happen.

moto forgets a version's other labels, takes its newest version for the current one, and rotates without a function.
Follows https://docs.aws.amazon.com/secretsmanager/latest/userguide/whats-in-a-secret.html#term_version and
https://docs.aws.amazon.com/secretsmanager/latest/apireference/.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from moto.secretsmanager import exceptions, models, responses

from prod_infra.local_aws.patches import around
from prod_infra.local_aws.timeline import TIMELINE

CURRENT, PREVIOUS, PENDING = "AWSCURRENT", "AWSPREVIOUS", "AWSPENDING"
DESCRIBED_LABELS, LISTED_LABELS = "VersionIdsToStages", "SecretVersionsToStages"
DAY_SECONDS = 86_400
DEFAULT_WINDOW_DAYS = 30


def _holder(secret: Any, stage: str) -> str | None:
    """Return the version that has a label, or None."""
    return next((each for each, version in secret.versions.items() if stage in version["version_stages"]), None)


def _take(secret: Any, stage: str) -> None:
    """Take a label off whatever version has it."""
    for version in secret.versions.values():
        if stage in version["version_stages"]:
            version["version_stages"].remove(stage)


def _make_current(secret: Any, version_id: str) -> None:
    """Move AWSCURRENT, and AWSPREVIOUS to the version that had it."""
    before = _holder(secret, CURRENT)
    if before != version_id:
        _take(secret, CURRENT)
        _take(secret, PREVIOUS)
        secret.versions[version_id]["version_stages"].append(CURRENT)
        if before is not None:
            secret.versions[before]["version_stages"].append(PREVIOUS)
    # What moto takes for the current version in its answers.
    secret.set_default_version_id(version_id)


def _attach(_: Callable[..., None], secret: Any, secret_version: dict[str, Any], version_id: str) -> None:
    """Add a version that is to be current, with its other labels, which leave the versions that had them."""
    stages = [stage for stage in secret_version["version_stages"] if stage != CURRENT]
    for stage in stages:
        _take(secret, stage)
    secret.versions[version_id] = {**secret_version, "version_stages": stages}
    _make_current(secret, version_id)


def _labelled(original: Callable[..., dict[str, list[str]]], secret: Any) -> dict[str, list[str]]:
    """Versions without a label are deprecated, and not told of."""
    return {version: stages for version, stages in original(secret).items() if stages}


def _existing(
    original: Callable[..., Any], backend: Any, secret_name: str, token: str | None, *args: Any, on_create: bool = False
) -> Any:
    secret = backend.secrets.get(secret_name)
    if secret is not None and secret.is_deleted():
        raise exceptions.InvalidRequestException(
            "You can't create this secret because a secret with this name is already scheduled for deletion."
            if on_create
            else "You can't perform this operation on the secret because it was marked for deletion."
        )
    version = secret.versions.get(token) if secret is not None and token else None
    # The version that a rotation has made is filled once; after that it is like any other.
    if version and PENDING in version["version_stages"] and {"secret_string", "secret_binary"} & version.keys():
        content, binary = args
        if (version.get("secret_string"), version.get("secret_binary")) == (content, binary):
            return secret
        raise exceptions.ResourceExistsException(
            f"You can't use ClientRequestToken {token} because that value is already in use for a version of secret "
            f"{secret.arn}."
        )
    return original(backend, secret_name, token, *args, on_create=on_create)


def _alive(backend: Any, secret_id: str) -> Any:
    """Return the secret, or raise AWS's error for one that is not there or waits for its deletion."""
    secret = backend.secrets.get(secret_id)
    if secret is None:
        raise exceptions.SecretNotFoundException
    if secret.is_deleted():
        raise exceptions.InvalidRequestException(
            "You can't perform this operation on the secret because it was marked for deletion."
        )
    return secret


def _get_value(
    original: Callable[..., dict[str, Any]],
    backend: Any,
    secret_id: str,
    version_id: str | None = None,
    version_stage: str | None = None,
) -> dict[str, Any]:
    secret = _alive(backend, secret_id)
    if not version_id:
        stage = version_stage or CURRENT
        version_id = _holder(secret, stage)
        if version_id is None:
            raise exceptions.SecretHasNoValueException(stage)
    answer = original(backend, secret_id, version_id, version_stage)
    return {**answer, "VersionStages": list(answer["VersionStages"])}


def _move(
    _: Callable[..., Any],
    backend: Any,
    secret_id: str,
    version_stage: str,
    remove_from_version_id: str | None = None,
    move_to_version_id: str | None = None,
) -> tuple[str, str]:
    secret = _alive(backend, secret_id)
    for version_id in (remove_from_version_id, move_to_version_id):
        if version_id and version_id not in secret.versions:
            raise exceptions.ResourceNotFoundException(
                f"Secrets Manager can't find the specified secret version: {version_id}."
            )
    holder = _holder(secret, version_stage)
    if remove_from_version_id and holder != remove_from_version_id:
        raise exceptions.InvalidParameterException(
            f"The staging label {version_stage} is currently not attached to version {remove_from_version_id}."
        )
    if not move_to_version_id:
        if not remove_from_version_id:
            raise exceptions.InvalidParameterException("Specify RemoveFromVersionId, MoveToVersionId or both.")
        if version_stage == CURRENT:
            raise exceptions.InvalidParameterException(
                "You can only move staging label AWSCURRENT to a different secret version. It can’t be completely "  # noqa: RUF001  AWS's own words
                "removed."
            )
        _take(secret, version_stage)
        return secret.arn, secret.name
    if holder not in (None, move_to_version_id) and not remove_from_version_id:
        raise exceptions.InvalidParameterException(
            f"The parameter RemoveFromVersionId can't be empty. Staging label {version_stage} is currently attached to "
            f"version {holder}, so you must explicitly reference that version in RemoveFromVersionId."
        )
    if version_stage == CURRENT:
        _make_current(secret, move_to_version_id)
    else:
        _take(secret, version_stage)
        secret.versions[move_to_version_id]["version_stages"].append(version_stage)
    return secret.arn, secret.name


def _put(original: Callable[..., str], backend: Any, secret_id: str, **given: Any) -> str:
    _alive(backend, secret_id)
    return original(backend, secret_id, **given)


def _rotate(_: Callable[..., str], backend: Any, secret_id: str, **given: Any) -> str:
    secret = _alive(backend, secret_id)
    if not given.get("rotation_lambda_arn") and not secret.rotation_lambda_arn:
        raise exceptions.InvalidRequestException("No Lambda rotation function ARN is associated with this secret.")
    pending = _holder(secret, PENDING)
    if pending is not None and pending != _holder(secret, CURRENT):
        raise exceptions.InvalidRequestException(
            "A previous rotation isn't complete. That rotation will be reattempted."
        )
    # There is no Lambda here that could run one: a rotation that seems to work would tell a lie.
    raise exceptions.SecretsManagerClientError(
        "AccessDeniedException",
        "Secrets Manager cannot invoke the specified Lambda function. Ensure that the function policy grants access to "
        "the principal secretsmanager.amazonaws.com.",
    )


def _delete(original: Callable[..., tuple[str, str, float]], backend: Any, **given: Any) -> tuple[str, str, float]:
    answer = original(backend, **given)
    secret = backend.secrets.get(given["secret_id"])
    if secret is not None and secret.is_deleted():
        date = secret.deleted_date

        def purge() -> None:
            if backend.secrets.get(secret.arn) is secret and secret.deleted_date == date:
                backend.secrets.pop(secret.arn)

        TIMELINE.after((given.get("recovery_window_in_days") or DEFAULT_WINDOW_DAYS) * DAY_SECONDS, purge)
    return answer


def _list_versions(_: Callable[..., str], response: Any) -> str:
    secret = response.backend.describe_secret(response._get_param("SecretId"))
    deprecated = response._get_bool_param("IncludeDeprecated", if_none=False)
    versions = [
        {
            "VersionId": version_id,
            "VersionStages": version["version_stages"],
            "CreatedDate": version["createdate"],
        }
        for version_id, version in secret.versions.items()
        if version["version_stages"] or deprecated
    ]
    return json.dumps({"ARN": secret.arn, "Name": secret.name, "Versions": versions})


def _without(answer: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in answer.items() if key != name}


def _described(describe: Callable[..., str], response: Any) -> str:
    # moto sends the labels under both operations' names in both.
    return json.dumps(_without(json.loads(describe(response)), LISTED_LABELS))


def _listed(list_secrets: Callable[..., str], response: Any) -> str:
    answer = json.loads(list_secrets(response))
    return json.dumps(answer | {"SecretList": [_without(each, DESCRIBED_LABELS) for each in answer["SecretList"]]})


def register() -> None:
    """Let labels, deletions and refusals be AWS's."""
    around(models.FakeSecret, "reset_default_version")(_attach)
    around(models.FakeSecret, "_form_version_ids_to_stages")(_labelled)
    around(models.SecretsManagerBackend, "_check_with_existing_secrets_and_versions")(_existing)
    around(models.SecretsManagerBackend, "get_secret_value")(_get_value)
    around(models.SecretsManagerBackend, "update_secret_version_stage")(_move)
    around(models.SecretsManagerBackend, "put_secret_value")(_put)
    around(models.SecretsManagerBackend, "rotate_secret")(_rotate)
    around(models.SecretsManagerBackend, "delete_secret")(_delete)
    around(responses.SecretsManagerResponse, "describe_secret")(_described)
    around(responses.SecretsManagerResponse, "list_secrets")(_listed)
    around(responses.SecretsManagerResponse, "list_secret_version_ids")(_list_versions)
