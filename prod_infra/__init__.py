"""A production AWS environment, defined with Pulumi.

The public names are `ProductionEnvironment` and `Settings`; every part of the environment can be used alone from its
own module, such as `prod_infra.network.vpc`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from prod_infra.production import ProductionEnvironment
    from prod_infra.settings import Settings

__all__ = ["ProductionEnvironment", "Settings", "__version__"]
__version__ = "0.1.0"

_HOMES = {"ProductionEnvironment": "prod_infra.production", "Settings": "prod_infra.settings"}


def __getattr__(name: str) -> Any:
    # pulumi_aws takes more than a second to import, and most of the command line has no use for it.
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
