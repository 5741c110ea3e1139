"""An embedded engine on the memory cloud, in this process or in one that is killed."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from prod_infra.deployment.embedded.embedded_engine import EmbeddedEngine
from prod_infra.deployment.embedded.secrets_manager import SecretsManager
from prod_infra.deployment.embedded.state import StateFile
from prod_infra.deployment.engine import Program
from tests.deployment.memory_cloud import Cloud, MemoryProvider, Node, NodeProgram, RecoveringProvider

PASSPHRASE: Final = "laws"
SALT: Final = "v1:cOi75JQYS2k=:v1:R5dajeee7CGzNHAS:5MDSIWg2f2ObxYjSESlD/fYmigeBXA=="

# Pulumi's key takes 0.3 s to derive: once here, and processes forked from one that has imported this have it.
SecretsManager(PASSPHRASE, SALT)


def state_file(folder: Path) -> StateFile:
    """Return a state file in the folder whose key needs no deriving."""
    os.environ["PULUMI_CONFIG_PASSPHRASE"] = PASSPHRASE
    path = folder / "test.json"
    if not path.exists():
        secrets = {"type": "passphrase", "state": {"salt": SALT}}
        path.write_text(json.dumps({"version": 3, "deployment": {"manifest": {}, "secrets_providers": secrets}}))
    return StateFile(path, "laws", "test")


def engine(
    main: Callable[[], object] | Sequence[Node], cloud: Cloud, folder: Path, *, provider: MemoryProvider | None = None
) -> EmbeddedEngine:
    """Return an engine for a program, or for one that registers the given nodes."""
    register = main if callable(main) else NodeProgram(tuple(main))

    def run() -> None:
        register()

    program = Program(
        project="laws",
        stack="test",
        main=run,
        config={"memory:zone": "one", "laws:size": "3"},
    )
    return EmbeddedEngine(program, {"memory": provider or RecoveringProvider(cloud)}, state_file(folder), workers=4)


def up_and_die(nodes: Sequence[Node], folder: Path, call: int, moment: str) -> None:
    """Run `up` in this process, which kill -9 ends before or after the cloud has done one of its calls."""
    cloud = Cloud(folder / "cloud")
    cloud.kill_at = (call, moment)
    engine(nodes, cloud, folder).up()
