"""Runbook `nat_outage`: an availability zone's way out moved to another zone's NAT gateway, looked at, and moved back.

It needs nothing of the zone's own gateway, so it serves a real outage as well: with `come_back=false` the routes stay.
A moved route costs traffic between zones, and connections through the former gateway break, since the other one has
another address (VPC guide, "NAT gateways"). Customers' requests don't pass there: the probe shows that they go on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from prod_infra.errors import RunbookError
from runbooks.actions.one_off_task import Ended, one_off_task, stop_tasks
from runbooks.core.aws import Aws
from runbooks.core.results import publish
from runbooks.core.step import Call, Step, Undo, UndoAction
from runbooks.core.waiting import wait
from runbooks.probes.probing import ProbedRun
from runbooks.recovery_parameters import NatOutageParameters
from runbooks.verify import Check

ANYWHERE: Final = "0.0.0.0/0"
ROUTE_SECONDS: Final = 60.0
"""For which AWS may take to show a replaced route."""


def default_route(aws: Aws, table: str) -> dict[str, Any]:
    """Return a route table's route to 0.0.0.0/0, or an empty dict."""
    found = aws("ec2").describe_route_tables(RouteTableIds=[table])["RouteTables"][0]["Routes"]
    return dict(next((route for route in found if route.get("DestinationCidrBlock") == ANYWHERE), {}))


def replace_route(table: str, nat_gateway: str) -> Call:
    """Return the call that leads a route table's default route to a NAT gateway."""
    parameters = {"RouteTableId": table, "DestinationCidrBlock": ANYWHERE, "NatGatewayId": nat_gateway}
    return Call(service="ec2", operation="replace_route", parameters=parameters)


@dataclass(frozen=True, kw_only=True)
class MoveRoute(Step):
    """Lead a route table's default route to another NAT gateway.

    Attributes:
        run: the drill.
        table: ID of the route table.
        former: ID of the NAT gateway that it leads to.
        other: ID of the one that it is to lead to.
    """

    run: NatOutage
    table: str
    former: str
    other: str

    @property
    def name(self) -> str:
        """From where to where."""
        return f"lead {self.table} to {self.other}"

    def already_done(self) -> bool:
        """Whether it leads there, and is active."""
        found = default_route(self.run.aws, self.table)
        return (found.get("NatGatewayId"), found.get("State")) == (self.other, "active")

    def calls(self) -> Sequence[Call]:
        """One call."""
        return [replace_route(self.table, self.other)]

    def undo(self) -> Undo:
        """Lead it back to exactly where it led."""
        return Undo(action="nat_outage.route_back", arguments={"table": self.table, "nat_gateway": self.former})

    def act(self) -> Mapping[str, Any]:
        """Replace the route, and wait until AWS calls it active.

        Raises:
            WaitTimeoutError: it does not.
        """
        self.run.aws("ec2").replace_route(**self.calls()[0].parameters)
        self.run.wait(f"the route of {self.table} to be active", self.already_done, timeout=ROUTE_SECONDS)
        return {"former": self.former}


