"""What `deploy_prod` deploys by: the embedded engine in a rehearsal, exactly the approved plan on a real account."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from rich.console import Console
from rich.text import Text

from prod_infra.deployment.account import preconditions
from prod_infra.deployment.account.aws_target import AwsTarget, SavedPlan
from prod_infra.deployment.account.blast_radius import HOLDS_DATA, BlastRadius, blast_radius, require_allowed
from prod_infra.deployment.account.cost import monthly_cost
from prod_infra.deployment.account.precondition import Precondition
from prod_infra.deployment.engine import OnProgress, Result
from prod_infra.deployment.policy.guard import PolicyGuard
from prod_infra.deployment.program.registration import Registration
from prod_infra.deployment.targets import LocalTarget
from runbooks.core.environment import Environment
from runbooks.core.results import publish


class Deployment(Protocol):
    """How a target is deployed to."""

    def preview(self) -> Result:
        """Say what `up` would do; change nothing."""

    def covered(self) -> Mapping[str, Any]:
        """Return what an approval covers beside the changes; empty for nothing."""

    def settle(self, digest: str) -> bool:
        """Take the digest of the plan that was previewed last; false where it has to be previewed again."""

    def review(self, console: Console) -> None:
        """Show what is to be known before an approval, and refuse what can't be approved."""

    def up(self, on_progress: OnProgress) -> Result:
        """Do it."""


class Rehearsal:
    """The embedded engine on a local AWS, which does what is true now.

    Args:
        target: where.
        environment: what.
    """

    def __init__(self, target: LocalTarget, environment: Environment) -> None:
        self._target, self._program = target, environment.program

    def preview(self) -> Result:
        """Say what `up` would do."""
        return self._target.engine(self._program).preview()

    def covered(self) -> Mapping[str, Any]:
        """Nothing: there is no plan file."""
        return {}

    def settle(self, digest: str) -> bool:
        """Nothing is kept."""
        del digest
        return True

    def review(self, console: Console) -> None:
        """Refuse nothing: it is a rehearsal."""

    def up(self, on_progress: OnProgress) -> Result:
        """Do it; what the gate had to defer, the pack decides here, resource by resource."""
        with PolicyGuard() as guard:
            return self._target.engine(self._program, guard.objections).up(on_progress)


class AccountDeployment:
    """Pulumi's CLI on a real account, held to the plan file that the approval's digest covers.

    Args:
        target: the account.
        environment: what.
        registrations: returns what the program registers, for its cost.
        approved: digest that was approved before, of this plan or of another; empty for none.
        allowed: URNs whose loss is wanted.
    """

    def __init__(
        self,
        target: AwsTarget,
        environment: Environment,
        registrations: Callable[[], Sequence[Registration]],
        *,
        approved: str,
        allowed: Sequence[str],
    ) -> None:
        self._target, self._environment, self._registrations = target, environment, registrations
        self._approved, self._allowed = approved, allowed
        self._plan: SavedPlan | None = None
        self._dropped = ""

    @property
    def plan(self) -> SavedPlan:
        """The newest preview's."""
        assert self._plan is not None  # noqa: S101  `preview` came before
        return self._plan

    def preview(self) -> Result:
        """Say what `up` would do; where a plan was kept for what is approved, that one is the plan.

        Raises:
            PolicyError: the pack objects.
            DeploymentError: the program or the provider failed.
            StateError: the stack is locked, or its backend can't be used.
        """
        self._plan = self._target.preview(self._environment.program, self._approved)
        return self._plan.result

    def covered(self) -> Mapping[str, Any]:
        """SHA-256 of the plan file: who changes it, changes the digest."""
        return {"plan": self.plan.sha256}

    def settle(self, digest: str) -> bool:
        """Keep a new plan under its digest; drop one that was kept for an approval and is not what was approved."""
        if not self.plan.kept:
            self._plan, self._approved = self._target.keep(self._environment.program, self.plan, digest), digest
        elif digest != self._approved:
            self._approved, self._dropped = "", self._approved
            return False
        return True

    def review(self, console: Console) -> None:
        """Show blast radius, monthly cost and what the account lacks.

        Raises:
            ApprovalError: it would lose data that nobody gave up; every such resource at once.
            InvalidInputError: the account is not ready; every fault at once.
        """
        if self._dropped:
            said = f"The plan that was kept for {self._dropped} was changed since, or is stale: this is today's."
            console.print(Text(said, "yellow"), soft_wrap=True)
        radius = blast_radius(self.plan.result, self._allowed)
        cost = monthly_cost(self._target.clients(), self._registrations(), self._environment.settings)
        found = self._target.before_deploy(self._environment.settings, self.plan.result)
        for line in _radius_lines(radius):
            console.print(line, soft_wrap=True)
        console.print(Text(str(cost)), soft_wrap=True)
        for one in found:
            console.print(_line(one), soft_wrap=True)
        publish(
            "account",
            {
                "lost": [{"urn": change.urn, "kind": change.kind.value} for change in radius.lost],
                "allowed": [change.urn for change in radius.allowed],
                "monthly_usd": float(cost.known),
                "monthly_unknown": list(cost.unknown),
                "preconditions": [{"name": one.name, "holds": one.holds, "detail": one.detail} for one in found],
            },
        )
        require_allowed(radius)
        preconditions.require(found)

    def up(self, on_progress: OnProgress) -> Result:
        """Do what is in the plan, and nothing else.

        Raises:
            ApprovalError: the plan file is not the one that was approved; nothing was changed.
            DeploymentError: it stopped part way, or what it would do is no longer what was approved.
            StateError: the stack is locked, or its backend can't be used.
        """
        return self._target.up(self._environment.program, self.plan, on_progress)


def _radius_lines(radius: BlastRadius) -> list[Text]:
    if not radius.lost:
        lines = [Text("blast radius: nothing that holds data is replaced or deleted")]
    else:
        lines = [Text(f"blast radius: {len(radius.lost)} resources that hold data", "bold red")]
        for change in radius.lost:
            word = "allowed" if change in radius.allowed else "not allowed"
            lines.append(Text(f"  {change.kind.value} {change.urn}: {HOLDS_DATA[change.type]} ({word})", "red"))
    named = [f"  nothing is lost with {urn}, which was allowed to be" for urn in radius.unknown]
    return lines + [Text(line, "yellow") for line in named]


def _line(one: Precondition) -> Text:
    mark, style = {True: ("✓", "green"), False: ("✗", "red"), None: ("?", "yellow")}[one.holds]
    return Text.assemble((f"{mark} ", style), f"{one.name}: ", (one.detail, "dim"))
