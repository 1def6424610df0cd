from __future__ import annotations

from random import Random

import pytest

from slimbench.gate.timed_blocks import Rounds, block, take_rounds


class Bench:
    """A clock that only invocations move on, and a record of which ran."""

    def __init__(self) -> None:
        self.now, self.ran = 0.0, ""

    def call(self, name: str, seconds: float):  # type: ignore[no-untyped-def]
        def invoke() -> None:
            self.now += seconds
            self.ran += name

        return invoke

    def take(
        self, seconds: float = 0.4, fewest: int = 4, seed: int = 1, b: float = 0.001
    ) -> Rounds:
        return take_rounds(
            self.call("b", b),
            self.call("c", 1.1 * b),
            seconds=seconds,
            fewest=fewest,
            block_seconds=0.015,
            rng=Random(seed),  # noqa: S311  (the order is no secret)
            clock=lambda: self.now,
            tell=lambda: None,
        )


def test_each_round_gives_the_ratio_of_its_block_medians() -> None:
    ratios = Bench().take().ratios()
    assert len(ratios) >= 4
    assert ratios == pytest.approx([1.1] * len(ratios))


def test_a_slow_model_gets_the_fewest_rounds_and_a_fast_one_fills_the_time() -> None:
    assert len(Bench().take(b=0.5).baseline) == 4
    bench = Bench()
    rounds = bench.take(b=0.001)
    assert bench.now == pytest.approx(0.4, abs=0.05)
    assert all(len(each) >= 14 for each in rounds.candidate)


def test_which_side_comes_first_is_drawn_anew_for_each_round() -> None:
    bench = Bench()
    bench.take(seconds=0, fewest=40, b=1.0)
    first = [bench.ran[start] for start in range(0, len(bench.ran), 4)]
    assert 8 <= first.count("b") <= 32


def test_the_first_invocation_of_a_block_is_not_timed() -> None:
    times = iter([9.0, 1.0, 1.0])
    bench = Bench()

    def warming_up() -> None:
        bench.now += next(times)

    assert block(warming_up, 1.5, lambda: bench.now) == [1.0, 1.0]
