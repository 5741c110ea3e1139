"""matplotlib figures as inline SVG that takes its colours from the page, so that one picture is light and dark."""

from __future__ import annotations

import contextlib
import io
import re
import warnings
from collections.abc import Iterator
from html import escape
from typing import Any, Final

from markupsafe import Markup

_VARIABLES: Final = ("ink", "muted", "line", "good", "bad", "write", "read", "warn")
INK, MUTED, LINE, GOOD, BAD, WRITE, READ, WARN = (f"#0000{number:02x}" for number in range(1, 9))
"""Colours that nobody draws in: each stands for the page's CSS variable of that name."""


@contextlib.contextmanager
def style() -> Iterator[None]:
    """Draw as the page is set: its font, its colours, and never a formula, whatever a label says."""
    import matplotlib as mpl  # noqa: PLC0415  half a second that a run without a picture need not wait

    settings: Any = {
        "svg.fonttype": "none",
        "svg.hashsalt": "prod-infra",
        "text.parse_math": False,
        "font.size": 10,
        "text.color": INK,
        "axes.edgecolor": LINE,
        "axes.labelcolor": MUTED,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "xtick.color": MUTED,
        "ytick.color": MUTED,
        "grid.color": LINE,
        "grid.linewidth": 0.6,
        "legend.frameon": False,
    }
    with mpl.rc_context(settings), warnings.catch_warnings():
        # The browser has glyphs that matplotlib's font lacks.
        warnings.filterwarnings("ignore", message="Glyph .* missing", category=UserWarning)
        yield


def inline(figure: Any, name: str, title: str, description: str) -> Markup:
    """Return a matplotlib figure as `<svg>` for a page.

    Args:
        figure: drawn within `style()`.
        name: unique on the page; its ids begin with it.
        title: what it shows, for those who can't see it.
        description: what there is to see, in words.
    """
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    text = buffer.getvalue()
    text = re.sub(r"<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.DOTALL)
    text = re.sub(r'\bid="', f'id="{name}-', text)
    text = re.sub(r'(href="#|url\(#)', rf"\g<1>{name}-", text)
    for number, variable in enumerate(_VARIABLES, 1):
        text = text.replace(f"#0000{number:02x}", f"var(--{variable})")
    size = re.search(r'viewBox="[^"]*"', text)
    opening = f'<svg {size[0] if size else ""} class="figure" role="img" aria-labelledby="{name}-title {name}-words"'
    names = f'><title id="{name}-title">{escape(title)}</title><desc id="{name}-words">{escape(description)}</desc>'
    return Markup(opening + names + text[text.index(">") + 1 :])  # noqa: S704  matplotlib escapes its labels
