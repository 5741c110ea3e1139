"""What the engine tells a policy pack about resources, made from what a program registers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pulumi
from google.protobuf import struct_pb2
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.runtime.proto import analyzer_pb2
from pulumi.type_token import get_type_token

from prod_infra.deployment.program.registration import Registration
from prod_infra.deployment.program.wire import to_struct


def _computed(types: set[str]) -> dict[str, set[str]]:
    """Return the output properties of each type, of the resource classes that the program has imported."""
    found: dict[str, set[str]] = {}
    for resource in pulumi.CustomResource.__subclasses__():
        token = get_type_token(resource)
        if token in types:
            members = (getattr(member, "fget", None) for member in vars(resource).values())
            found[token] = {name for member in members if (name := getattr(member, "_pulumi_name", None))}
    return found


def _as_outputs(registration: Registration, computed: Mapping[str, set[str]]) -> struct_pb2.Struct:
    """Return what a preview knows of a resource's outputs: its inputs; the rest is AWS's to decide."""
    unknown = dict.fromkeys(computed.get(registration.type, ()), PropertyValue.computed())
    return to_struct({**unknown, **registration.inputs, **registration.outputs})


def _options(registration: Registration) -> analyzer_pb2.AnalyzerResourceOptions:
    return analyzer_pb2.AnalyzerResourceOptions(
        protect=registration.protect,
        ignoreChanges=registration.ignore_changes,
        deleteBeforeReplace=bool(registration.delete_before_replace),
        deleteBeforeReplaceDefined=registration.delete_before_replace is not None,
        additionalSecretOutputs=registration.additional_secret_outputs,
        aliases=registration.aliases,
        parent=registration.parent,
    )


def _provider(
    registration: Registration, by_urn: Mapping[str, Registration]
) -> analyzer_pb2.AnalyzerProviderResource | None:
    found = by_urn.get(registration.provider.rpartition("::")[0])
    if found is None:
        return None
    return analyzer_pb2.AnalyzerProviderResource(
        urn=found.urn, type=found.type, name=found.name, properties=to_struct(found.inputs)
    )


def analyze_request(registration: Registration, by_urn: Mapping[str, Registration]) -> analyzer_pb2.AnalyzeRequest:
    """Return the question about one resource's inputs, its provider among `by_urn`."""
    return analyzer_pb2.AnalyzeRequest(
        urn=registration.urn,
        type=registration.type,
        name=registration.name,
        properties=to_struct(registration.inputs),
        options=_options(registration),
        provider=_provider(registration, by_urn),
    )


def stack_request(
    registrations: Sequence[Registration], by_urn: Mapping[str, Registration]
) -> analyzer_pb2.AnalyzeStackRequest:
    """Return the question about all resources together, as a preview knows them."""
    computed = _computed({registration.type for registration in registrations})
    return analyzer_pb2.AnalyzeStackRequest(
        resources=[
            analyzer_pb2.AnalyzerResource(
                urn=registration.urn,
                type=registration.type,
                name=registration.name,
                properties=_as_outputs(registration, computed),
                options=_options(registration),
                provider=_provider(registration, by_urn),
                parent=registration.parent,
                dependencies=registration.dependencies,
                propertyDependencies={
                    key: analyzer_pb2.AnalyzerPropertyDependencies(urns=urns)
                    for key, urns in registration.property_dependencies.items()
                },
            )
            for registration in registrations
        ]
    )
