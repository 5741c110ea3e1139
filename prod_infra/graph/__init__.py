"""Pictures of an environment, drawn from what its program registers."""

from prod_infra.graph.mermaid import mermaid
from prod_infra.graph.picture import Edge, Node, Picture, picture
from prod_infra.graph.svg import svg

__all__ = ["Edge", "Node", "Picture", "mermaid", "picture", "svg"]
