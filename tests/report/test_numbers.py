# ruff: noqa: RUF001 (the multiplication sign is meant)
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slimbench.report import numbers


@pytest.mark.parametrize(
    ("value", "english", "french"),
    [
        (0.0712, "0.0712 ms", "0,0712 ms"),
        (0.99951, "1.00 ms", "1,00 ms"),
        (8.314, "8.31 ms", "8,31 ms"),
        (99.96, "100 ms", "100 ms"),
        (234.4, "234 ms", "234 ms"),
        (12345.6, "12,346 ms", "12\N{NARROW NO-BREAK SPACE}346 ms"),
    ],
)
def test_times(value: float, english: str, french: str) -> None:
    assert numbers.milliseconds(value, "en") == english
    assert numbers.milliseconds(value, "fr") == french


@pytest.mark.parametrize(
    ("count", "english", "french"),
    [
        (1, "1 B", "1 o"),
        (1023, "1,023 B", "1\N{NARROW NO-BREAK SPACE}023 o"),
        (1024, "1.00 KiB", "1,00 Kio"),
        (57_864, "56.5 KiB", "56,5 Kio"),
        (1024 * 1024 - 1, "1.00 MiB", "1,00 Mio"),
        (94_301_244, "89.9 MiB", "89,9 Mio"),
    ],
)
def test_sizes(count: int, english: str, french: str) -> None:
    assert numbers.size(count, "en") == english
    assert numbers.size(count, "fr") == french


@pytest.mark.parametrize(
    ("ratio", "written"),
    [
        (4.331, "4.33× more"),
        (0.5, "2.00× less"),
        (1630.0, "1,630× more"),
        (1.004, "1.00×"),
        (0.998, "1.00×"),
        (1.006, "1.01× more"),
        (0.99, "1.01× less"),
    ],
)
def test_a_loss_is_called_one_and_noise_is_called_nothing(ratio: float, written: str) -> None:
    assert numbers.times(ratio, "en", "{factor}× more", "{factor}× less") == written


@given(st.floats(min_value=1e-9, max_value=1e12))
def test_three_significant_digits_are_near_the_number(value: float) -> None:
    written = numbers.significant(value, "en")
    assert float(written.replace(",", "")) == pytest.approx(value, rel=0.0051)
    assert numbers.significant(value, "fr").count(",") == written.count(".")
