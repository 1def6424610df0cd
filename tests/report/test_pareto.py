from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from slimbench.report.pareto import Tradeoff, on_front

VALUES = st.integers(min_value=0, max_value=5).map(float) | st.floats(min_value=0, max_value=1e9)
POINTS = st.lists(st.builds(Tradeoff, VALUES, VALUES, VALUES), max_size=20)


def beats(one: Tradeoff, other: Tradeoff) -> bool:
    gains = (other.size - one.size, other.time - one.time, one.accuracy - other.accuracy)
    return min(gains) >= 0 and max(gains) > 0


@given(POINTS)
def test_the_front_is_what_nothing_beats(points: list[Tradeoff]) -> None:
    expected = [not any(beats(other, point) for other in points) for point in points]
    assert on_front(points) == expected


@given(POINTS)
def test_what_is_dominated_is_beaten_by_one_on_the_front(points: list[Tradeoff]) -> None:
    front = [point for point, on in zip(points, on_front(points), strict=True) if on]
    assert bool(front) == bool(points)
    for point, on in zip(points, on_front(points), strict=True):
        assert on or any(beats(other, point) for other in front)


@given(POINTS, st.randoms(use_true_random=False))
def test_the_order_does_not_matter(points: list[Tradeoff], random: object) -> None:
    shuffled = list(enumerate(points))
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    front = on_front([point for _, point in shuffled])
    assert [on for _, on in sorted(zip((i for i, _ in shuffled), front, strict=True))] == (
        on_front(points)
    )


def test_equal_points_are_both_on_the_front_and_a_tie_in_two_is_decided_by_the_third() -> None:
    best = Tradeoff(1, 1, 0.9)
    assert on_front([best, best, Tradeoff(1, 1, 0.8), Tradeoff(0.5, 2, 0.8)]) == [
        True,
        True,
        False,
        True,
    ]
