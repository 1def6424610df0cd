# ruff: noqa: RUF001 (the multiplication sign and the dash are meant)
from __future__ import annotations

from slimbench.report.table import markdown, table
from tests.example_history import MODELS, break_budget, document, history, info, unmeasure


def row(text: str, variant: str) -> list[str]:
    """Return the first row of a variant, cell by cell."""
    line = next(line for line in text.splitlines() if line.startswith(f"| {variant} "))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_the_english_grid() -> None:
    text = table(history(), "en")
    assert row(text, "Model") == [
        "Model",
        "Inference time",
        "Size",
        "gzip",
        "Accuracy",
        "Time improvement",
        "Size reduction",
    ]
    assert row(text, "resnet50_f32") == [
        "resnet50_f32",
        "8.56 ms (p90 8.92)",
        "89.9 MiB",
        "83.4 MiB",
        "97.4 % [95.6–98.5]",
        "Reference",
        "Reference",
    ]
    assert row(text, "resnet50_f16")[-2:] == ["1.01× slower", "2.00× smaller"]
    assert row(text, "student_distilled_static_wi8_ai8")[-2:] == ["117× faster", "1,630× smaller"]
    assert row(text, "resnet50_pruned50_f32")[-2:] == ["1.00×", "1.00×"]
    assert text.splitlines()[1].startswith("+---")


def test_the_french_grid() -> None:
    text = table(history(), "fr")
    assert row(text, "Modèle") == [
        "Modèle",
        "Temps d'inférence",
        "Taille",
        "gzip",
        "Précision",
        "Amélioration temps",
        "Réduction taille",
    ]
    assert row(text, "resnet50_f32")[1:] == [
        "8,56 ms (p90 8,92)",
        "89,9 Mio",
        "83,4 Mio",
        "97,4 % [95,6–98,5]",
        "Référence",
        "Référence",
    ]
    assert row(text, "resnet50_f16")[-2:] == ["1,01× plus lent", "2,00× plus petit"]


def test_all_lines_of_the_grid_are_equally_long() -> None:
    for lang in ("en", "fr"):
        grid = [line for line in table(history(), lang).splitlines() if line[0] in "+|"]
        assert len({len(line) for line in grid}) == 1
        assert len(grid) == 2 * len(MODELS) + 3


def test_engine_and_threads_are_shown_where_they_vary_the_reference_first() -> None:
    headings = row(table(history(), "en"), "Model")
    assert not {"Engine", "Threads"} & set(headings)
    run = document(threads=(1, 2))
    run["benchmarks"].reverse()
    lines = [line for line in table(history(run), "en").splitlines() if line.startswith("| ")]
    assert [cell.strip() for cell in lines[0].split("|")[1:3]] == ["Model", "Threads"]
    first = [(line.split()[1], line.split()[3]) for line in lines[1:]]
    assert first[0] == ("resnet50_f32", "1")
    assert first[len(MODELS)] == ("resnet50_f32", "2")
    several = table(history(document(engines=("litert", "openvino"))), "fr")
    assert row(several, "Modèle")[1] == "Moteur"


def test_where_keras_was_run_every_architecture_is_held_against_its_own() -> None:
    assert "Against Keras predict" not in table(history(), "en")
    run = document(engines=("litert", "keras"))
    for entry in run["benchmarks"]:
        is_keras = entry["extra_info"]["engine"] == "keras"
        median = 100.0 if is_keras else 4.0
        spread = dict.fromkeys(("min", "p50", "p90", "p99", "mean"), median)
        entry["extra_info"]["latency_ms"] |= spread
    headings = row(table(history(run), "en"), "Model")
    place = headings.index("Against Keras predict")
    shown = table(history(run), "en").splitlines()
    cells = [line.split("|")[1:-1] for line in shown if line.startswith("| resnet50_f32 ")]
    assert {(line[1].strip(), line[place].strip()) for line in cells} == {
        ("litert", "25.0× faster"),
        ("keras", "–"),
    }


def test_what_was_not_measured_is_a_dash_with_its_reason_once() -> None:
    run = document()
    for key in ("accuracy_top1", "accuracy_ci95", "accuracy_drop"):
        unmeasure(run, "resnet50_f16", key, "no images\nwere to be had")
    unmeasure(run, "resnet50_f16", "speedup", "the reference was not there")
    unmeasure(run, "mobilenetv2_f32", "latency_ms", "the reference was not there")
    text = table(history(run), "en")
    assert row(text, "resnet50_f16")[4:6] == ["– [1]", "– [2]"]
    assert row(text, "mobilenetv2_f32")[1] == "– [2]"
    assert "\nNot measured:\n  [1] no images were to be had\n  [2] the reference was" in text
    assert text.count("the reference was not there") == 1


