"""The environment as one SVG: tiers from top to bottom, availability zones side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape

from prod_infra.deployment.program.registration import Registration
from prod_infra.graph.picture import DATA, DRAWN, EDGE, PRIVATE, PUBLIC, REGION, TIERS, Node, Picture, picture

MARGIN, GAP, BOX_HEIGHT, TITLE = 26, 14, 56, 30
ZONE_WIDTH, REGION_WIDTH, LABEL_OFFSET = 520, 250, 12
COLORS: Final = {EDGE: "#8c4fff", PUBLIC: "#2e7d32", PRIVATE: "#1565c0", DATA: "#c2185b", REGION: "#5d6d7e"}
STYLE: Final = """
  text { font-family: system-ui, 'Segoe UI', Helvetica, Arial, sans-serif; fill: #1b2631; }
  .title { font-size: 13px; font-weight: 600; } .name { font-size: 11.5px; fill: #425466; }
  .frame { fill: none; stroke-width: 1.5; } .label { font-size: 12px; font-weight: 600; }
  .flow { fill: none; stroke: #7b8794; stroke-width: 1.4; } .port { font-size: 11px; fill: #425466; }
"""


@dataclass(frozen=True)
class _Box:
    x: float
    y: float
    width: float
    height: float = BOX_HEIGHT

    @property
    def middle(self) -> float:
        return self.x + self.width / 2


def _text(x: float, y: float, text: str, kind: str, *, width: float, anchor: str = "middle") -> str:
    # Pixels a character at the sizes in STYLE: cut rather than overflow.
    most = max(int((width - GAP) / (7.6 if kind == "title" else 6.3)), 4)
    shown = text if len(text) <= most else text[: most - 1] + "…"
    return f'<text x="{x:.0f}" y="{y:.0f}" class="{kind}" text-anchor="{anchor}">{escape(shown)}</text>'


def _node(node: Node, box: _Box) -> list[str]:
    return [
        (
            f'<g><title>{escape(node.urn)}</title><rect x="{box.x:.0f}" y="{box.y:.0f}" width="{box.width:.0f}" '
            f'height="{box.height:.0f}" rx="8" fill="#ffffff" stroke="{COLORS[node.tier]}" stroke-width="1.6"/>'
        ),
        _text(box.middle, box.y + 24, node.title, "title", width=box.width),
        _text(box.middle, box.y + 42, node.detail or node.name, "name", width=box.width) + "</g>",
    ]


def _frame(box: _Box, title: str, color: str, *, dashed: bool = False) -> list[str]:
    dash = ' stroke-dasharray="6 4"' if dashed else ""
    return [
        (
            f'<rect x="{box.x:.0f}" y="{box.y:.0f}" width="{box.width:.0f}" height="{box.height:.0f}" rx="10" '
            f'class="frame" stroke="{color}"{dash}/>'
        ),
        f'<text x="{box.x + 20:.0f}" y="{box.y + 20:.0f}" class="label" style="fill:{color}">{escape(title)}</text>',
    ]


def _row(nodes: Sequence[Node], x: float, y: float, width: float, gap: float = GAP) -> dict[str, _Box]:
    each = (width - gap * (len(nodes) - 1)) / len(nodes) if nodes else 0
    return {node.urn: _Box(x + index * (each + gap), y, each) for index, node in enumerate(nodes)}


def _rows(drawn: Picture, tier: str) -> list[list[Node]]:
    """Return a tier's rows: what spans the zones by kind, in the order of `DRAWN`, then what stands in one zone."""
    nodes = [node for node in drawn.nodes if node.tier == tier]
    spanning = [[n for n in nodes if n.title == title and len(n.zones) != 1] for title, _ in DRAWN.values()]
    return [row for row in (*spanning, [node for node in nodes if len(node.zones) == 1]) if row]


def _flow(source: _Box, target: _Box, label: str) -> list[str]:
    if source.y == target.y:
        forward = target.x > source.x
        x1, x2 = (source.x + source.width, target.x) if forward else (source.x, target.x + target.width)
        y = source.y + source.height / 2
        path, at = f"M{x1:.0f},{y:.0f} L{x2:.0f},{y:.0f}", ((x1 + x2) / 2 - 12, y - 5)
    else:
        down = target.y > source.y
        x1, y1 = source.middle, source.y + (source.height if down else 0)
        x2, y2 = target.middle, target.y + (0 if down else target.height)
        bend = max(abs(y2 - y1) / 2, 12) * (1 if down else -1)
        path = f"M{x1:.0f},{y1:.0f} C{x1:.0f},{y1 + bend:.0f} {x2:.0f},{y2 - bend:.0f} {x2:.0f},{y2:.0f}"
        at = (x2 + 6, y2 + (-6 if down else LABEL_OFFSET))
    return [
        f'<path class="flow" marker-end="url(#arrow)" d="{path}"/>',
        f'<text x="{at[0]:.0f}" y="{at[1]:.0f}" class="port">{escape(label)}</text>',
    ]


def _edge_row(drawn: Picture) -> list[Node]:
    """Return the edge tier with the distributions in the middle of what they read."""
    nodes = [node for node in drawn.nodes if node.tier == EDGE]
    distributions = [node for node in nodes if node.title.startswith("CloudFront")]
    origins = [node for node in nodes if node not in distributions]
    half = len(origins) // 2
    return [*origins[:half], *distributions, *origins[half:]]


def svg(registrations: Sequence[Registration]) -> str:
    """Return a self-contained SVG document; hovering over a box shows its URN."""
    drawn = picture(registrations)
    columns = max(len(drawn.zones), 1)
    inner = columns * ZONE_WIDTH + (columns - 1) * GAP
    vpc_x, y = MARGIN, MARGIN + 36.0
    boxes = _row(_edge_row(drawn), vpc_x + MARGIN, y, inner, gap=4 * GAP)
    viewers = _Box(vpc_x + MARGIN + inner / 2 - 50, 4, 100, 26)
    y += BOX_HEIGHT + 2 * MARGIN
    vpc_top = y
    y += TITLE
    zones_top, frames = y, []
    y += TITLE
    for tier in (PUBLIC, PRIVATE, DATA):
        rows = _rows(drawn, tier)
        if not rows:
            continue
        top = y
        y += TITLE
        for row in rows:
            if len(row[0].zones) == 1:
                for index, zone in enumerate(drawn.zones):
                    column = vpc_x + MARGIN + index * (ZONE_WIDTH + GAP)
                    here = [node for node in row if node.zones == (zone,)]
                    boxes |= _row(here, column + 2 * GAP, y, ZONE_WIDTH - 4 * GAP)
            else:
                boxes |= _row(row, vpc_x + MARGIN + 2 * GAP, y, inner - 4 * GAP)
            y += BOX_HEIGHT + MARGIN
        cidrs = ", ".join(cidr for _, of, cidr in drawn.subnets if of == tier)
        title = f"{TIERS[tier]}  {cidrs}" if cidrs else TIERS[tier]
        frames += _frame(_Box(vpc_x + GAP, top, inner + 2 * (MARGIN - GAP), y - top - GAP / 2), title, COLORS[tier])
    for index, zone in enumerate(drawn.zones):
        column = vpc_x + MARGIN + index * (ZONE_WIDTH + GAP)
        frames += _frame(_Box(column, zones_top, ZONE_WIDTH, y - zones_top + GAP), zone, "#b9770e", dashed=True)
    bottom = y + 2 * GAP
    frames += _frame(_Box(vpc_x, vpc_top, inner + 2 * MARGIN, bottom - vpc_top), f"VPC {drawn.vpc_cidr}", "#34495e")
    region_x, at = vpc_x + inner + 3 * MARGIN, vpc_top + TITLE
    for node in (node for node in drawn.nodes if node.tier == REGION):
        boxes[node.urn] = _Box(region_x + GAP, at, REGION_WIDTH - 2 * GAP)
        at += BOX_HEIGHT + GAP
    bottom = max(bottom, at + GAP)
    frames += _frame(_Box(region_x, vpc_top, REGION_WIDTH, bottom - vpc_top), TIERS[REGION], COLORS[REGION])
    flows = [
        line for e in drawn.edges if e.source in boxes for line in _flow(boxes[e.source], boxes[e.target], e.label)
    ]
    for node in drawn.nodes:
        if node.title.startswith("CloudFront"):
            flows += _flow(viewers, boxes[node.urn], "443")
    width, height = region_x + REGION_WIDTH + MARGIN, bottom + MARGIN
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
            f'width="{width:.0f}" height="{height:.0f}" role="img" aria-label="The environment by zone and tier">'
        ),
        f"<style>{STYLE}</style>",
        (
            '<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
            'orient="auto"><path d="M0,0 L8,4 L0,8 z" fill="#7b8794"/></marker></defs>'
        ),
        f'<rect width="{width:.0f}" height="{height:.0f}" fill="#fbfcfd"/>',
        *frames,
        *flows,
        f'<rect x="{viewers.x:.0f}" y="{viewers.y}" width="100" height="26" rx="13" fill="#ffffff" stroke="#34495e"/>',
        _text(viewers.middle, viewers.y + 18, "Viewers", "title", width=100),
        *(line for node in drawn.nodes for line in _node(node, boxes[node.urn])),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"
