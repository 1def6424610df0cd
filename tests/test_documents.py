"""README and the pages in docs/: links lead somewhere, and commands are ones that there are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from slimbench.paths import CODE
from tests.ci import shell

PAGES = sorted([CODE / "README.md", CODE / "CONTRIBUTING.md", *(CODE / "docs").glob("*.md")])

LINK = re.compile(r"\]\(([^)\s]+)\)|^\[[^\]]+\]: (\S+)$", re.MULTILINE)
"""An inline link, or the line that defines a reference."""

REFERENCE = re.compile(r"\]\[([^\]]+)\]")

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def without_code(page: Path) -> str:
    """Return a page's text without its blocks and spans of code."""
    text = re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"`[^`\n]+`", "", text)


def anchors(page: Path) -> set[str]:
    """Return the fragments by which a page's headings are linked to, as GitHub makes them."""
    text = re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    titles = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@each_page
def test_links_lead_somewhere(page: Path) -> None:
    text = without_code(page)
    targets = [inline or defined for inline, defined in LINK.findall(text)]
    for target in targets:
        if "://" in target:
            continue
        path, _, fragment = target.partition("#")
        linked = (page.parent / path).resolve() if path else page
        assert linked.exists(), target
        assert not fragment or fragment in anchors(linked), target
    defined = set(re.findall(r"^\[([^\]]+)\]: ", text, re.MULTILINE))
    assert set(REFERENCE.findall(text)) == defined


@each_page
def test_commands_are_ones_that_there_are(page: Path) -> None:
    blocks = re.findall(r"^```sh\n(.*?)^```$", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    shell.check("\n".join(blocks))


def test_readme_fits_its_readers() -> None:
    assert len((CODE / "README.md").read_text("utf-8").splitlines()) <= 200
