"""Route tables, their routes, and the subnets that use them."""

from __future__ import annotations

import zlib
from typing import Any, Final

from prod_infra.local_aws.provider.handlers.common import absent_is_fine, compact, tag_state, tags_of
from prod_infra.local_aws.provider.handlers.ec2_common import Ec2Handler, filters, one_with_tags
from prod_infra.properties import Props

_DESTINATIONS: Final = {
    "destinationCidrBlock": "DestinationCidrBlock",
    "destinationIpv6CidrBlock": "DestinationIpv6CidrBlock",
    "destinationPrefixListId": "DestinationPrefixListId",
}
_TARGETS: Final = {
    "gatewayId": "GatewayId",
    "natGatewayId": "NatGatewayId",
    "networkInterfaceId": "NetworkInterfaceId",
    "transitGatewayId": "TransitGatewayId",
    "vpcPeeringConnectionId": "VpcPeeringConnectionId",
}
# A table's own routes name their destination in short.
_INLINE: Final = {
    "cidrBlock": "DestinationCidrBlock",
    "ipv6CidrBlock": "DestinationIpv6CidrBlock",
    "destinationPrefixListId": "DestinationPrefixListId",
    **_TARGETS,
}


def _picked(props: Props, names: dict[str, str]) -> dict[str, Any]:
    """Return boto3's arguments for the properties that are set."""
    return {argument: props[name] for name, argument in names.items() if props.get(name)}


def _shown(route: dict[str, Any], names: dict[str, str]) -> Props:
    return {name: route[key] for name, key in names.items() if route.get(key)}


