from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import slimbench.webapp

STATIC = Path(slimbench.webapp.__file__).parent / "static"
VENDOR = STATIC / "vendor"


def test_chartjs_is_the_build_of_its_package_with_its_licence() -> None:
    note = json.loads((VENDOR / "chart.json").read_text(encoding="utf-8"))
    build = (VENDOR / note["file"]).read_bytes()
    assert hashlib.sha256(build).hexdigest() == note["sha256"]
    assert f"Chart.js v{note['version']}" in build[:200].decode()
    licence = (VENDOR / note["licence_file"]).read_text(encoding="utf-8")
    assert licence.startswith("The MIT License")
    assert note["licence"] == "MIT"
    assert {path.name for path in VENDOR.iterdir()} == {
        "chart.json",
        note["file"],
        note["licence_file"],
    }


def test_nothing_of_the_page_has_an_address_elsewhere() -> None:
    own = [*STATIC.glob("*.*"), *(STATIC.parent / "templates").glob("*.html")]
    assert len(own) > 8
    for path in own:
        text = path.read_text(encoding="utf-8")
        assert set(re.findall(r"https?://[^\"' ]+", text)) <= {"http://www.w3.org/2000/svg"}, path


def test_templates_have_no_inline_script_style_or_handler() -> None:
    for path in (STATIC.parent / "templates").glob("*.html"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"\s(style|on[a-z]+)=", text), path
        assert "<style" not in text
        for tag in re.findall(r"<script[^>]*>", text):
            assert "src=" in tag or 'type="application/json"' in tag
