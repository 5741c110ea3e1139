"""What Pulumi's gRPC server for Python providers leaves open: unknown values, readable errors, half-made resources."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import grpc
from google.protobuf import empty_pb2
from pulumi.provider.experimental import provider as rpc
from pulumi.provider.experimental.property_value import Computed, PropertyValue
from pulumi.provider.experimental.server import ProviderServicer
from pulumi.runtime.proto import provider_pb2, status_pb2

from prod_infra.deployment.program.wire import UNKNOWN
from prod_infra.errors import ProdInfraError
from prod_infra.local_aws.provider.provider import PartialCreateError

# https://github.com/pulumi/pulumi/blob/master/sdk/go/common/resource/plugin/rpc.go: one for each kind of value.
UNKNOWNS: Final = frozenset(
    {
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
        UNKNOWN,
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
    }
)


def _translated(value: PropertyValue, leaf: Callable[[Any], Any]) -> PropertyValue:
    if isinstance(value.value, Mapping):
        return value.with_value({key: _translated(item, leaf) for key, item in value.value.items()})
    if isinstance(value.value, tuple):
        return value.with_value([_translated(item, leaf) for item in value.value])
    return value.with_value(leaf(value.value))


def _arrived(value: Any) -> Any:
    return Computed() if isinstance(value, str) and value in UNKNOWNS else value


def _leaving(value: Any) -> Any:
    return UNKNOWN if isinstance(value, Computed) else value


def _translate(message: Any, leaf: Callable[[Any], Any]) -> Any:
    """Translate every group of properties that a request or response holds."""
    for name, group in vars(message).items():
        if isinstance(group, dict) and all(isinstance(value, PropertyValue) for value in group.values()):
            setattr(message, name, {key: _translated(value, leaf) for key, value in group.items()})
    return message


class _Wired(rpc.Provider):
    """The provider as the wire sees it: unknown values are marker texts there."""

    def __init__(self, provider: rpc.Provider) -> None:
        for name in ("get_schema", "check_config", "diff_config", "configure", "delete"):
            setattr(self, name, getattr(provider, name))
        for name in ("check", "diff", "create", "read", "update", "invoke"):
            setattr(self, name, self._through(getattr(provider, name)))

    @staticmethod
    def _through(method: Callable[[Any], Awaitable[Any]]) -> Callable[[Any], Awaitable[Any]]:
        async def call(request: Any) -> Any:
            return _translate(await method(_translate(request, _arrived)), _leaving)

        return call


class Servicer(ProviderServicer):
    """Serves a provider of this process to Pulumi's engine.

    Args:
        provider: what is served.
        version: the version that the engine is told.
    """

    def __init__(self, provider: rpc.Provider, version: str) -> None:
        super().__init__([], version, _Wired(provider), engine_address="")
        for name in ("Check", "Diff", "Create", "Read", "Update", "Delete", "Invoke"):
            setattr(self, name, self._readable(getattr(self, name)))

    async def Attach(self, request: Any, context: Any) -> empty_pb2.Empty:  # noqa: N802  gRPC's name
        """Accept the engine that attaches: a provider named in PULUMI_DEBUG_PROVIDERS must answer this."""
        del request, context
        return empty_pb2.Empty()

    @staticmethod
    def _readable(method: Callable[[Any, Any], Awaitable[Any]]) -> Callable[[Any, Any], Awaitable[Any]]:
        async def call(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
            try:
                return await method(request, context)
            except Exception as error:
                # Pulumi's server wraps the error in one whose text is a traceback.
                cause = error.__context__
                if not isinstance(cause, ProdInfraError):
                    raise
                details = _init_failed(cause) if isinstance(cause, PartialCreateError) else ()
                await context.abort(grpc.StatusCode.UNKNOWN, str(cause), details)

        return call


def _init_failed(error: PartialCreateError) -> tuple[tuple[str, bytes], ...]:
    """Return the trailing metadata by which the engine keeps a resource that was made and not finished."""
    properties = {key: _translated(value, _leaving) for key, value in error.properties.items()}
    status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=error.message)
    status.details.add().Pack(
        provider_pb2.ErrorResourceInitFailed(
            id=error.resource_id, properties=PropertyValue.marshal_map(properties), reasons=[error.message]
        )
    )
    return (("grpc-status-details-bin", status.SerializeToString()),)
