"""Runs a program to learn what it registers, and applies nothing: no state, no credentials, no network."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.runtime.proto import resource_pb2

from prod_infra.deployment.embedded.order import needed_first
from prod_infra.deployment.engine import Program
from prod_infra.deployment.program import host, offline
from prod_infra.deployment.program.monitor import Monitor
from prod_infra.deployment.program.registration import Registration
from prod_infra.deployment.program.wire import from_struct, to_struct
from prod_infra.properties import Values, plain, typed

_DEFAULT_REGION: Final = "eu-central-1"


class _Recorder(Monitor):
    """Notes every registration; what only AWS can know stays unknown."""

    def __init__(self, program: Program) -> None:
        super().__init__(program)
        self.found: dict[str, Registration] = {}

    def register(
        self, goal: Registration, request: resource_pb2.RegisterResourceRequest
    ) -> resource_pb2.RegisterResourceResponse:
        with self.lock:
            self.found[goal.urn] = goal
        if not goal.custom:
            return resource_pb2.RegisterResourceResponse(urn=goal.urn)
        # In a preview the SDK takes an empty ID and every property that is left out for unknown.
        name = typed(offline.named(goal.urn, goal.type, goal.inputs))
        known = to_struct({**from_struct(request.object), **name}) if name else request.object
        return resource_pb2.RegisterResourceResponse(urn=goal.urn, object=known)

    def read(self, goal: Registration, resource_id: str, version: str) -> resource_pb2.ReadResourceResponse:
        del version
        return resource_pb2.ReadResourceResponse(urn=goal.urn, id=resource_id, properties=to_struct(goal.inputs))

    def register_outputs(self, urn: str, outputs: Values) -> None:
        with self.lock:
            self.found[urn] = replace(self.found[urn], outputs=outputs)

    def invoke(self, token: str, args: Values, provider: str) -> resource_pb2.ResourceInvokeResponse:
        given = self.found.get(provider.rpartition("::")[0])
        region = plain(given.inputs).get("region") if given else None
        answer = offline.answer(
            token, plain(args), str(region or self.program.config.get("aws:region") or _DEFAULT_REGION)
        )
        found: dict[str, PropertyValue] = typed(answer)
        return resource_pb2.ResourceInvokeResponse(**{"return": to_struct(found)})


def register(program: Program) -> tuple[Registration, ...]:
    """Return what the program registers, the stack first, everything after what it needs, and always in one order.

    Lookups are answered by `offline`; computed outputs are unknown, as in a preview. May be called from any thread,
    any number of times.

    Raises:
        ProdInfraError: the program failed; the message says where in the user's code. Errors of this library that the
            program raised come as they are.
    """
    recorder = _Recorder(program)
    host.run(program, recorder, preview=True)
    needs = {urn: {*found.dependencies, found.parent} for urn, found in recorder.found.items()}
    return tuple(recorder.found[urn] for urn in needed_first(needs))
