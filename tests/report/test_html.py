from __future__ import annotations

import base64
import hashlib
import html as escaping
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from typing import Any

import pytest

from slimbench.history.record import Entry, History
from slimbench.report.chart_style import RC
from slimbench.report.html import STYLE, page
from slimbench.report.inline_svg import COLOURS
from slimbench.report.notes import Footnotes
from slimbench.report.serving import serving_tables
from slimbench.report.table import columns, in_order
from slimbench.report.words import Lang
from tests.example_history import break_budget, document, history, info, unmeasure
from tests.report.test_serving import history as served

VOID = {"meta", "link", "wbr"}

MARKUP = "<b onclick='x()'>\"a\" & </script><script>alert(1)</script>"

READABLE = 4.5
"""Contrast of text, WCAG 2.2, success criterion 1.4.3."""


@dataclass
class Element:
    tag: str
    attributes: dict[str, str]
    children: list[Element | str] = field(default_factory=list)

    def text(self) -> str:
        return "".join(child if isinstance(child, str) else child.text() for child in self.children)

    def all(self, *tags: str) -> Iterator[Element]:
        for child in self.children:
            if isinstance(child, Element):
                if not tags or child.tag in tags:
                    yield child
                yield from child.all(*tags)

    def one(self, tag: str) -> Element:
        (element,) = self.all(tag)
        return element

    def cells(self) -> list[list[str]]:
        """Return a table's rows, cell by cell."""
        return [[cell.text() for cell in row.all("th", "td")] for row in self.all("tr")]