def test_an_accuracy_without_an_interval_is_still_shown() -> None:
    run = document()
    unmeasure(run, "resnet50_f16", "accuracy_ci95", "too few images")
    assert row(table(history(run), "en"), "resnet50_f16")[4] == "97.4 % – [1]"


def test_broken_budgets_are_said_on_their_true_side_of_the_limit() -> None:
    run = document()
    assert "Broken" not in table(history(run), "en")
    limit = run["slimbench"]["budgets"][8]["limit"]
    break_budget(run, "mobilenetv2_dynamic_wi8", limit + 0.00004)
    text = table(history(run), "en")
    assert (
        "Broken budgets:\n  mobilenetv2_dynamic_wi8-litert-1: latency_ratio 0.24004, "
        "over its limit latency_ratio_max = 0.24 by 0.000040\n" in text
    )
    assert "latency_ratio 0,24004, au-dessus de sa limite latency_ratio_max = 0,24" in table(
        history(run), "fr"
    )
    run["slimbench"]["budgets"][8].update(budget="accuracy_top1_min", limit=0.97, value=0.966)
    said = "accuracy_top1 0.966, under its limit accuracy_top1_min = 0.97 by 0.0040"
    assert said in table(history(run), "en")


def test_status_missing_unjudged_and_warnings_are_said() -> None:
    run = document(status="partial")
    own = run["slimbench"]
    own["missing"] = [{"variant": "resnet50_imagenet_f32", "reason": "no weights here"}]
    own["budgets"][1].update(value=None, verdict="not_judged")
    own["preflight"]["warnings"] = ["The load is 3.1."]
    text = table(history(run), "en")
    assert "This run is partial" in text
    assert "Missing, could not be had here:\n  resnet50_imagenet_f32: no weights here\n" in text
    assert "for want of a value:\n  resnet50_f16-litert-1: latency_ratio_max\n" in text
    assert "Before the run:\n  The load is 3.1.\n" in text
    assert "interrompue" in table(history(document(status="interrupted")), "fr")
    assert not any(word in table(history(), "en") for word in ("partial", "Missing", "Before"))


def test_a_profile_says_what_it_cannot_show() -> None:
    assert table(history(), "en").endswith("which takes real photographs.")
    assert table(history(), "fr").endswith("de vraies photographies.")
    assert "photographs" not in table(history(document(profile="imagenet")), "en")


def test_the_context_names_profile_engine_and_number_of_images() -> None:
    first = table(history(), "en").splitlines()[0]
    assert first.startswith("Profile digits, litert with 1 thread, 500 images scored")
    run = document(threads=(1, 2))
    for benchmark in run["benchmarks"]:
        extra = benchmark["extra_info"]
        extra["accuracy_n"] = extra["correct_bits"] = None
        extra["reasons"] |= {"accuracy_n": "x", "correct_bits": "x"}
    first = table(history(run), "en").splitlines()[0]
    assert "litert with 1 thread / litert with 2 threads. Times" in first


def test_recorded_text_cannot_command_the_terminal_or_the_page() -> None:
    run = document()
    unmeasure(run, "resnet50_f16", "speedup", "\x1b[2J<b>|~~\u202e\ud800")
    assert "[1] ?[2J<b>|~~??" in table(history(run), "en")
    assert "- \\[1\\] ?\\[2J\\<b\\>\\|\\~\\~??" in markdown(history(run), "en")


def test_markdown_has_the_same_rows_and_remarks() -> None:
    run = document(status="partial")
    info(run, "resnet50_f16")["speedup"] = None
    info(run, "resnet50_f16")["reasons"]["speedup"] = "no time"
    text = markdown(history(run), "en")
    assert row(text, "mobilenetv2_f32") == row(table(history(run), "en"), "mobilenetv2_f32")
    assert "\n\nThis run is partial" in text
    assert "\n\n- \\[1\\] no time\n" in text
    lines = text.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("| Model"))
    assert lines[start - 1] == ""
    assert set(lines[start + 1]) <= set("|-:")
