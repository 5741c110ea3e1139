"""Pulumi's resource monitor, as a program in this process meets it: what every kind of run has in common."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from google.protobuf import empty_pb2
from pulumi.runtime.proto import alias_pb2, resource_pb2

from prod_infra.deployment.engine import Program
from prod_infra.deployment.program.registration import Registration
from prod_infra.deployment.program.wire import from_struct
from prod_infra.errors import InvalidInputError, ProdInfraError
from prod_infra.properties import Values

STACK_TYPE: Final = "pulumi:pulumi:Stack"
PROVIDER_TYPE: Final = "pulumi:providers:"

_FEATURES: Final = (
    resource_pb2.RESOURCE_MONITOR_FEATURE_SECRETS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_ALIAS_SPECS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_DELETED_WITH,
    resource_pb2.RESOURCE_MONITOR_FEATURE_REPLACE_WITH,
    # Claimed so that a program that uses them meets our refusal instead of "please update the Pulumi CLI".
    resource_pb2.RESOURCE_MONITOR_FEATURE_TRANSFORMS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_INVOKE_TRANSFORMS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_RESOURCE_HOOKS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_ERROR_HOOKS,
)


def qualified_type(urn: str) -> str:
    """Return the type of a URN with those of its parents: `a:b:Parent$c:d:Child`."""
    return urn.split("::")[2]


def make_urn(stack: str, project: str, parent: str, type_: str, name: str) -> str:
    """Return the URN that Pulumi's engine gives a resource; the stack leaves no trace in its children's."""
    chain = qualified_type(parent) if parent else ""
    qualified = f"{chain}${type_}" if chain and chain != STACK_TYPE else type_
    return f"urn:pulumi:{stack}::{project}::{qualified}::{name}"


def _unsupported(what: str) -> ProdInfraError:
    return ProdInfraError(
        f"The program uses {what}, which the embedded engine does not support.",
        hint="leave it out, or run the program with `pulumi` itself: only then it is not evaluated here",
    )


def _source(request: resource_pb2.RegisterResourceRequest) -> str:
    # The stack is Pulumi's own call, not the user's.
    if request.type == STACK_TYPE or not request.HasField("sourcePosition"):
        return ""
    path = Path(unquote(urlsplit(request.sourcePosition.uri).path))
    if path.is_relative_to(Path.cwd()):
        path = path.relative_to(Path.cwd())
    return f"{path}:{request.sourcePosition.line}"


class Monitor(ABC):
    """Answers a program's requests. Its public methods bear the names of Pulumi's `ResourceMonitor` service.

    Args:
        program: whose requests are answered.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self.lock = threading.RLock()
        self.registered: set[str] = set()
        # URN in this run -> the URN under which the state knows the resource; children inherit it.
        self.aliased: dict[str, str] = {}

    @abstractmethod
    def register(
        self, goal: Registration, request: resource_pb2.RegisterResourceRequest
    ) -> resource_pb2.RegisterResourceResponse:
        """Take one resource that the program registers."""

    @abstractmethod
    def read(self, goal: Registration, resource_id: str, version: str) -> resource_pb2.ReadResourceResponse:
        """Look up one resource that the program only refers to, by `.get(...)`; `version` is of its package."""

    @abstractmethod
    def register_outputs(self, urn: str, outputs: Values) -> None:
        """Take the outputs of a component or, as the program ends, the stack's exports."""

    @abstractmethod
    def invoke(self, token: str, args: Values, provider: str) -> resource_pb2.ResourceInvokeResponse:
        """Answer a function call; `provider` is a provider reference, `<urn>::<id>`, or empty for the default one."""

    def _claim(self, parent: str, type_: str, name: str) -> str:
        urn = make_urn(self.program.stack, self.program.project, parent, type_, name)
        with self.lock:
            if urn in self.registered:
                raise InvalidInputError(
                    "The program names two resources alike",
                    [f"{type_} {name!r} is registered twice as {urn}; give one of them another name"],
                )
            self.registered.add(urn)
        return urn

    def _alias(self, alias: alias_pb2.Alias, goal_type: str, name: str, parent: str) -> str:
        if alias.WhichOneof("alias") == "urn":
            return alias.urn
        spec = alias.spec
        old_parent = self.aliased.get(spec.parentUrn, spec.parentUrn) or parent
        return make_urn(
            spec.stack or self.program.stack,
            spec.project or self.program.project,
            "" if spec.noParent else old_parent,
            spec.type or goal_type,
            spec.name or name,
        )

    def _aliases(self, aliases: Sequence[alias_pb2.Alias], type_: str, name: str, parent: str) -> tuple[str, ...]:
        """Return the URNs that the resource may have had, its parent's own alias multiplied in, as Pulumi does."""
        own = [self._alias(alias, type_, name, parent) for alias in aliases]
        found = dict.fromkeys(own)
        if old_parent := self.aliased.get(parent):
            parent_name, old_parent_name = (urn.split("::", 3)[3] for urn in (parent, old_parent))
            for urn in (make_urn(self.program.stack, self.program.project, parent, type_, name), *own):
                child_type, child_name = qualified_type(urn).rsplit("$", 1)[-1], urn.split("::", 3)[3]
                if child_name.startswith(parent_name):
                    child_name = old_parent_name + child_name.removeprefix(parent_name)
                found[make_urn(self.program.stack, self.program.project, old_parent, child_type, child_name)] = None
        return tuple(found)

    def RegisterResource(  # noqa: N802  the protocol's name
        self, request: resource_pb2.RegisterResourceRequest
    ) -> resource_pb2.RegisterResourceResponse:
        """Take a registration, refusing what no run supports."""
        if request.remote:
            raise _unsupported(f"the packaged component {request.type}")
        if request.transforms:
            raise _unsupported("resource transforms")
        if any(binding for _field, binding in request.hooks.ListFields()):
            raise _unsupported("resource hooks")
        if request.HasField("replacement_trigger"):
            raise _unsupported("replacement triggers")
        urn = self._claim(request.parent, request.type, request.name)
        goal = Registration(
            urn=urn,
            type=request.type,
            name=request.name,
            custom=request.custom,
            parent=request.parent,
            inputs=from_struct(request.object),
            dependencies=tuple(sorted(request.dependencies)),
            property_dependencies={
                key: tuple(sorted(found.urns)) for key, found in sorted(request.propertyDependencies.items())
            },
            provider=request.provider,
            protect=request.protect,
            retain_on_delete=request.retainOnDelete,
            delete_before_replace=request.deleteBeforeReplace if request.deleteBeforeReplaceDefined else None,
            ignore_changes=tuple(request.ignoreChanges),
            replace_on_changes=tuple(request.replaceOnChanges),
            additional_secret_outputs=tuple(request.additionalSecretOutputs),
            aliases=self._aliases(request.aliases, request.type, request.name, request.parent),
            deleted_with=request.deletedWith,
            replace_with=tuple(sorted(request.replace_with)),
            source=_source(request),
        )
        return self.register(goal, request)

    def ReadResource(self, request: resource_pb2.ReadResourceRequest) -> resource_pb2.ReadResourceResponse:  # noqa: N802
        """Take a lookup of an existing resource."""
        if request.type == "pulumi:pulumi:StackReference":
            raise _unsupported(f"the stack reference {request.name!r}")
        goal = Registration(
            urn=self._claim(request.parent, request.type, request.name),
            type=request.type,
            name=request.name,
            custom=True,
            parent=request.parent,
            inputs=from_struct(request.properties),
            dependencies=tuple(sorted(request.dependencies)),
            provider=request.provider,
            additional_secret_outputs=tuple(request.additionalSecretOutputs),
        )
        return self.read(goal, request.id, request.version)

    def RegisterResourceOutputs(self, request: resource_pb2.RegisterResourceOutputsRequest) -> empty_pb2.Empty:  # noqa: N802
        """Take a component's outputs or the stack's exports."""
        self.register_outputs(request.urn, from_struct(request.outputs))
        return empty_pb2.Empty()

    def Invoke(self, request: resource_pb2.ResourceInvokeRequest) -> resource_pb2.ResourceInvokeResponse:  # noqa: N802
        """Answer a function call."""
        return self.invoke(request.tok, from_struct(request.args), request.provider)

    def Call(self, request: Any) -> Any:  # noqa: N802  the protocol's name
        """Refuse method calls, which only packaged components have."""
        raise _unsupported(f"the method call {request.tok}")

    def RegisterPackage(self, request: Any) -> Any:  # noqa: N802  the protocol's name
        """Refuse parameterized packages."""
        raise _unsupported(f"the parameterized package {request.name}")

    def RegisterStackTransform(self, request: Any) -> Any:  # noqa: N802  the protocol's name
        """Refuse stack transforms."""
        del request
        raise _unsupported("stack transforms")

    def RegisterStackInvokeTransform(self, request: Any) -> Any:  # noqa: N802  the protocol's name
        """Refuse invoke transforms."""
        del request
        raise _unsupported("invoke transforms")

    def RegisterResourceHook(self, request: Any) -> Any:  # noqa: N802  the protocol's name
        """Refuse resource hooks."""
        raise _unsupported(f"the resource hook {request.name!r}")

    def RegisterErrorHook(self, request: Any) -> Any:  # noqa: N802  the protocol's name
        """Refuse error hooks."""
        raise _unsupported(f"the error hook {request.name!r}")

    def GetDeploymentInfo(self, request: empty_pb2.Empty) -> resource_pb2.DeploymentInfo:  # noqa: N802
        """Say which protocol features the SDK may use."""
        del request
        return resource_pb2.DeploymentInfo(supportedFeatures=_FEATURES)

    def SignalAndWaitForShutdown(self, request: empty_pb2.Empty) -> empty_pb2.Empty:  # noqa: N802
        """Let the program end: nothing here calls back into it."""
        del request
        return empty_pb2.Empty()