class NatOutage(ProbedRun[NatOutageParameters]):
    """One run of the drill."""

    name, model = "nat_outage", NatOutageParameters
    _egress: Ended | None = None

    @property
    def facts(self) -> Mapping[str, Any]:
        """What the run works on: `zone`, `subnets`, `other`, and `tables`, each with the gateway it led to."""
        found: Mapping[str, Any] = self.decide("facts", self._look)
        return found

    def preflight(self) -> None:
        """Find the zone's route tables and another zone's gateway.

        Raises:
            RunbookError: there is no such zone, no other gateway, or the zone's traffic leaves through another zone.
        """
        facts = self.facts
        self.say(f"{facts['zone']}: {', '.join(facts['tables'])} to {facts['other']}")

    def _look(self) -> dict[str, Any]:
        env = self.deployed()
        zones = sorted({net["AvailabilityZone"] for net in env.private_subnets.values()})
        zone = self.parameters.zone or zones[0]
        if zone not in zones:
            raise RunbookError(f"There is no private subnet in {zone}.", hint=f"zone is one of {', '.join(zones)}")
        inside = {name for name, net in env.private_subnets.items() if net["AvailabilityZone"] == zone}
        outside = env.private_subnets.keys() - inside
        tables: dict[str, str] = {}
        for subnet in sorted(inside):
            table = env.route_tables.get(subnet, {}).get("RouteTableId", "")
            gateway = env.default_route(subnet).get("NatGatewayId", "")
            if not gateway:
                raise RunbookError(f"{subnet} has no route table with a default route to a NAT gateway.")
            if any(env.route_tables.get(other, {}).get("RouteTableId") == table for other in outside):
                raise RunbookError(f"{table} serves other zones, too: {zone} has no way out of its own.")
            tables[table] = gateway
        found = self.aws("ec2").describe_nat_gateways(NatGatewayIds=sorted(set(tables.values())))["NatGateways"]
        for gateway in found:
            where = env.subnets[gateway["SubnetId"]]["AvailabilityZone"]
            if where != zone:
                raise RunbookError(
                    f"{zone} leaves through {gateway['NatGatewayId']} in {where} already.",
                    hint="another run, or somebody, moved it: `prod-infra runbook undo RUN_ID` moves it back",
                )
        others = sorted(
            name
            for name, gateway in env.nat_gateways.items()
            if env.subnets[gateway["SubnetId"]]["AvailabilityZone"] != zone
        )
        if not others:
            raise RunbookError(f"No NAT gateway outside of {zone} is available.")
        return {"zone": zone, "subnets": sorted(inside), "tables": tables, "other": others[0]}

    def steps(self) -> Sequence[Step]:
        """Move each route table, then look from inside."""
        facts = self.facts
        moves: list[Step] = [
            MoveRoute(run=self, table=table, former=former, other=facts["other"])
            for table, former in facts["tables"].items()
        ]
        if not self.parameters.egress_command:
            return moves
        look = one_off_task(
            self,
            self.deployed(),
            title=f"look at the way out of {facts['zone']}",
            command=self.parameters.egress_command,
            keep=self._saw,
            subnets=facts["subnets"],
        )
        return [*moves, look]

    def _saw(self, ended: Ended) -> None:
        self._egress = ended

    def checks(self) -> Iterator[Check]:
        """The routes are active, their gateway is available, and a task in the zone gets out."""
        facts = self.facts
        routes = {table: default_route(self.aws, table) for table in facts["tables"]}
        yield Check(
            group="network",
            name=f"The way out of {facts['zone']} leads to {facts['other']}",
            passed=all(
                (route.get("NatGatewayId"), route.get("State")) == (facts["other"], "active")
                for route in routes.values()
            ),
            detail="; ".join(
                f"{table} {route.get('NatGatewayId')} {route.get('State')}" for table, route in routes.items()
            ),
        )
        state = self.aws("ec2").describe_nat_gateways(NatGatewayIds=[facts["other"]])["NatGateways"][0]["State"]
        yield Check(
            group="network", name="The other NAT gateway is available", passed=state == "available", detail=state
        )
        yield Check(
            group="network",
            name=f"A task in {facts['zone']} gets out",
            passed=self._egress is None or self._egress.exit_code == 0,
            detail=str(self._egress or "not checked: egress_command is empty"),
        )
        publish("egress", {"checked": self._egress is not None, "exit_code": self._egress and self._egress.exit_code})

    def finish(self) -> None:
        """Move the routes back, unless they are to stay.

        Raises:
            RunbookError: they are not where they were.
        """
        if self.parameters.dry_run or not self.parameters.come_back:
            return
        self.take_back()
        for table, former in self.facts["tables"].items():
            if default_route(self.aws, table).get("NatGatewayId") != former:
                raise RunbookError(f"{table} does not lead to {former} again.")


def route_back(aws: Aws, *, table: str, nat_gateway: str) -> str:
    """Lead a route table's default route back to its own NAT gateway; active or not, it is as it was."""

    def leads_there() -> bool:
        return default_route(aws, table).get("NatGatewayId") == nat_gateway

    if leads_there():
        return f"{table} leads to {nat_gateway}"
    aws("ec2").replace_route(**replace_route(table, nat_gateway).parameters)
    wait(f"{table} to lead to {nat_gateway}", leads_there, timeout=ROUTE_SECONDS, poll=aws.poll_seconds)
    return f"{table} led back to {nat_gateway}"


start = NatOutage.start

UNDO: Final[Mapping[str, UndoAction]] = {"route_back": route_back, "stop_tasks": stop_tasks}
