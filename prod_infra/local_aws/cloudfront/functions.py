"""CloudFront functions: moto keeps one stage, and can neither update, publish nor protect what is associated.

Follows https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_PublishFunction.html and its neighbours: a
function has a DEVELOPMENT stage, and a LIVE one once it is published, each with an ETag.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from moto.cloudfront import exceptions, models, responses, urls
from moto.core.responses import ActionResult, EmptyResult
from moto.core.utils import utcnow

from prod_infra.local_aws.cloudfront.config import items
from prod_infra.local_aws.patches import added, around

LIVE = "LIVE"


def _function(response: Any) -> Any:
    """Return the function that a call names, in the stage that it names."""
    name = response._get_param("Name")
    function = response.backend.functions.get(name)
    if function is not None and response._get_param("Stage") == LIVE:
        function = function.live
    if function is None:
        raise exceptions.NoSuchFunctionExists(name)
    return function


def _check_etag(function: Any, response: Any) -> None:
    if response._get_param("IfMatch") != function.etag:
        raise exceptions.InvalidIfMatchVersion


def _create(original: Callable[..., Any], backend: Any, **given: Any) -> Any:
    function = original(backend, **given)
    function.live = None
    return function


def _describe(response: Any) -> ActionResult:
    function = _function(response)
    return ActionResult({"FunctionSummary": function.function_summary, "ETag": function.etag})


def _get(response: Any) -> ActionResult:
    function = _function(response)
    return ActionResult(
        {"FunctionCode": function.code, "ETag": function.etag, "ContentType": "application/octet-stream"}
    )


def _update(response: Any) -> ActionResult:
    function = _function(response)
    _check_etag(function, response)
    function.config = response._get_param("FunctionConfig")
    function.code = response._get_param("FunctionCode")
    function.last_modified_time = utcnow()
    function.etag = models.random_id()
    return ActionResult({"FunctionSummary": function.function_summary, "ETag": function.etag})


def _publish(response: Any) -> ActionResult:
    function = _function(response)
    _check_etag(function, response)
    live = copy.copy(function)
    live.stage, live.status, live.etag = LIVE, "UNASSOCIATED", models.random_id()
    function.live, function.status = live, "UNASSOCIATED"
    return ActionResult({"FunctionSummary": live.function_summary})


def _delete(response: Any) -> EmptyResult:
    backend, function = response.backend, _function(response)
    _check_etag(function, response)
    for distribution in backend.distributions.values():
        for behaviour in distribution.distribution_config.behaviours:
            if any(each["FunctionARN"] == function.arn for each in items(behaviour["FunctionAssociations"])):
                raise exceptions.CloudFrontException("FunctionInUse", "The function is in use by a distribution.")
    del backend.functions[function.name]
    backend.tagger.delete_all_tags_for_resource(function.arn)
    return EmptyResult()


def register() -> None:
    """Give functions two stages."""
    calls = responses.CloudFrontResponse
    around(models.CloudFrontBackend, "create_function")(_create)
    around(calls, "describe_function")(lambda _, response: _describe(response))
    around(calls, "get_function")(lambda _, response: _get(response))
    around(calls, "delete_function")(lambda _, response: _delete(response))
    added(calls, "update_function")(_update)
    added(calls, "publish_function")(_publish)
    urls.url_paths["{0}/2020-05-31/function/(?P<function_name>[^/]+)/publish$"] = calls.dispatch
