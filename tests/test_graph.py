"""The pictures say what the program registers, and the committed ones are up to date."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from prod_infra.deployment.program.evaluate import register
from prod_infra.deployment.program.registration import Registration
from prod_infra.deployment.project import packaged
from prod_infra.graph import mermaid, picture, svg

DOCS = Path(__file__).parent.parent / "docs"


@pytest.fixture(scope="module")
def registrations() -> tuple[Registration, ...]:
    """What the shipped program registers."""
    return register(packaged())


def test_each_zone_has_its_gateway_and_database(registrations: tuple[Registration, ...]) -> None:
    """A NAT gateway and a DocumentDB instance stand in each availability zone."""
    drawn = picture(registrations)
    for title in ("NAT gateway", "DocumentDB instance"):
        assert sorted(n.zones for n in drawn.nodes if n.title == title) == [(zone,) for zone in drawn.zones]


def test_traffic_follows_the_security_groups(registrations: tuple[Registration, ...]) -> None:
    """The way in is CloudFront, load balancer, tasks, database: as the groups admit it, and no other."""
    drawn = picture(registrations)
    titles = {node.urn: node.title for node in drawn.nodes}
    flows = {(titles[edge.source], titles[edge.target], edge.label) for edge in drawn.edges}
    assert {flow for flow in flows if flow[1] == "DocumentDB instance"} == {
        ("ECS Fargate service", "DocumentDB instance", "27017")
    }
    assert ("CloudFront distribution", "Application Load Balancer", "443") in flows
    assert ("Application Load Balancer", "ECS Fargate service", "8080") in flows


def test_the_svg_is_xml_and_names_every_node(registrations: tuple[Registration, ...]) -> None:
    """The SVG parses, and each node's URN is in it."""
    text = svg(registrations)
    ET.fromstring(text)  # noqa: S314  our own output
    assert all(node.urn in text for node in picture(registrations).nodes)


@pytest.mark.parametrize(("name", "draw"), [("environment.svg", svg), ("environment.mmd", mermaid)])
def test_the_committed_picture_is_up_to_date(registrations: tuple[Registration, ...], name: str, draw: object) -> None:
    """`nox -s docs` would change nothing."""
    assert callable(draw)
    assert (DOCS / name).read_text(encoding="utf-8") == draw(registrations), "run `nox -s docs`"