class RouteTable(Ec2Handler):
    """A route table; `routes` are managed only where they are given, else `Route` resources do."""

    token = "aws:ec2/routeTable:RouteTable"
    kind = "route-table"
    not_found = "InvalidRouteTableID.NotFound"
    inputs = frozenset({"routes", "tags", "vpcId"})
    nested_inputs = {"routes": frozenset(_INLINE)}
    set_inputs = frozenset({"routes"})
    replace_on = frozenset({"vpcId"})
    outputs = frozenset({"arn", "ownerId", "routes", "tagsAll"})

    def create(self, inputs: Props) -> str:
        """Create the table with its routes."""
        ec2 = self.clients("ec2")
        table = ec2.create_route_table(VpcId=inputs["vpcId"], **self.tag_specification(inputs))["RouteTable"]
        table_id = self.made(table["RouteTableId"])
        for route in inputs.get("routes") or ():
            ec2.create_route(RouteTableId=table_id, **_picked(route, _INLINE))
        return table_id

    def read(self, resource_id: str, state: Props) -> Props | None:
        """Return the table, and where the program gives its routes every one that a person or a program made."""
        table = self.describe("describe_route_tables", "RouteTables", "RouteTableIds", resource_id)
        if table is None:
            return None
        made = [
            _shown(route, _INLINE)
            for route in table["Routes"]
            # A gateway endpoint puts its own route.
            if route.get("Origin") == "CreateRoute" and not route.get("GatewayId", "").startswith("vpce-")
        ]
        return {
            "vpcId": table["VpcId"],
            # Without this, each Route resource would look like drift of its table.
            "routes": made if "routes" in state else None,
            "arn": self.arn(table["OwnerId"], resource_id),
            "ownerId": table["OwnerId"],
            **tag_state(tags_of(table.get("Tags"))),
        }

    def find(self, inputs: Props) -> str | None:
        """Return the table of this VPC with these tags."""
        tables = self.clients("ec2").describe_route_tables(Filters=filters(vpc_id=inputs["vpcId"]))["RouteTables"]
        made = [table for table in tables if not any(item.get("Main") for item in table["Associations"])]
        return one_with_tags(made, "RouteTableId", inputs.get("tags"))

    def update(self, resource_id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Remove and create routes; set the tags."""
        ec2 = self.clients("ec2")
        if "routes" in changed:
            before, after = old.get("routes") or [], new.get("routes") or []
            for route in [route for route in before if route not in after]:
                ec2.delete_route(
                    RouteTableId=resource_id,
                    **{key: value for key, value in _picked(route, _INLINE).items() if key.startswith("Destination")},
                )
            for route in [route for route in after if route not in before]:
                ec2.create_route(RouteTableId=resource_id, **_picked(route, _INLINE))
        self.update_tags(resource_id, old, new)

    def delete(self, resource_id: str, state: Props) -> None:
        """Delete the table with its routes."""
        del state
        with absent_is_fine(self.not_found):
            self.clients("ec2").delete_route_table(RouteTableId=resource_id)


class Route(Ec2Handler):
    """One route of a table."""

    token = "aws:ec2/route:Route"
    not_found = "InvalidRouteTableID.NotFound"
    inputs = frozenset({"routeTableId", *_DESTINATIONS, *_TARGETS})
    replace_on = frozenset({"routeTableId", *_DESTINATIONS})
    outputs = frozenset({"origin", "state"})
    delete_before_replace = True

    def faults(self, inputs: Props) -> dict[str, str]:
        """A route has one destination and one target."""
        found = {}
        for what, names in (("destination", _DESTINATIONS), ("target", _TARGETS)):
            given = [name for name in names if inputs.get(name)]
            if len(given) != 1:
                found[next(iter(given), next(iter(names)))] = (
                    f"a route needs exactly one {what}, and this one has {len(given)}: give one of {', '.join(names)}"
                )
        return found

    def create(self, inputs: Props) -> str:
        """Create the route."""
        self.clients("ec2").create_route(
            RouteTableId=inputs["routeTableId"], **_picked(inputs, _DESTINATIONS | _TARGETS)
        )
        return self._id(inputs)

    def _id(self, inputs: Props) -> str:
        destination = next(str(inputs[name]) for name in _DESTINATIONS if inputs.get(name))
        return f"r-{inputs['routeTableId']}{zlib.crc32(destination.encode())}"

    def _described(self, props: Props) -> dict[str, Any] | None:
        if not props.get("routeTableId"):
            return None
        table = self.describe("describe_route_tables", "RouteTables", "RouteTableIds", props["routeTableId"])
        wanted = _picked(props, _DESTINATIONS)
        for route in table["Routes"] if table else ():
            if wanted and wanted.items() <= route.items():
                return dict(route)
        return None

    def read(self, resource_id: str, state: Props) -> Props | None:
        """Return the route of the state's table and destination, which the ID holds only as a hash."""
        del resource_id
        route = self._described(state)
        if route is None:
            return None
        return {
            "routeTableId": state["routeTableId"],
            **_shown(route, _DESTINATIONS | _TARGETS),
            "origin": route.get("Origin", ""),
            "state": route.get("State", ""),
        }

    def find(self, inputs: Props) -> str | None:
        """Return the route with this destination in this table."""
        return self._id(inputs) if self._described(inputs) else None

    def update(self, resource_id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Point the route elsewhere."""
        del resource_id, old, changed
        self.clients("ec2").replace_route(RouteTableId=new["routeTableId"], **_picked(new, _DESTINATIONS | _TARGETS))

    def delete(self, resource_id: str, state: Props) -> None:
        """Delete the route."""
        del resource_id
        if not self._described(state):
            return
        with absent_is_fine("InvalidRoute.NotFound", self.not_found):
            self.clients("ec2").delete_route(RouteTableId=state["routeTableId"], **_picked(state, _DESTINATIONS))


class RouteTableAssociation(Ec2Handler):
    """That a subnet, or a gateway, uses a route table."""

    token = "aws:ec2/routeTableAssociation:RouteTableAssociation"
    not_found = "InvalidAssociationID.NotFound"
    inputs = frozenset({"gatewayId", "routeTableId", "subnetId"})
    # AWS can swap the table, but that changes the association's ID, which Pulumi allows only to a replacement.
    replace_on = frozenset({"gatewayId", "routeTableId", "subnetId"})
    delete_before_replace = True

    def faults(self, inputs: Props) -> dict[str, str]:
        """A subnet or a gateway is associated, not both."""
        if bool(inputs.get("subnetId")) == bool(inputs.get("gatewayId")):
            return {"subnetId": "an association needs either subnetId or gatewayId"}
        return {}

    def create(self, inputs: Props) -> str:
        """Associate the table."""
        answer = self.clients("ec2").associate_route_table(
            **compact(
                {
                    "RouteTableId": inputs["routeTableId"],
                    "SubnetId": inputs.get("subnetId"),
                    "GatewayId": inputs.get("gatewayId"),
                }
            )
        )
        return str(answer["AssociationId"])

    def _association(self, **query: str) -> dict[str, Any] | None:
        tables = self.clients("ec2").describe_route_tables(
            Filters=filters(**{f"association.{name.replace('_', '-')}": value for name, value in query.items()})
        )["RouteTables"]
        keys = {
            "route_table_association_id": "RouteTableAssociationId",
            "subnet_id": "SubnetId",
            "gateway_id": "GatewayId",
        }
        for table in tables:
            for item in table["Associations"]:
                if all(item.get(keys[name]) == value for name, value in query.items()):
                    return dict(item)
        return None

    def read(self, resource_id: str, state: Props) -> Props | None:
        """Return the association."""
        del state
        item = self._association(route_table_association_id=resource_id)
        if item is None:
            return None
        return {
            "routeTableId": item["RouteTableId"],
            "subnetId": item.get("SubnetId"),
            "gatewayId": item.get("GatewayId"),
        }

    def find(self, inputs: Props) -> str | None:
        """Return the association of this subnet or gateway with this table."""
        place = {"subnet_id": inputs["subnetId"]} if inputs.get("subnetId") else {"gateway_id": inputs["gatewayId"]}
        item = self._association(**place)
        same = item is not None and item["RouteTableId"] == inputs["routeTableId"]
        return str(item["RouteTableAssociationId"]) if item and same else None

    def delete(self, resource_id: str, state: Props) -> None:
        """Remove the association: the main table takes over."""
        del state
        with absent_is_fine(self.not_found):
            self.clients("ec2").disassociate_route_table(AssociationId=resource_id)


HANDLERS = (RouteTable, Route, RouteTableAssociation)
