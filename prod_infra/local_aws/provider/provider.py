"""Pulumi's providers for the local AWS: what is true of every resource type. The types themselves are handlers."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

from botocore.exceptions import BotoCoreError, ClientError
from pulumi.provider.experimental import provider as rpc

from prod_infra.deployment.property_paths import text, without_secrets
from prod_infra.errors import ProdInfraError
from prod_infra.local_aws.clients import Clients
from prod_infra.local_aws.provider import invokes
from prod_infra.local_aws.provider.checks import check_inputs, unknown_type
from prod_infra.local_aws.provider.compare import Difference, differences, keep_ignored
from prod_infra.local_aws.provider.handler import Handler
from prod_infra.local_aws.provider.naming import is_auto_named
from prod_infra.local_aws.provider.registry import AWS_HANDLERS
from prod_infra.properties import UNKNOWN, Props, Values, plain, typed

_T = TypeVar("_T")

THREADS: Final = 16
"""How many handlers may wait for AWS at once."""


class ProviderError(ProdInfraError):
    """AWS refused a call, or could not be reached.

    Attributes:
        service: AWS's name of the service, such as `EC2`; empty where the call never got there.
        operation: the API operation, such as `CreateVpc`.
        code: AWS's error code, such as `VpcLimitExceeded`.
    """

    def __init__(self, message: str, *, service: str = "", operation: str = "", code: str = "") -> None:
        self.service = service
        self.operation = operation
        self.code = code
        super().__init__(message)


class PartialCreateError(ProdInfraError):
    """AWS made the resource, and then something failed: the ID belongs in the state.

    Attributes:
        resource_id: the ID of what AWS made.
        properties: the best known state, typed.
    """

    def __init__(self, message: str, *, resource_id: str, properties: Values, hint: str = "") -> None:
        self.resource_id = resource_id
        self.properties = dict(properties)
        super().__init__(message, hint=hint)


@contextlib.contextmanager
def _readable(*values: Values) -> Iterator[None]:
    """Turn botocore's errors into `ProviderError`, without any secret that the values hold."""
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        if isinstance(error, ClientError):
            code = str(error.response.get("Error", {}).get("Code", "Unknown"))
            service = str(error.response.get("ResponseMetadata", {}).get("Service", ""))
            told = str(error.response.get("Error", {}).get("Message", ""))
            operation, said = error.operation_name, f"{code}: {told}"
        else:
            code, service, operation, said = type(error).__name__, "", "", str(error)
        said = f"AWS refused {service}:{operation} with {said}" if operation else f"The call to AWS failed: {said}"
        # botocore's own error may hold what was sent, secrets too: it must not travel along.
        raise ProviderError(without_secrets(said, *values), service=service, operation=operation, code=code) from None


def _secrets(handler: type[Handler], *values: Values) -> set[str]:
    """Return the properties that must be secret in the state."""
    names = {name for group in values for name, value in group.items() if value.contains_secret()}
    return names | handler.secret_outputs | ({"tagsAll"} if "tags" in names else set())


def token_of(qualified: str) -> str:
    """Return a resource's own type token: the SDK's `type` is the URN's, with those of its parents before it."""
    return qualified.rpartition("$")[2]


