"""Start the pack: run by the Pulumi engine, or by anything that speaks its Analyzer protocol. It never returns."""

import os
import sys
import threading
import time
from pathlib import Path

from pulumi_policy import PolicyPack, policy

# The engine makes the pack's own folder importable; the package `policies` lies one folder above.
_ABOVE = str(Path(__file__).resolve().parent.parent)
if _ABOVE not in sys.path:
    sys.path.insert(0, _ABOVE)

from policies.pack import DESCRIPTION, NAME, policies  # noqa: E402
from policies.rules import ALL_RULES  # noqa: E402
from policies.server import Server  # noqa: E402
from policies.waivers import load  # noqa: E402

_PARENT = os.getppid()


def _end_with_parent() -> None:
    """Leave with whoever started the pack: who was killed can't tell it to, and it would wait for calls for ever."""
    while os.getppid() == _PARENT:
        time.sleep(1)
    os._exit(0)


threading.Thread(target=_end_with_parent, daemon=True).start()
setattr(policy, "_PolicyAnalyzerServicer", Server)  # noqa: B010  see policies/server.py; mypy knows it as a class
PolicyPack(name=NAME, description=DESCRIPTION, policies=policies(ALL_RULES, load(ALL_RULES)))
