"""The environment as a Mermaid flowchart, which code hosts render by themselves."""

from __future__ import annotations

from collections.abc import Sequence

from prod_infra.deployment.program.registration import Registration
from prod_infra.graph.picture import DATA, EDGE, PRIVATE, PUBLIC, REGION, TIERS, Node, picture


def _box(node: Node, ids: dict[str, str]) -> str:
    lines = [f"<b>{node.title}</b>", node.name, *([node.detail] if node.detail and node.detail != node.name else [])]
    return f'{ids[node.urn]}["{"<br>".join(lines)}"]'


def mermaid(registrations: Sequence[Registration]) -> str:
    """Return a `flowchart TB`: a subgraph for each tier, and within the VPC for each availability zone."""
    drawn = picture(registrations)
    ids = {node.urn: f"n{index}" for index, node in enumerate(drawn.nodes)}
    lines = ["flowchart TB", '  viewers(["Viewers"])']

    def tier(name: str, nodes: Sequence[Node], indent: str) -> None:
        if not nodes:
            return
        lines.append(f'{indent}subgraph {name.replace(" ", "_")}["{TIERS[name]}"]')
        lines.extend(f"{indent}  {_box(node, ids)}" for node in nodes)
        lines.append(f"{indent}end")

    tier(EDGE, [node for node in drawn.nodes if node.tier == EDGE], "  ")
    lines.append(f'  subgraph vpc["VPC {drawn.vpc_cidr}"]')
    spanning = [n for n in drawn.nodes if n.tier in {PUBLIC, PRIVATE, DATA} and len(n.zones) != 1]
    lines.extend(f"    {_box(node, ids)}" for node in spanning)
    for number, zone in enumerate(drawn.zones):
        lines.append(f'    subgraph az{number}["{zone}"]')
        lines.extend(f"      {_box(node, ids)}" for node in drawn.nodes if node.zones == (zone,))
        lines.append("    end")
    lines.append("  end")
    tier(REGION, [node for node in drawn.nodes if node.tier == REGION], "  ")
    lines.extend(f"  viewers -->|443| {ids[node.urn]}" for node in drawn.nodes if node.title.startswith("CloudFront"))
    lines.extend(f"  {ids[e.source]} -->|{e.label}| {ids[e.target]}" for e in drawn.edges if e.source in ids)
    return "\n".join(lines) + "\n"