class HandlerProvider(rpc.Provider):
    """A Pulumi provider whose resource types are handlers. Methods may be called from any event loop.

    Args:
        package: the Pulumi package that it plays, such as `aws`.
        handlers: handler class by type token.
        clients: the local AWS and the default region.
    """

    def __init__(self, package: str, handlers: Mapping[str, type[Handler]], clients: Clients) -> None:
        self.package = package
        self.handlers = handlers
        self.clients = clients
        self._regions: dict[str, Clients] = {clients.region: clients}
        self._threads = ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix=f"{package}-provider")

    async def _work(self, call: Callable[[], _T], *values: Values) -> _T:
        def readable() -> _T:
            with _readable(*values):
                return call()

        return await asyncio.get_running_loop().run_in_executor(self._threads, readable)

    def _clients(self, region: str | None) -> Clients:
        wanted = region or self.clients.region
        if wanted not in self._regions:
            self._regions[wanted] = Clients(self.clients.endpoint, wanted)
        return self._regions[wanted]

    def _type(self, token: str) -> type[Handler]:
        if token not in self.handlers:
            raise ProdInfraError(unknown_type(token, self.handlers))
        return self.handlers[token]

    def _handler(self, token: str, props: Props) -> Handler:
        region = props.get("region")
        return self._type(token)(self._clients(region if isinstance(region, str) else None))

    def _state(self, handler: Handler, resource_id: str, read: Props) -> Props:
        region = {"region": handler.clients.region} if handler.regional else {}
        return {"id": resource_id, **region, **{key: value for key, value in read.items() if value is not None}}

    async def get_schema(self, request: rpc.GetSchemaRequest) -> rpc.GetSchemaResponse:
        """Return the smallest schema that a tool accepts; programs use the Python package's own."""
        del request
        return rpc.GetSchemaResponse(json.dumps({"name": self.package, "version": "0.0.0"}))

    async def diff_config(self, request: rpc.DiffRequest) -> rpc.DiffResponse:
        """A change of configuration replaces nothing by itself: a changed region shows in each resource."""
        del request
        return rpc.DiffResponse(changes=False)

    async def configure(self, request: rpc.ConfigureRequest) -> rpc.ConfigureResponse:
        """Take the default region from the stack's configuration."""
        region = request.variables.get(f"{self.package}:config:region") or plain(request.args).get("region")
        if isinstance(region, str):
            self.clients = self._clients(region)
        return rpc.ConfigureResponse(accept_secrets=True, supports_preview=True)

    async def check(self, request: rpc.CheckRequest) -> rpc.CheckResponse:
        """Refuse what can't be sent to AWS, and fill in defaults and the name. Failures name the property."""
        if token_of(request.type) not in self.handlers:
            return rpc.CheckResponse(
                inputs=request.new_inputs,
                failures=[rpc.CheckFailure("", unknown_type(token_of(request.type), self.handlers))],
            )
        region = request.new_inputs.get("region")
        handler = self._handler(token_of(request.type), plain({"region": region} if region else {}))
        inputs, failures = check_inputs(
            handler, request.name, request.old_inputs, request.new_inputs, request.random_seed
        )
        return rpc.CheckResponse(inputs=inputs, failures=failures)

    def _differences(self, token: str, old: Props, new: Props, ignore: Sequence[str]) -> list[Difference]:
        handler = self._type(token)
        absent = {"region": self.clients.region} if handler.regional else {}
        return differences(handler, old, keep_ignored(old, new, ignore), absent=absent, ignore=ignore)

    async def diff(self, request: rpc.DiffRequest) -> rpc.DiffResponse:
        """Compare the checked inputs with the state; the detail's paths are in Pulumi's syntax."""
        handler = self._type(token_of(request.type))
        old, new = plain(request.old_state), plain(request.new_inputs)
        found = self._differences(token_of(request.type), old, new, request.ignore_changes)
        replaces = sorted({str(difference.path[0]) for difference in found if difference.replaces})
        # A name that the program chose can't be held by the old and the new one at once.
        name = handler.auto_name.property if handler.auto_name else ""
        same_name = name in new and old.get(name) == new[name] and not is_auto_named(request.name, new[name])
        return rpc.DiffResponse(
            changes=bool(found),
            replaces=replaces,
            delete_before_replace=bool(replaces) and (handler.delete_before_replace or same_name),
            diffs=sorted({str(difference.path[0]) for difference in found}),
            detailed_diff={text(difference.path): difference.detail for difference in found},
        )

    async def create(self, request: rpc.CreateRequest) -> rpc.CreateResponse:
        """Make the resource, or in a preview say what is not known before.

        Raises:
            ProviderError: AWS refused, and holds nothing new.
            PartialCreateError: AWS holds the resource, and a later step failed.
        """
        inputs = plain(request.properties)
        handler = self._handler(token_of(request.type), inputs)
        secrets = _secrets(type(handler), request.properties)
        if request.preview:
            unknown = {name: UNKNOWN for name in handler.outputs - inputs.keys() if "." not in name}
            return rpc.CreateResponse(
                "", typed(self._state(handler, "", {**inputs, **unknown, "id": UNKNOWN}), secrets)
            )
        try:
            resource_id = handler.made(await self._work(lambda: handler.create(inputs), request.properties))
            read = await self._work(lambda: handler.read(resource_id, inputs), request.properties)
        except ProdInfraError as error:
            if handler.made_id is None:
                raise
            raise PartialCreateError(
                f"{token_of(request.type)} {handler.made_id} was made, but is not finished: {error.message}",
                resource_id=handler.made_id,
                properties=typed(self._state(handler, handler.made_id, inputs), secrets),
                hint=error.hint or "the next `up` goes on from here",
            ) from None
        if read is None:
            raise ProviderError(f"AWS made {token_of(request.type)} {resource_id}, but does not know it any more.")
        return rpc.CreateResponse(resource_id, typed(self._state(handler, resource_id, read), secrets))

    async def read(self, request: rpc.ReadRequest) -> rpc.ReadResponse:
        """Return what AWS says now; no ID means that the resource is gone."""
        known = {**plain(request.inputs), **plain(request.properties)}
        handler = self._handler(token_of(request.type), known)
        read = await self._work(lambda: handler.read(request.resource_id, known), request.inputs, request.properties)
        if read is None:
            return rpc.ReadResponse()
        state = self._state(handler, request.resource_id, read)
        # Without old inputs this is an import: everything that AWS does not choose itself is an input then.
        names = request.inputs.keys() or handler.inputs - handler.outputs
        secrets = _secrets(type(handler), request.inputs, request.properties)
        inputs = {key: state[key] for key in sorted(names) if key in state}
        return rpc.ReadResponse(request.resource_id, typed(state, secrets), typed(inputs, secrets))

    async def update(self, request: rpc.UpdateRequest) -> rpc.UpdateResponse:
        """Bring the resource from its state to the new inputs, and read it.

        Raises:
            ProviderError: AWS refused.
        """
        ignore = list(request.ignore_changes)
        old = plain(request.olds)
        new = keep_ignored(old, plain(request.news), ignore)
        handler = self._handler(token_of(request.type), {**old, **new})
        secrets = _secrets(type(handler), request.news, request.olds)
        if request.preview:
            kept = {key: value for key, value in old.items() if key not in handler.inputs or key in handler.outputs}
            return rpc.UpdateResponse(typed({**kept, **new}, secrets))
        changed = frozenset(str(item.path[0]) for item in self._differences(token_of(request.type), old, new, ignore))

        def work() -> Props | None:
            if changed:
                handler.update(request.resource_id, old, new, changed)
            carried = {key: new[key] for key in handler.inputs if key in new}
            gone = handler.inputs - new.keys() - handler.outputs
            return handler.read(request.resource_id, {**{k: v for k, v in old.items() if k not in gone}, **carried})

        read = await self._work(work, request.olds, request.news)
        if read is None:
            raise ProviderError(
                f"AWS does not know {token_of(request.type)} {request.resource_id} any more: someone deleted it.",
            )
        return rpc.UpdateResponse(typed(self._state(handler, request.resource_id, read), secrets))

    async def delete(self, request: rpc.DeleteRequest) -> None:
        """Delete the resource; one that is gone already is no error.

        Raises:
            ProviderError: AWS refused.
        """
        state = plain(request.properties)
        handler = self._handler(token_of(request.type), state)
        await self._work(lambda: handler.delete(request.resource_id, state), request.properties)

    async def recover(self, urn: str, inputs: Values) -> str | None:
        """Complete what a killed create with these inputs made, and return its ID; None if AWS has nothing of it."""
        props = plain(inputs)
        handler = self._handler(token_of(rpc._extract_type(urn)), props)

        def completed() -> str | None:
            resource_id = handler.find(props)
            if resource_id is not None:
                handler.complete(resource_id, props)
            return resource_id

        return await self._work(completed, inputs)


class LocalAwsProvider(HandlerProvider):
    """Pulumi's `aws` provider on boto3, for the local AWS.

    Args:
        clients: the local AWS and the default region.
    """

    def __init__(self, clients: Clients) -> None:
        super().__init__("aws", AWS_HANDLERS, clients)

    async def invoke(self, request: rpc.InvokeRequest) -> rpc.InvokeResponse:
        """Answer a data source.

        Raises:
            ProviderError: AWS refused.
        """
        args = plain(request.args)
        region = args.get("region")
        clients = self._clients(region if isinstance(region, str) else None)
        result: Any = await self._work(lambda: invokes.answer(request.tok, args, clients), request.args)
        return rpc.InvokeResponse(return_value=typed(result))
