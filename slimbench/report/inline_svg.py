"""A chart's SVG file as a part of an HTML page, in the page's colours.

The ids of several charts in one page differ, nothing is left that only a file needs, and the
colours of text, lines and grounds are the page's variables, so that dark pages have dark charts.
"""

from __future__ import annotations

import html
import re
import xml.etree.ElementTree as ET

from slimbench.report.chart_style import FAINT, GRID, INK, RC, REFERENCE_BAND

COLOURS = {
    INK.lower(): "var(--ink)",
    FAINT.lower(): "var(--soft)",
    GRID.lower(): "var(--grid)",
    REFERENCE_BAND.lower(): "var(--band)",
    RC["axes.edgecolor"]: "var(--axis)",
    "#ffffff": "var(--card)",
}
"""What stands in the page for a chart's colour; colours that carry data stay as they are."""

_REFERENCE = re.compile(r"(?<=url\(#)|(?<=^#)")
_COLOUR = re.compile("#[0-9a-fA-F]{6}")
_FOR_FILES = {"metadata", "style"}


def inline(svg: str, name: str, label: str) -> str:
    """Return the `<svg>` element of a file that matplotlib wrote, with its text as paths.

    `name` goes before every id, and has to differ between the charts of a page; `label` is what
    a screen reader says.
    """
    drawn = ET.fromstring(svg)  # noqa: S314 - our own drawing
    box = html.escape(drawn.attrib["viewBox"])
    content = "".join(_written(child, name) for child in drawn)
    return f'<svg viewBox="{box}" role="img" aria-label="{html.escape(label)}">{content}</svg>'


def _written(element: ET.Element, name: str) -> str:
    tag = _local(element.tag)
    if tag in _FOR_FILES:
        return ""
    attributes = "".join(
        f' {_local(key)}="{html.escape(_value(_local(key), value, name))}"'
        for key, value in element.attrib.items()
    )
    content = "".join(_written(child, name) for child in element)
    return f"<{tag}{attributes}>{content}</{tag}>"


def _value(key: str, value: str, name: str) -> str:
    if key == "id":
        return f"{name}-{value}"
    if key == "style":
        value = _COLOUR.sub(lambda colour: COLOURS.get(colour[0].lower(), colour[0]), value)
    return _REFERENCE.sub(f"{name}-", " ".join(value.split()))


def _local(name: str) -> str:
    """Return a name without its namespace, which HTML knows by the element."""
    return name.rpartition("}")[2]