class Reader(HTMLParser):
    """Reads HTML in which every element but the void ones is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Element("", {})
        self._open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(set(names)) == len(names), (tag, names)
        element = Element(tag, {name: value or "" for name, value in attrs})
        self._open[-1].children.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop().tag == tag

    def handle_data(self, data: str) -> None:
        self._open[-1].children.append(data)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")


def read(text: str) -> Element:
    reader = Reader()
    reader.feed(text)
    reader.close()
    return reader.root


def troubled() -> dict[str, Any]:
    """Return a run in which something of every kind is to be said."""
    run = document(status="partial")
    own = run["slimbench"]
    own["missing"] = [{"variant": "resnet50_imagenet_f32", "reason": "no weights here"}]
    own["budgets"][1].update(value=None, verdict="not_judged")
    break_budget(run, "mobilenetv2_dynamic_wi8", own["budgets"][8]["limit"] + 0.00004)
    own["preflight"]["warnings"] = ["The load is 3.1."]
    run["commit_info"]["dirty"] = True
    unmeasure(run, "resnet50_f16", "speedup", "the reference was not there")
    return run


def small() -> History:
    """Return a whole run of two variants, which is drawn soon."""
    run = document()
    del run["benchmarks"][2:]
    return history(run)


@pytest.fixture(scope="module")
def trouble() -> dict[Lang, Element]:
    made = history(troubled())
    return {"en": read(page(made, "en")), "fr": read(page(made, "fr"))}


def captioned(root: Element, text: str) -> Element:
    (table,) = [table for table in root.all("table") if table.one("caption").text() == text]
    return table


def expected(made: History, lang: Lang) -> list[list[str]]:
    shown = columns(made, Footnotes(), lang)
    rows = [[column.cell(entry) for column in shown] for entry in in_order(made)]
    return [[column.heading for column in shown], *rows]


@pytest.mark.parametrize("lang", ["en", "fr"])
def test_every_figure_of_the_table_is_there(trouble: dict[Lang, Element], lang: Lang) -> None:
    made = history(troubled())
    table = next(trouble[lang].all("table"))
    assert table.cells() == expected(made, lang)
    assert "500 images" in table.one("caption").text()
    (reference,) = [row for row in table.all("tr") if row.attributes.get("class") == "reference"]
    assert next(reference.all("th")).text() == "resnet50_f32"


def test_numbers_are_sorted_by_their_exact_values(trouble: dict[Lang, Element]) -> None:
    made = history(troubled())
    head, *rows = next(trouble["en"].all("table")).all("tr")
    numeric = [cell.attributes.get("class") == "number" for cell in head.all("th")]
    assert numeric == [False, True, True, True, True, True, True]
    for entry, row in zip(in_order(made), rows, strict=True):
        values = [cell.attributes.get("data-value") for cell in row.all("td")]
        assert values == [None if value is None else repr(value) for value in exact(entry)]


def exact(entry: Entry) -> list[float | None]:
    assert entry.latency_ms is not None
    assert entry.size_ratio is not None
    return [
        entry.latency_ms.p50,
        entry.size_bytes,
        entry.size_gzip_bytes,
        entry.accuracy_top1,
        entry.speedup,
        1 / entry.size_ratio,
    ]


def test_every_kind_of_column_has_its_values() -> None:
    run = document(threads=(1, 2), engines=("litert", "keras"))
    del run["benchmarks"][8:]
    table = next(read(page(history(run), "en")).all("table"))
    headings = [(cell.text(), cell.attributes.get("class")) for cell in table.all("th")][:10]
    assert headings[1:3] == [("Engine", None), ("Threads", "number")]
    assert headings[9] == ("Against Keras predict", "number")
    for row in list(table.all("tr"))[1:]:
        *_, ratio = row.all("td")
        assert ("data-value" in ratio.attributes) == (ratio.text() != "–")  # noqa: RUF001


def test_the_head_says_what_when_and_of_which_commit(trouble: dict[Lang, Element]) -> None:
    said = trouble["en"].one("header").text()
    for text in (
        "Benchmark run of profile digits",
        "2025-03-01 12:00 UTC",
        "f0c7a1d2b3e4958677a8b9c0d1e2f3a4b5c6d7e8 with uncommitted changes",
        "This run is partial",
        "0001_example.json",
        "1 broken, 1 not judged, 12 kept",
    ):
        assert text in said
    calm = page(small(), "en")
    assert "This run is complete." in calm
    assert "uncommitted" not in calm


def test_budgets_are_listed_with_their_verdicts_broken_ones_first(
    trouble: dict[Lang, Element],
) -> None:
    rows = captioned(trouble["en"], "Budgets").cells()
    assert rows[0] == ["Case", "Budget", "Value", "Limit", "Verdict"]
    name = "latency_ratio_max"
    assert rows[1] == ["mobilenetv2_dynamic_wi8-litert-1", name, "0.24004", "0.24", "broken"]
    assert rows[2] == ["resnet50_f16-litert-1", name, "–", "1.11", "not judged"]  # noqa: RUF001
    assert [row[-1] for row in rows[3:]] == ["kept"] * 12
    assert captioned(trouble["fr"], "Budgets").cells()[1][2:] == ["0,24004", "0,24", "dépassé"]


def test_reasons_warnings_and_what_is_missing_are_said(trouble: dict[Lang, Element]) -> None:
    missing = captioned(trouble["en"], "Missing variants").cells()
    assert missing[1] == ["resnet50_imagenet_f32", "no weights here"]
    lines = [line.text() for line in trouble["en"].all("li")]
    assert lines == ["The load is 3.1.", "[1] the reference was not there"]
    said = trouble["en"].text()
    assert "which takes real photographs" in said
    calm = read(page(small(), "en"))
    assert not {"Missing variants", "Before the run:", "Not measured:"} & set(
        calm.text().split("\n")
    )


def test_machine_and_versions_are_listed(trouble: dict[Lang, Element]) -> None:
    *_, machine, versions = trouble["en"].all("dl")
    facts = [part.text() for part in machine.all("dt", "dd")]
    assert facts[:6] == [
        *("Machine", "build-3 Linux x86_64"),
        *("Processor", "Some CPU @ 2.10GHz (2 CPUs)"),
        *("Instruction sets", "avx2, avx512f"),
    ]
    assert facts[6:] == ["Load before the run", "0.310", "CPU time stolen", "0.400 %"]
    listed = [part.text() for part in versions.all("dt", "dd")]
    assert listed == ["tensorflow", "2.21.0", "ai-edge-litert", "2.3.0"]


def test_the_french_page_is_french(trouble: dict[Lang, Element]) -> None:
    assert trouble["fr"].one("html").attributes["lang"] == "fr"
    assert trouble["en"].one("html").attributes["lang"] == "en"
    said = trouble["fr"].text()
    for text in ("Mesure du profil digits", "partielle", "Amélioration temps", "vraies photo"):
        assert text in said
    for text in ("Figures", "Missing variants", "Verdicts", "Taken"):
        assert text not in said
    labels = [chart.attributes["aria-label"] for chart in trouble["fr"].all("svg")]
    assert labels[:2] == ["Temps d'inférence", "Taille du fichier du modèle"]
    assert labels[2].startswith("Taille, temps et précision")


def test_servers_have_their_table() -> None:
    made = served()
    root = read(page(made, "en"))
    (shown,) = serving_tables(made, "en")
    table = captioned(root, shown.title)
    assert table.cells() == [list(shown.headings), *map(list, shown.rows)]
    for remark in shown.notes:
        assert remark.replace("`", "") in root.text()


def test_nothing_leads_outside(trouble: dict[Lang, Element]) -> None:
    for root in trouble.values():
        ids = [element.attributes["id"] for element in root.all() if "id" in element.attributes]
        assert [name for name, count in Counter(ids).items() if count > 1] == []
        for element in root.all():
            for name, value in element.attributes.items():
                if name in {"src", "href", "xlink:href", "action", "srcset", "data"}:
                    assert value.startswith(("#", "data:")), (element.tag, name, value)
                    assert not value.startswith("#") or value[1:] in ids
                assert not name.startswith("on")
                assert "//" not in value or value.startswith("data:")
                for target in re.findall(r"url\((.*?)\)", value):
                    assert target[0] == "#"
                    assert target[1:] in ids
                if name in {"aria-labelledby"}:
                    assert value in ids
        assert not re.search(r"@import|url\(|//", root.one("style").text())


def test_its_policy_allows_its_script_and_no_request(trouble: dict[Lang, Element]) -> None:
    root = trouble["en"]
    script = root.one("script")
    assert script.attributes == {}
    digest = base64.b64encode(hashlib.sha256(script.text().encode()).digest()).decode()
    (policy,) = [
        meta.attributes["content"]
        for meta in root.all("meta")
        if meta.attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policy.startswith("default-src 'none';")
    assert f"script-src 'sha256-{digest}'" in policy
    assert "http" not in policy


def test_tables_can_be_read_aloud(trouble: dict[Lang, Element]) -> None:
    for table in trouble["en"].all("table"):
        assert table.one("caption").text()
        head, *rows = table.all("tr")
        assert {cell.attributes["scope"] for cell in head.all("th")} == {"col"}
        for row in rows:
            (name,) = row.all("th")
            assert name.attributes["scope"] == "row"
    levels = [int(heading.tag[1]) for heading in trouble["en"].all("h1", "h2", "h3")]
    assert levels[0] == 1
    assert set(levels[1:]) == {2}
    assert all(chart.attributes["role"] == "img" for chart in trouble["en"].all("svg"))


def test_recorded_text_is_shown_and_not_obeyed() -> None:
    run = troubled()
    own = run["slimbench"]
    own["profile"] = MARKUP
    own["missing"] = [{"variant": MARKUP, "reason": f"{MARKUP}\n\x1b[2J"}]
    own["preflight"].update(warnings=[MARKUP], governor=MARKUP, cpu_flags=[MARKUP])
    own["versions"] = {MARKUP: MARKUP}
    own["budgets"][0].update(budget=MARKUP, variant=MARKUP)
    run["machine_info"].update(node=MARKUP, cpu={"brand_raw": MARKUP})
    run["commit_info"]["id"] = MARKUP
    for benchmark in run["benchmarks"]:
        benchmark["extra_info"]["profile"] = MARKUP
    info(run, "resnet50_f16").update(variant=MARKUP, engine=MARKUP)
    unmeasure(run, "mobilenetv2_f32", "speedup", MARKUP)
    made = history(run)
    made = replace(made, path=made.path.with_name(f"{MARKUP.replace('/', '')}.json"))
    text = page(made, "en")
    root = read(text)
    assert root.one("script").text().startswith('"use strict";')
    assert not list(root.all("b"))
    assert "alert" not in text.replace(escaping.escape(MARKUP).replace("_", "_<wbr>"), "").replace(
        escaping.escape(MARKUP.replace("/", "")), ""
    )
    assert root.text().count(MARKUP) >= 12
    assert "\x1b" not in text


def test_the_same_history_gives_the_same_text() -> None:
    assert page(small(), "en") == page(small(), "en")


def test_charts_have_no_date_and_the_colours_of_the_page(trouble: dict[Lang, Element]) -> None:
    charts = list(trouble["en"].all("svg"))
    assert len(charts) == 3
    style = STYLE.read_text()
    for chart in charts:
        assert not list(chart.all("metadata", "style", "title", "script"))
        assert chart.text() == ""
        drawn = " ".join(element.attributes.get("style", "") for element in chart.all())
        assert "var(--ink)" in drawn
        for colour in (RC["text.color"], "#ffffff", "#000000"):
            assert colour.lower() not in drawn.lower()
    for value in COLOURS.values():
        name = value.removeprefix("var(").removesuffix(")")
        assert style.count(f"{name}: #") == 2, f"{name} in light and in dark"


def test_a_run_without_figures_has_no_charts_and_no_budgets() -> None:
    run = document()
    run["slimbench"]["budgets"] = []
    del run["benchmarks"][1:]
    for key in ("latency_ms", "speedup", "size_bytes", "size_gzip_bytes", "size_ratio"):
        unmeasure(run, "resnet50_f32", key, "refused")
    root = read(page(history(run), "en"))
    assert not list(root.all("svg"))
    assert "Charts" not in root.text()
    assert "Budgets" not in root.text()


def colours(scheme: str) -> dict[str, tuple[int, ...]]:
    light, dark = re.findall(r":root \{([^}]*--ink[^}]*)\}", STYLE.read_text())
    found = re.findall(r"--([a-z-]+): #([0-9a-f]{6})", dark if scheme == "dark" else light)
    return {name: tuple(bytes.fromhex(colour)) for name, colour in found}


def luminance(colour: tuple[int, ...]) -> float:
    linear = [
        share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4
        for share in (part / 255 for part in colour)
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_in_light_and_dark(scheme: str) -> None:
    palette = colours(scheme)
    pairs = [
        *((ink, ground) for ink in ("ink", "soft", "accent") for ground in ("ground", "card")),
        *(("ink", "band"), ("soft", "band"), ("ink", "bad-wash"), ("bad", "bad-wash")),
        *(("warn", "warn-wash"), ("warn", "card"), ("good", "card"), ("good", "ground")),
        ("bad", "ground"),
    ]
    for ink, ground in pairs:
        dim, bright = sorted((luminance(palette[ink]), luminance(palette[ground])))
        assert (bright + 0.05) / (dim + 0.05) >= READABLE, (scheme, ink, ground)
