"""What all components share: one constructor shape, children that stay with their parent, and tags."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import pulumi

from prod_infra.naming import standard_tags


@dataclass(frozen=True, kw_only=True)
class ComponentArgs:
    """Arguments of every component.

    Attributes:
        environment: name of the environment, for tags and for the few names that others must know.
    """

    environment: str = "prod"


class Component(pulumi.ComponentResource):
    """A named group of resources with typed outputs as attributes.

    Its options steer the component itself; its children always have it as their parent, so a caller can't move them.

    Args:
        name: logical name; the children's names begin with it.
        args: the component's arguments.
        opts: Pulumi's options for the component, such as `parent` or `providers`.
    """

    pulumi_type: ClassVar[str]
    """Pulumi type token, `prod_infra:<module>:<Class>`; part of every child's URN, so it never changes."""

    def __init__(self, name: str, args: ComponentArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(self.pulumi_type, name, {}, opts)
        self._environment = args.environment

    def _child(
        self,
        *,
        protect: bool | None = None,
        ignore_changes: Sequence[str] = (),
        depends_on: Sequence[pulumi.Resource] = (),
    ) -> pulumi.ResourceOptions:
        """Return the options of a child of this component."""
        return pulumi.ResourceOptions(
            parent=self, protect=protect, ignore_changes=list(ignore_changes) or None, depends_on=list(depends_on)
        )

    def _tags(self, name: str | None = None) -> dict[str, str]:
        """Return the standard tags, with `Name` where AWS's console shows it."""
        return standard_tags(self._environment, name)
