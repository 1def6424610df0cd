"""`slimbench run` as a user types it, from somewhere else, on models and pictures made here."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tarfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from slimbench.cores import cores
from slimbench.tflite.metadata import read_metadata
from tests.end_to_end.suite import Done, Suite, cases
from tests.tiny_models import Quantized, identity_model
from tests.user_models.colours import COLOURS, colour_model, pictures

TEST_DATA = "SLIMBENCH_TEST_DATA"

MODELS = "third-party/mlperf_tiny_resnet8_{}.tflite"
SOME = 200
"""Images of the 10,000."""


@dataclass(frozen=True)
class Ran:
    suite: Suite
    done: Done
    data: Path


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """Two models, the second with its classes in another order, and one of them quantised."""
    root = tmp_path_factory.mktemp("own")
    (root / "home").mkdir()
    suite = Suite(root / "home", store=root / "store", results=root / "results")
    data = root / "my pictures"
    pictures(data / "test", 8)
    pictures(data / "train", 6, first=100)
    colour_model(root / "home" / "right.tflite")
    colour_model(root / "wrong.tflite", ("green", "red", "blue"))
    done = suite.slimbench(
        "run",
        "--model=right_f32=right.tflite",
        f"--model=wrong={root / 'wrong.tflite'}",
        f"--data={data}",
        "--steps=quantize(static_wi8_ai8)",
        f"--results={suite.results}",
    )
    return Ran(suite, done, data)


@pytest.fixture
def suite(ran: Ran, tmp_path: Path) -> Suite:
    """The same store, with no run in its results."""
    (tmp_path / "home").mkdir()
    return replace(ran.suite, home=tmp_path / "home", results=tmp_path / "results")


def test_a_model_and_a_folder_of_pictures_give_the_table(ran: Ran) -> None:
    assert ran.done.status == 0, ran.done.out + ran.done.err
    assert "Profile own, litert with 1 thread, 24 images scored" in ran.done.out
    assert "right_f32: 4x4 RGB, 3 classes, pixels raw (nothing said otherwise)" in ran.done.out
    assert ran.done.importers() == [], "no model needed TensorFlow"


def test_the_history_is_like_any_other(ran: Ran) -> None:
    document = ran.suite.history()
    found = cases(document)
    assert [*found] == [
        "right_f32",
        "right_static_wi8_ai8",
        "wrong",
        "wrong_static_wi8_ai8",
    ]
    for name in ("right_f32", "right_static_wi8_ai8"):
        assert found[name]["accuracy_top1"] == 1.0
        assert found[name]["reference"] == "right_f32"
        assert (found[name]["pixels"], found[name]["dataset"]) == ("raw", "my_pictures")
    assert found["wrong"]["accuracy_top1"] == 0.0
    assert document["slimbench"]["status"] == "complete"
    assert document["slimbench"]["profile"] == "own"


def test_a_run_with_other_threads_and_engines_is_complete(suite: Suite, tmp_path: Path) -> None:
    mine = f"--model=mine={colour_model(tmp_path / 'mine.tflite')}"
    threads = str(min(2, cores()))
    where = f"--results={suite.results}"
    done = suite.slimbench("run", mine, where, f"--threads={threads}", "--engines=litert")
    assert done.status == 0, done.out + done.err
    assert suite.history()["slimbench"]["status"] == "complete"


def test_a_folder_from_a_phone_gives_right_figures_and_names_what_is_left_out(
    suite: Suite, tmp_path: Path
) -> None:
    data = tmp_path / "phone"
    pictures(data, 4)
    (data / "green").rename(data / "Green ")
    deep = data / "red" / "holidays"
    deep.mkdir()
    first, second, *_ = sorted((data / "red").glob("*.png"))
    first.rename(deep / first.name)
    second.rename(second.with_suffix(".png_large"))
    (data / "blue" / "IMG_1.HEIC").write_bytes(b"\0\0\0\x18ftypheic")
    (data / "blue" / "broken.jpg").write_bytes(b"\xff\xd8\xff no more")
    labels = tmp_path / "labels.txt"
    labels.write_text("0 Blue\n1 Green\n2 Red\n")
    mine = f"--model=mine={colour_model(tmp_path / 'mine.tflite', ('blue', 'green', 'red'))}"
    done = suite.slimbench(
        *("run", mine, f"--data={data}", f"--labels={labels}", "--allow-bad"),
        f"--results={suite.results}",
    )
    assert done.status == 0, done.out + done.err
    document = suite.history()
    (case,) = cases(document).values()
    assert (case["accuracy_top1"], case["accuracy_n"]) == (1.0, 12)
    assert "left out of phone, as no image in a class: 1 .heic" in done.out
    (unreadable,) = document["slimbench"]["unreadable"]
    assert (unreadable["images"], unreadable["unreadable"]) == (13, 1)
    assert unreadable["examples"][0].startswith("blue/broken.jpg (")
    shown = suite.slimbench("report", f"--results={suite.results}")
    for out in (done.out, shown.out):
        assert "1 of 13 images of phone: blue/broken.jpg (" in out
    french = suite.slimbench("report", "--lang=fr", f"--results={suite.results}")
    assert "1 des 13 images de phone : blue/broken.jpg (" in french.out
    page = suite.slimbench("report", "--format=html", f"--results={suite.results}")
    assert "1 of 13 images of phone" in page.out


def test_classes_called_by_numbers_are_in_their_order(suite: Suite, tmp_path: Path) -> None:
    data = tmp_path / "numbers"
    pictures(data, 2)
    for number, name in enumerate(("red", "green", "blue")):
        (data / name).rename(data / str(number))
    mine = f"--model=mine={colour_model(tmp_path / 'mine.tflite', ('red', 'green', 'blue'))}"
    done = suite.slimbench("run", mine, f"--data={data}", f"--results={suite.results}")
    assert done.status == 0, done.out + done.err
    (case,) = cases(suite.history()).values()
    assert case["accuracy_top1"] == 1.0


def test_the_commit_is_that_of_the_repository_that_the_results_lie_in(
    ran: Ran, suite: Suite, tmp_path: Path
) -> None:
    assert ran.suite.history()["commit_info"]["id"] == "unversioned"
    project = tmp_path / "project"
    project.mkdir()
    git(project, "init", "--quiet")
    (project / "train.py").touch()
    git(project, "add", "train.py")
    git(project, "commit", "--quiet", "--message=first")
    mine = f"--model=mine={colour_model(tmp_path / 'mine.tflite')}"
    versioned = replace(suite, results=project / "results")
    done = versioned.slimbench("run", mine, f"--results={versioned.results}")
    assert done.status == 0, done.out + done.err
    assert versioned.history()["commit_info"]["id"] == git(project, "rev-parse", "HEAD")


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=A", "-c", "user.email=a@example.org")
    done = subprocess.run(
        ["git", "-C", str(folder), *identity, *arguments],
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


def test_an_export_names_the_classes_that_it_was_scored_on(ran: Ran, tmp_path: Path) -> None:
    where = f"--results={ran.suite.results}"
    done = ran.suite.slimbench("export", "right_f32", str(tmp_path / "out"), where)
    assert done.status == 0, done.err
    metadata = read_metadata(tmp_path / "out" / "right_f32.tflite")
    assert metadata is not None
    assert metadata.labels == COLOURS
    assert "labels" not in done.err


def test_what_it_was_scored_on_can_be_had_as_a_file(ran: Ran, tmp_path: Path) -> None:
    where = f"--results={ran.suite.results}"
    out = tmp_path / "scored.npz"
    done = ran.suite.slimbench("data", "own", "--variant=wrong", f"--out={out}", where)
    assert done.status == 0, done.err
    with np.load(out) as file:
        assert file["images"].shape == (24, 4, 4, 3)
        assert file["classes"].tolist() == [*COLOURS]
        assert file["eval_sha256"] == cases(ran.suite.history())["wrong"]["eval_sha256"]
    nobody = ran.suite.slimbench("data", "own", "--variant=nobody", f"--out={out}", where)
    assert nobody.status == 2
    assert "no variant 'nobody'. There is: right_f32" in nobody.err


def test_pruning_the_store_keeps_what_saved_runs_measured(ran: Ran, tmp_path: Path) -> None:
    store = tmp_path / "store"
    shutil.copytree(ran.suite.store, store)
    suite = replace(ran.suite, store=store)
    kept = suite.slimbench("store", "--prune", f"--results={suite.results}")
    assert kept.status == 0, kept.err
    assert "that runs saved in" in kept.out
    out = suite.slimbench(
        "export", "right_static_wi8_ai8", str(tmp_path / "out"), f"--results={suite.results}"
    )
    assert out.status == 0, out.err
    assert "labels" not in out.err
    others = suite.slimbench("store", "--prune", f"--results={tmp_path}")
    (kept_line,) = [line for line in others.out.splitlines() if line.startswith("kept ")]
    assert str(suite.results) in kept_line
    shutil.rmtree(store / "results")  # where the store notes the folders of other projects
    emptied = suite.slimbench("store", "--prune", f"--results={tmp_path}")
    assert "0 objects" in emptied.out


def test_a_model_that_guesses_is_pointed_out(ran: Ran) -> None:
    warned = [line for line in ran.done.out.splitlines() if "as often as guessing" in line]
    assert [line.split()[1] for line in warned] == ["wrong", "wrong_static_wi8_ai8"]
    assert all("--pixels" in line and "--labels" in line for line in warned)


def test_labels_put_the_classes_in_order_and_the_gate_sees_a_worse_model(
    ran: Ran, suite: Suite, tmp_path: Path
) -> None:
    labels = tmp_path / "labels.txt"
    labels.write_text("green\nred\nblue\n")
    accuracies = []
    for model in (ran.data.parent / "wrong.tflite", ran.suite.home / "right.tflite"):
        done = suite.slimbench(
            "run",
            f"--model=mine={model}",
            f"--data={ran.data}",
            f"--labels={labels}",
            f"--results={suite.results}",
        )
        assert done.status == 0, done.out + done.err
        accuracies.append(cases(suite.history())["mine"]["accuracy_top1"])
    assert accuracies == [1.0, 0.0]
    where = f"--results={suite.results}"
    promoted = suite.slimbench("promote", "1", "--reason=first", where)
    assert promoted.status == 0, promoted.err
    gated = suite.slimbench("gate", "--profile=own", "--processes=4", "--format=json", where)
    assert gated.status == 1, gated.err
    verdicts = {each["metric"]: each["verdict"] for each in json.loads(gated.out)["cases"]}
    assert verdicts["accuracy_top1"] == "regression"
    assert verdicts["size_bytes"] == "pass"


def test_without_data_size_and_time_are_measured_and_a_budget_is_held(
    suite: Suite, tmp_path: Path
) -> None:
    colour_model(tmp_path / "mine.tflite", quantized=Quantized("uint8", 1.0, 0))
    budgets = tmp_path / "budgets.toml"
    budgets.write_text("[snail.mine]\nsize_bytes_max = 10\naccuracy_top1_min = 0.5\n")
    done = suite.slimbench(
        "run",
        f"--model=mine={tmp_path / 'mine.tflite'}",
        "--profile=snail",
        f"--budgets={budgets}",
        f"--results={suite.results}",
    )
    assert done.status == 1, done.out + done.err
    found = cases(suite.history())["mine"]
    assert found["accuracy_top1"] is None
    assert "--data" in found["reasons"]["accuracy_top1"]
    assert found["latency_ms"]["p50"] > 0
    assert found["profile"] == "snail"
    verdicts = {each["budget"]: each["verdict"] for each in suite.history()["slimbench"]["budgets"]}
    assert verdicts == {"size_bytes_max": "fail", "accuracy_top1_min": "not_judged"}


def refusal(suite: Suite, *arguments: str, command: str = "run") -> str:
    """Run what cannot work; returns its one sentence."""
    done = suite.slimbench(command, *arguments, f"--results={suite.results}")
    assert done.status == 2, done.out + done.err
    assert not suite.results.exists()
    (sentence,) = [line for line in done.err.splitlines() if line.startswith("ERROR: ")]
    return sentence


def test_what_cannot_work_is_a_sentence_and_status_2(suite: Suite, tmp_path: Path) -> None:
    mine = f"--model=mine={colour_model(tmp_path / 'mine.tflite')}"
    two = f"--model=two={identity_model(tmp_path / 'two.tflite', (1, 4, 4, 3), (1, 4, 4, 3))}"
    (tmp_path / "empty.tflite").touch()
    (tmp_path / "few.txt").write_text("red\nblue\n")
    pictures(tmp_path / "data", 1)
    (tmp_path / "data" / "red").rename(tmp_path / "data" / "pink")
    pictures(tmp_path / "more", 1)
    (tmp_path / "data" / "green").rename(tmp_path / "more" / "gold")
    empty = refusal(suite, f"--model=e={tmp_path / 'empty.tflite'}")
    assert f"{tmp_path / 'empty.tflite'} is empty" in empty
    assert "it has 2 inputs" in refusal(suite, two)
    assert "few.txt has 2 labels" in refusal(suite, mine, f"--labels={tmp_path / 'few.txt'}")
    assert "4 classes" in refusal(suite, mine, f"--data={tmp_path / 'more'}")
    assert "whose layers can no longer be trained" in refusal(suite, mine, "--steps=prune(0.5)")
    assert "'digits' cannot be the profile" in refusal(suite, mine, "--profile=digits")
    assert "There is no" in refusal(suite, mine, f"--data={tmp_path / 'none'}")


def test_an_option_without_a_model_is_refused(suite: Suite) -> None:
    done = suite.run("--pixels=0..1")
    assert done.status == 4
    assert "--pixels go with a model of one's own" in done.err


@pytest.mark.skipif(
    TEST_DATA not in os.environ, reason=f"{TEST_DATA} names no folder with models and images"
)
def test_models_that_others_trained_are_as_good_as_others_say(suite: Suite, tmp_path: Path) -> None:
    root = Path(os.environ[TEST_DATA])
    data = tmp_path / "cifar"
    left = dict.fromkeys(range(10), 0)
    with tarfile.open(root / "cifar10-jpeg.tar.gz") as archive:
        counts: dict[str, int] = {}
        for member in archive:
            folder = Path(member.name).parent
            if not member.isfile() or folder.parent.name != "test":
                continue
            counts[folder.name] = counts.get(folder.name, 0) + 1
            if counts[folder.name] <= SOME // len(left):
                (data / folder.name).mkdir(parents=True, exist_ok=True)
                content = archive.extractfile(member)
                assert content is not None
                (data / folder.name / Path(member.name).name).write_bytes(content.read())
            if len(counts) == len(left) and min(counts.values()) >= SOME // len(left):
                break
    done = suite.slimbench(
        "run",
        *(f"--model={form}={root / MODELS.format(form)}" for form in ("f32", "int8")),
        f"--data={data}",
        f"--results={suite.results}",
    )
    assert done.status == 0, done.out + done.err
    found = cases(suite.history())
    for form in ("f32", "int8"):
        low, high = found[form]["accuracy_ci95"]
        assert low <= 0.755 <= high, found[form]["accuracy_top1"]
        assert found[form]["accuracy_n"] == SOME
    assert found["int8"]["size_bytes"] < found["f32"]["size_bytes"] / 3
