"""Profiles: what the shipped file says, what a broken one is told, what a run selects."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from slimbench.errors import UsageProblem
from slimbench.spec import Case
from slimbench.suite.profiles import (
    OF_EVERY_PROFILE,
    Profile,
    ProfileError,
    get_profile,
    load_profiles,
    select,
)
from slimbench.suite.toml_file import read_toml
from tests.examples import examples

VALID = """\
# A comment.
[small]
dataset = "digits"
reference = "a_f32"
engines = ["litert"]
threads = [1]
seed = 0
variants = [
    "a_f32",
    "b_f32",
]
"""

SMALL = Profile("small", "digits", "a_f32", ("a_f32", "b_f32"), ("litert",), (1,), 0)

ENGINES = ["litert", "keras"]


def write(folder: Path, text: str) -> Path:
    path = folder / "profiles.toml"
    path.write_bytes(text.encode())
    return path


def test_a_file_becomes_profiles(tmp_path: Path) -> None:
    assert load_profiles(write(tmp_path, VALID)) == {"small": SMALL}
    assert load_profiles(write(tmp_path, VALID.replace("\n", "\r\n"))) == {"small": SMALL}


def test_benchmarks_are_named_where_they_are_not_the_usual_ones(tmp_path: Path) -> None:
    assert load_profiles(write(tmp_path, VALID))["small"].benchmarks == OF_EVERY_PROFILE
    named = VALID.replace("seed = 0", 'seed = 0\nbenchmarks = ["serving", "size"]')
    assert load_profiles(write(tmp_path, named))["small"].benchmarks == ("size", "serving")


def test_only_the_profile_of_that_name_serves() -> None:
    serve = [name for name, each in load_profiles().items() if "serving" in each.benchmarks]
    assert serve == ["serving"]


def test_the_default_profile_is_the_one_that_is_promised() -> None:
    digits = get_profile("digits")
    assert (digits.dataset, digits.reference, digits.seed) == ("digits", "resnet50_f32", 0)
    assert (digits.engines, digits.threads) == (("litert",), (1,))
    assert digits.variants[0] == digits.reference
    assert sorted(digits.variants) == sorted(
        [
            "resnet50_f32",
            "resnet50_f16",
            "resnet50_dynamic_wi8",
            "resnet50_static_wi8_ai8",
            "resnet50_converter_dynamic_wi8",
            "mobilenetv2_f32",
            "mobilenetv2_dynamic_wi8",
            "mobilenetv2_static_wi8_ai8",
            "mobilenetv2w035_f32",
            "resnet50_pruned50_f32",
            "resnet50_pruned50_static_wi8_ai8",
            "student_scratch_f32",
            "student_distilled_f32",
            "student_distilled_static_wi8_ai8",
        ]
    )


def test_a_profile_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        SMALL.seed = 1  # type: ignore[misc]


def test_an_unknown_profile_lists_what_exists(tmp_path: Path) -> None:
    path = write(tmp_path, VALID + VALID.replace("small", "other"))
    with pytest.raises(UsageProblem, match=r"'smal'.*other, small"):
        get_profile("smal", path)


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("seed = 0", "sead = 0", 7, "unknown key 'sead'.*seed"),
        ("seed = 0\n", "", 2, "lacks seed"),
        ("seed = 0", "seed = true", 7, "seed .*not True"),
        ("seed = 0", "seed = -1", 7, "seed .*not -1"),
        ("seed = 0", "seed = 1.0", 7, r"seed .*not 1\.0"),
        ("seed = 0", "seed = 4294967296", 7, "seed .*not 4294967296"),
        ("seed = 0", "seed = 0x" + "f" * 9000, 7, "seed .*too long to show"),
        ("seed = 0", "seed = " + "9" * 9000, 7, "too long"),
        ("seed = 0", "seed = " + "[" * 9000 + "]" * 9000, 7, "too deeply nested"),
        ("[1]", "1", 6, "threads .*not 1"),
        ("[1]", "[]", 6, "threads"),
        ("[1]", "[0]", 6, r"threads .*not \[0\]"),
        ("[1]", "[true]", 6, "threads .*True"),
        ("[1]", '["1"]', 6, "threads .*'1'"),
        ("[1]", "[1, 2, 1]", 6, "threads .*1 twice"),
        ('["litert"]', '"litert"', 5, "engines .*'litert'"),
        ('["litert"]', '["litert", "litert"]', 5, "engines .*'litert' twice"),
        ('["litert"]', '[""]', 5, "engines"),
        ('    "b_f32",\n', "    2,\n", 8, "variants .*list of one or more names"),
        ('    "b_f32",\n', '    "a_f32",\n', 8, "variants .*'a_f32' twice"),
        ('"digits"', "7", 3, "dataset .*not 7"),
        ('"digits"', '""', 3, "dataset"),
        ('reference = "a_f32"', 'reference = "c_f32"', 4, "reference .*'c_f32'.*variants"),
        ("seed = 0", 'seed = 0\nbenchmarks = ["speed"]', 8, "benchmarks .*'speed'.*serving"),
        ("seed = 0", "seed = 0\nbenchmarks = []", 8, "benchmarks"),
        ("[small]", "[small", 2, "not TOML"),
        ("seed = 0", "seed = 0\nseed = 1", 8, "not TOML"),
        ("]\n", "]\n[small]\n", 3, "not TOML"),
        ('    "b_f32",\n]\n', "", 9, "not TOML"),
        ("# A comment.", "small = 1\n[other]", 1, "'small' must be the table"),
    ],
)
def test_a_broken_file_is_refused_with_its_line(
    tmp_path: Path, old: str, new: str, line: int, said: str
) -> None:
    text = VALID.replace(old, new, 1)
    if "other" in new:
        text = text.replace("[small]", "")
    path = write(tmp_path, text)
    with pytest.raises(ProfileError, match=said) as refused:
        load_profiles(path)
    assert str(refused.value).startswith(f"{path}:{line}: ")
    assert len(str(refused.value)) < len(str(path)) + 250


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match=rf"^{re.escape(str(tmp_path))}.*cannot be read"):
        load_profiles(tmp_path / "none.toml")
    path = tmp_path / "latin.toml"
    path.write_bytes(b"# fine\n# caf\xe9\n")
    with pytest.raises(ProfileError, match=r"latin\.toml:2: is not UTF-8"):
        load_profiles(path)


def refusal(path: Path) -> str | None:
    try:
        load_profiles(path)
    except ProfileError as error:
        return str(error)
    return None


@settings(
    deadline=None,
    max_examples=examples(100),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(text=st.text() | st.text(alphabet="[]{}\"'=.,#\n\r\t -_a1:\\"))
@example("[[a]]\n[[a]]\n")
@example('a."b\\n" = [1,\n2]')
def test_no_text_breaks_the_reader(tmp_path: Path, text: str) -> None:
    path = tmp_path / "wild.toml"
    path.write_bytes(text.encode(errors="surrogatepass"))
    if (said := refusal(path)) is not None:
        place = re.match(rf"{re.escape(str(path))}:(\d+): \S", said)
        assert place is not None
        assert 1 <= int(place[1]) <= text.count("\n") + 1


NAMES = st.text(min_size=1, max_size=8)
VALUES = st.sampled_from(["1", '"text"', "[\n  1, # one\n  2,\n]", '"""\n[no.header]\nk = 1\n"""'])


def quoted(name: str) -> str:
    return '"' + "".join(f"\\U{ord(letter):08x}" for letter in name) + '"'


@settings(
    deadline=None,
    max_examples=examples(60),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    tables=st.dictionaries(NAMES, st.dictionaries(NAMES, VALUES, max_size=4), max_size=4),
    gap=st.sampled_from(["", "\n", "# a = 1\n", "\n\t# [x]\n\n"]),
)
def test_every_key_is_found_on_its_line(
    tmp_path: Path, tables: dict[str, dict[str, str]], gap: str
) -> None:
    text = ""
    expected: dict[tuple[str, ...], int] = {}
    for table, entries in tables.items():
        text += gap
        expected[(table,)] = text.count("\n") + 1
        text += f"[{quoted(table)}] # {quoted(table)}\n"
        for key, value in entries.items():
            text += gap
            expected[(table, key)] = text.count("\n") + 1
            text += f"{quoted(key)} = {value}\n"
    path = tmp_path / "lines.toml"
    path.write_bytes(text.encode())
    file = read_toml(path, ProfileError)
    assert {keys: file.line(*keys) for keys in expected} == expected


def test_lines_of_dotted_and_inline_tables(tmp_path: Path) -> None:
    path = write(tmp_path, "a.b.c = 1\n[x.y]\nk = { m = 2 }\n[x]\nn = 3\n")
    file = read_toml(path, ProfileError)
    found = [file.line("a", "b", "c"), file.line("x", "y", "k", "m"), file.line("x", "n")]
    assert found == [1, 3, 5]
    assert file.line("x") == 4
    assert file.line("x", "y", "missing") == 2
    assert file.line("nowhere") == 1


def chosen(
    profile: Profile = SMALL,
    *,
    engines: str | None = None,
    threads: str | None = None,
    variants: tuple[str, ...] = SMALL.variants,
    cpu_count: int = 4,
) -> list[str]:
    cases = select(
        profile,
        engines=engines,
        threads=threads,
        known_variants=variants,
        known_engines=ENGINES,
        cpu_count=cpu_count,
    )
    assert all(isinstance(case, Case) for case in cases)
    return [case.id for case in cases]


def test_the_profile_decides_where_nothing_is_asked_for() -> None:
    assert chosen() == ["a_f32-litert-1", "b_f32-litert-1"]


def test_engines_and_threads_can_be_asked_for() -> None:
    assert chosen(engines="litert, keras", threads="2,1,2") == [
        "a_f32-litert-2",
        "b_f32-litert-2",
        "a_f32-litert-1",
        "b_f32-litert-1",
        "a_f32-keras-2",
        "b_f32-keras-2",
        "a_f32-keras-1",
        "b_f32-keras-1",
    ]


def test_an_unknown_engine_lists_what_exists() -> None:
    with pytest.raises(UsageProblem, match=r"engine 'lite'.*keras, litert"):
        chosen(engines="lite")
    with pytest.raises(UsageProblem, match=r"engine 'tpu'.*keras, litert"):
        chosen(dataclasses.replace(SMALL, engines=("tpu",)))


@pytest.mark.parametrize(
    "threads", ["0", "-1", "+1", "1.5", "two", "5", "1_0", "٣", "9" * 5000, "1e0", "0x1"]
)
def test_a_number_of_threads_that_cannot_be_is_refused(threads: str) -> None:
    with pytest.raises(UsageProblem, match="There is: 1 to 4"):
        chosen(threads=threads)


@pytest.mark.parametrize("typed", ["", ",", "1,", "1,,2", " "])
def test_an_empty_entry_is_refused(typed: str) -> None:
    with pytest.raises(UsageProblem, match=r"--threads .*empty entry"):
        chosen(threads=typed)
    with pytest.raises(UsageProblem, match=r"--engines .*empty entry"):
        chosen(engines=typed.replace("1", "litert").replace("2", "keras"))


def test_a_profile_can_ask_for_too_much_of_a_machine() -> None:
    with pytest.raises(UsageProblem, match=r"'2'.*1 CPU\. There is: only 1"):
        chosen(dataclasses.replace(SMALL, threads=(2,)), cpu_count=1)


def test_a_variant_that_nothing_defines_lists_what_exists() -> None:
    with pytest.raises(UsageProblem, match=r"variant of profile 'small' 'b_f32'.*a_f32, c_f32"):
        chosen(variants=("c_f32", "a_f32"))
