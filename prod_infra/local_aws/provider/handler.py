"""One AWS resource type on boto3: the shape that every handler has."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Mapping

    from prod_infra.local_aws.clients import Clients
    from prod_infra.properties import Props


@dataclass(frozen=True)
class AutoName:
    """Which property pulumi-aws fills with `<logical name>-<7 hex>`, and how long AWS lets it be.

    Attributes:
        property: the input that is filled.
        max_length: AWS's limit, characters.
        lower: whether pulumi-aws puts the name in lower case, as AWS takes no other.
    """

    property: str = "name"
    max_length: int = 255
    lower: bool = False


class Handler(ABC):
    """Does for one resource type what pulumi-aws's provider does.

    Class attributes are facts of the type; methods talk to AWS and raise botocore's ClientError as it comes. Create
    makes the resource and everything its inputs ask for. `read` is the only place that forms the state.
    A handler lives for one request. The provider adds `id` and `region` to what `read` returns.
    """

    token: ClassVar[str]
    """Such as `aws:ec2/subnet:Subnet`."""

    regional: ClassVar[bool] = True
    """Whether pulumi-aws takes a `region` for it. The provider handles that input: `clients.region` is its value."""

    inputs: ClassVar[frozenset[str]]
    """Every input property that this handler sends to AWS; any other is refused at preview."""

    nested_inputs: ClassVar[Mapping[str, frozenset[str]]] = {}
    """Keys known inside an input, by dotted path with lists left out (`healthCheck`, `origins.s3OriginConfig`): where a
    path is given, any other key is refused at preview too."""

    replace_on: ClassVar[frozenset[str]] = frozenset()
    """Those of `inputs` that AWS can't change in place."""

    defaults: ClassVar[Mapping[str, Any]] = {}
    """What pulumi-aws's Check fills in where the program is silent."""

    when_absent: ClassVar[Mapping[str, Any]] = {}
    """What AWS makes of an absent input, where that is not falsy: used to compare, not sent.

    A mapping fills the gaps of a given mapping, at every level; a list of one mapping fills those of every element.
    """

    json_inputs: ClassVar[frozenset[str]] = frozenset()
    """Inputs that are JSON documents: compared by meaning, not by text."""

    set_inputs: ClassVar[frozenset[str]] = frozenset()
    """List inputs whose order AWS does not keep; nested ones by dotted path with lists left out."""

    write_only: ClassVar[frozenset[str]] = frozenset()
    """Inputs that AWS never returns (passwords, force flags): `read` carries them over from the given state."""

    outputs: ClassVar[frozenset[str]] = frozenset()
    """Properties that AWS decides (`arn`, `dnsName`): unknown in the preview of a create.

    One that is an input too (`availabilityZone`) is AWS's choice where the program is silent, and then not compared;
    this holds for keys inside an input too, by dotted path with lists left out (`healthCheck.path`).
    """

    secret_outputs: ClassVar[frozenset[str]] = frozenset()
    """Properties that are always secret in the state."""

    auto_name: ClassVar[AutoName | None] = None

    delete_before_replace: ClassVar[bool] = False
    """Whether AWS can't hold the old and the new one side by side."""

    def __init__(self, clients: Clients) -> None:
        self.clients = clients
        self.made_id: str | None = None

    def made(self, resource_id: str) -> str:
        """Note the ID as soon as AWS holds the resource, so that a later failure in `create` can't lose it."""
        self.made_id = resource_id
        return resource_id

    def faults(self, inputs: Props) -> dict[str, str]:
        """Return what AWS would refuse, reason by property; values may be `UNKNOWN`."""
        del inputs
        return {}

    @classmethod
    def as_read(cls, inputs: Props) -> Props:
        """Return the inputs in the form in which `read` returns them, to compare; values may be `UNKNOWN`."""
        return inputs

    @abstractmethod
    def create(self, inputs: Props) -> str:
        """Create the resource, wait until AWS calls it usable, and return its Pulumi ID."""

    @abstractmethod
    def read(self, resource_id: str, state: Props) -> Props | None:
        """Return what AWS says now: every input AWS returns and all outputs, in pulumi-aws's shape; None if it is gone.

        Args:
            resource_id: the Pulumi ID that `create` returned.
            state: the last known state, or the inputs right after `create`; only for `write_only` values and for
                identifiers that the ID lacks.
        """

    def find(self, inputs: Props) -> str | None:
        """Return the ID of the resource that a create with exactly these inputs made, if AWS already holds it.

        Used after a kill between AWS's answer and the write of the state.
        """
        del inputs
        return None

    def update(self, resource_id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Bring the resource from `old` (state) to `new` (inputs); `changed` holds the top-level properties."""
        raise NotImplementedError(f"{self.token} has no property that can change in place")

    def complete(self, resource_id: str, inputs: Props) -> None:  # noqa: B027  most types have nothing to complete
        """Do what `create` does after AWS has made the resource, where no later comparison would show it missing.

        A kill may have come in between, so this runs also on what `find` has found; doing it twice does no harm.
        """

    @abstractmethod
    def delete(self, resource_id: str, state: Props) -> None:
        """Delete the resource and wait until it is gone; one that is gone already is no error."""
