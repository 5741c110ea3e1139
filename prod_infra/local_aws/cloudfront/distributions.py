"""CloudFront: moto loses parts of a distribution, ignores ETags, and has no function updates and managed policies.

Follows https://docs.aws.amazon.com/cloudfront/latest/APIReference/Welcome.html. What real deploys trip over is refused
as AWS refuses it: origins, access controls and functions that don't exist, certificates that are not issued or not
in us-east-1, aliases that another distribution has, and deleting what is enabled or in use.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from moto.acm.models import acm_backends
from moto.cloudfront import exceptions, models, responses, urls
from moto.core.responses import ActionResult, EmptyResult
from moto.core.utils import utcnow

from prod_infra.local_aws.cloudfront import policies as cloudfront_policies
from prod_infra.local_aws.cloudfront.config import DistributionConfig, items
from prod_infra.local_aws.patches import added, around

CERTIFICATE_REGION = "us-east-1"


def _refuse(code: str, message: str) -> exceptions.CloudFrontException:
    return exceptions.CloudFrontException(code, message)


def _check_etag(current: str, given: str | None) -> None:
    if not given:
        raise exceptions.InvalidIfMatchVersion
    if given != current:
        raise _refuse("PreconditionFailed", "The request failed because it didn't meet the preconditions.")


def _check_origins(backend: Any, config: DistributionConfig) -> None:
    origins = items(config.Origins)
    names = {origin["Id"] for origin in origins}
    if any(behaviour["TargetOriginId"] not in names for behaviour in config.behaviours):
        raise exceptions.OriginDoesNotExist
    for control in (origin["OriginAccessControlId"] for origin in origins):
        if control and control not in backend.origin_access_controls:
            raise _refuse("InvalidOriginAccessControl", f"The origin access control {control} does not exist.")


def _check_behaviours(backend: Any, config: DistributionConfig) -> None:
    for behaviour in config.behaviours:
        cloudfront_policies.check(behaviour)
        for association in items(behaviour["FunctionAssociations"]):
            name = association["FunctionARN"].rpartition("/")[2]
            if name not in backend.functions or backend.functions[name].live is None:
                raise _refuse("InvalidFunctionAssociation", f"The function {name} does not exist or is not published.")


def _check_names(backend: Any, config: DistributionConfig, distribution: Any) -> None:
    aliases = set(items(config.Aliases))
    for other in backend.distributions.values():
        if other is not distribution and aliases & set(items(other.distribution_config.Aliases)):
            raise _refuse("CNAMEAlreadyExists", "One or more of the CNAMEs you provided are already associated.")
    if arn := config.ViewerCertificate.get("ACMCertificateArn"):
        certificate = acm_backends[backend.account_id][CERTIFICATE_REGION]._certificates.get(arn)
        if certificate is not None:
            # It may have been proven since anyone looked.
            certificate.check()
        if certificate is None or certificate.status != "ISSUED":
            raise _refuse(
                "InvalidViewerCertificate",
                "The specified SSL certificate doesn't exist, isn't in us-east-1 region, isn't valid, or doesn't "
                "include a valid certificate chain.",
            )
    elif aliases:
        raise _refuse("InvalidViewerCertificate", "To add an alternate domain name, attach a trusted certificate.")


def _check_config(backend: Any, config: DistributionConfig, distribution: Any = None) -> None:
    """Raise what CloudFront would raise for references that lead nowhere."""
    _check_origins(backend, config)
    _check_behaviours(backend, config)
    _check_names(backend, config, distribution)


def _create_distribution(
    original: Callable[..., Any], backend: Any, distribution_config: Any, tags: Any
) -> tuple[Any, str, str]:
    _check_config(backend, DistributionConfig(distribution_config))
    distribution, location, _ = original(backend, distribution_config, tags)
    distribution.last_modified_time = utcnow()
    distribution.hosted_zone_id = "Z2FDTNDATAQYW2"
    return distribution, location, distribution.etag


def _update_distribution(
    original: Callable[..., Any], backend: Any, dist_config: Any, _id: str, if_match: str
) -> tuple[Any, str, str]:
    distribution, _ = backend.get_distribution(_id)
    _check_etag(distribution.etag, if_match)
    _check_config(backend, DistributionConfig(dist_config), distribution)
    _, location, _ = original(backend, dist_config, _id, if_match)
    distribution.etag = models.random_id()
    distribution.last_modified_time = utcnow()
    return distribution, location, distribution.etag


def _delete_distribution(original: Callable[..., None], backend: Any, distribution_id: str, if_match: str) -> None:
    distribution, etag = backend.get_distribution(distribution_id)
    _check_etag(etag, if_match)
    if distribution.distribution_config.Enabled:
        raise _refuse("DistributionNotDisabled", "The distribution you are trying to delete has not been disabled.")
    original(backend, distribution_id, if_match)
    backend.tagger.delete_all_tags_for_resource(distribution.arn)


def _create_control(original: Callable[..., Any], backend: Any, config_dict: dict[str, str]) -> Any:
    if any(control.name == config_dict["Name"] for control in backend.origin_access_controls.values()):
        raise _refuse("OriginAccessControlAlreadyExists", "An origin access control with this name already exists.")
    control = original(backend, config_dict)
    control.description = config_dict.get("Description", "")
    return control


def _update_control(response: Any) -> ActionResult:
    backend, params = response.backend, response.params
    control = backend.get_origin_access_control(response._get_param("Id"))
    _check_etag(control.etag, params.get("IfMatch"))
    control.update(params["OriginAccessControlConfig"])
    control.etag = models.random_id()
    return ActionResult(
        {"OriginAccessControl": {"Id": control.id, "OriginAccessControlConfig": control}, "ETag": control.etag}
    )


def _control_config(response: Any) -> ActionResult:
    control = response.backend.get_origin_access_control(response._get_param("Id"))
    return ActionResult({"OriginAccessControlConfig": control, "ETag": control.etag})


def _delete_control(response: Any) -> EmptyResult:
    backend, identifier = response.backend, response._get_param("Id")
    control = backend.get_origin_access_control(identifier)
    _check_etag(control.etag, response._get_param("IfMatch"))
    for distribution in backend.distributions.values():
        if any(o["OriginAccessControlId"] == identifier for o in items(distribution.distribution_config.Origins)):
            raise _refuse("OriginAccessControlInUse", "The origin access control is in use by a distribution.")
    backend.delete_origin_access_control(identifier)
    return EmptyResult()


def register() -> None:
    """Keep whole distributions, honour ETags, and add managed policies."""
    models.DistributionConfig = DistributionConfig
    backend, calls = models.CloudFrontBackend, responses.CloudFrontResponse
    around(backend, "create_distribution_with_tags")(_create_distribution)
    around(backend, "update_distribution")(_update_distribution)
    around(backend, "delete_distribution")(_delete_distribution)
    around(backend, "create_origin_access_control")(_create_control)
    around(calls, "update_origin_access_control")(lambda _, response: _update_control(response))
    around(calls, "delete_origin_access_control")(lambda _, response: _delete_control(response))
    added(calls, "get_origin_access_control_config")(_control_config)
    cloudfront_policies.register(calls, urls)
