"""Every rule of the pack, in one explicit tuple: what is not here is not checked."""

from __future__ import annotations

from typing import Final

from policies.rule import Rule
from policies.rules import (
    audit_trail,
    blue_green,
    containers,
    data,
    edge,
    firewall,
    identity,
    keys,
    load_balancing,
    multi_az,
    network,
    services,
    storage,
    upkeep,
    wiring,
)

ALL_RULES: Final[tuple[Rule, ...]] = (
    *network.RULES,
    *load_balancing.RULES,
    *edge.RULES,
    *storage.RULES,
    *data.RULES,
    *containers.RULES,
    *services.RULES,
    *multi_az.RULES,
    *wiring.RULES,
    *blue_green.RULES,
    *keys.RULES,
    *audit_trail.RULES,
    *firewall.RULES,
    *identity.RULES,
    *upkeep.RULES,
)
