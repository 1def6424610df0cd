"""Later runs: nothing is built again, part of it can be asked for, damage is found."""

from __future__ import annotations

import re
from pathlib import Path

from slimbench.history import record
from tests.end_to_end.conftest import FLOAT, QUICK, FirstRun
from tests.end_to_end.suite import Suite, cases


def test_a_second_run_builds_nothing_and_never_loads_tensorflow(
    first: FirstRun, suite: Suite
) -> None:
    done = suite.run("--lang", "fr")
    assert done.status == 0, done.out
    assert done.importers() == []
    assert "Building" not in done.out
    assert record.load(suite.histories()[0]).status == "complete"
    own = suite.history()["slimbench"]
    assert {own["seconds"][kind] for kind in ("import", "train", "convert")} == {0}
    again, before = cases(suite.history()), first.cases
    for variant in QUICK:
        for key in ("model_sha256", "correct_bits", "eval_sha256", "size_gzip_bytes"):
            assert again[variant][key] == before[variant][key]
    for heading in ("Modèle", "Temps d'inférence", "Taille", "Précision", "Réduction taille"):
        assert re.search(rf"\| +{heading} +\|", done.out)
    assert "Référence" in done.out


def test_the_locale_chooses_the_language_of_a_saved_run(first: FirstRun, suite: Suite) -> None:
    shown = suite.slimbench("report", "1", "--results", str(first.suite.results))
    assert shown.status == 0, shown.err
    assert shown.out.splitlines()[0].startswith("Profile quick, litert with 1 thread, 500 images")
    french = suite.slimbench("report", str(first.path), "--lang", "fr")
    assert french.out.splitlines()[0].startswith("Profil quick, litert avec 1 thread, 500 images")


def test_a_slice_is_partial_yet_compared_with_the_reference(first: FirstRun, suite: Suite) -> None:
    done = suite.run("-k", "f16")
    assert done.status == 0, done.out
    own = suite.history()["slimbench"]
    assert own["status"] == "partial"
    assert own["missing"] == []
    ((variant, info),) = cases(suite.history()).items()
    assert variant == "student_scratch_f16"
    before = first.cases[variant]
    assert info["reference"] == FLOAT
    assert info["speedup"] > 0
    assert info["size_ratio"] == before["size_ratio"]
    assert info["accuracy_drop"] == before["accuracy_drop"]
    assert "partial" in done.out


def test_without_latency_there_is_no_history(suite: Suite) -> None:
    done = suite.run("-k", "size")
    assert done.status == 0, done.out
    assert "no history is saved" in done.out
    assert not suite.results.exists()


def test_latency_alone_says_what_it_left_out(suite: Suite) -> None:
    done = suite.run("-k", "latency and f16")
    assert done.status == 0, done.out
    own = suite.history()["slimbench"]
    assert own["status"] == "partial"
    (info,) = cases(suite.history()).values()
    assert info["latency_ms"]["n"] > 0
    assert info["accuracy_top1"] is None
    assert info["reasons"]["accuracy_top1"]
    assert info["reasons"]["size_bytes"]


def test_collecting_alone_measures_nothing_and_leaves_other_tests_be(suite: Suite) -> None:
    other = Path(__file__).with_name("plugins") / "own_cases.py"
    done = suite.run(str(other), "--collect-only")
    assert done.status == 0, done.out + done.err
    for item in (f"test_size[{FLOAT}-litert-1]", "test_letters[upper]", "test_letters[lower]"):
        assert item in done.out
    assert "14 tests collected" in done.out
    assert not suite.results.exists()


def test_selecting_nothing_says_so(suite: Suite) -> None:
    done = suite.run("-k", "resnet50")
    assert done.status == 5
    assert "Nothing was measured, so no history is saved." in done.out
    assert not suite.results.exists()


def test_a_damaged_model_is_told_and_built_again(first: FirstRun, own_store: Suite) -> None:
    variant = "student_scratch_static_wi8_ai8"
    model = own_store.store / first.cases[variant]["model_file"]
    content = bytearray(model.read_bytes())
    content[len(content) // 2] ^= 1
    model.write_bytes(content)
    done = own_store.run("-k", variant)
    assert done.status == 0, done.out
    told = [line for line in done.out.splitlines() if "is damaged" in line]
    assert len(told) == 1
    assert model.parent.name[:12] in told[0]
    assert "built again" in told[0]
    assert (
        cases(own_store.history())[variant]["model_sha256"]
        == (first.cases[variant]["model_sha256"])
    )
    assert done.importers() == []  # quantising the float file again needs no TensorFlow
