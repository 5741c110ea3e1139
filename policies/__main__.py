"""Start the pack: run by the Pulumi engine, or by anything that speaks its Analyzer protocol. It never returns."""

import sys
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

setattr(policy, "_PolicyAnalyzerServicer", Server)  # noqa: B010  see policies/server.py; mypy knows it as a class
PolicyPack(name=NAME, description=DESCRIPTION, policies=policies(ALL_RULES, load(ALL_RULES)))
