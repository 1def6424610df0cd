from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from slimbench.report.labels import Area, Floats, place
from tests.examples import examples

AREA = Area(0, 0, 700, 450)


def overlaps(corners: Floats, sizes: Floats) -> list[tuple[int, int]]:
    return [
        (i, j)
        for i in range(len(corners))
        for j in range(i)
        if (
            np.minimum(corners[i] + sizes[i], corners[j] + sizes[j])
            > np.maximum(corners[i], corners[j])
        ).all()
    ]


def test_names_of_points_on_top_of_each_other_are_apart() -> None:
    spots = [(60, 40), (90, 90), (300, 150), (350, 220), (640, 400), (600, 405), (560, 300)]
    points = np.array([spot for spot in spots for _ in range(2)], dtype=float)
    sizes = np.tile([160.0, 11.0], (len(points), 1))
    corners = place(points, sizes, AREA)
    assert overlaps(corners, sizes) == []
    assert (corners >= 0).all()
    assert (corners + sizes <= [AREA.right, AREA.top]).all()


@settings(max_examples=examples(15), deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(min_value=0, max_value=700), st.floats(min_value=0, max_value=450)),
        min_size=1,
        max_size=14,
    )
)
def test_names_stay_in_the_area_wherever_the_points_are(spots: list[tuple[float, float]]) -> None:
    points = np.array(spots)
    sizes = np.tile([120.0, 11.0], (len(points), 1))
    corners = place(points, sizes, AREA)
    assert corners.shape == points.shape
    assert (corners >= -1e-9).all()
    assert (corners + sizes <= np.array([AREA.right, AREA.top]) + 1e-9).all()
    np.testing.assert_array_equal(corners, place(points, sizes, AREA))


def test_a_lone_name_stands_beside_its_point_and_not_on_it() -> None:
    corners = place(np.array([[300.0, 200.0]]), np.array([[100.0, 10.0]]), AREA)
    nearest = np.clip([300, 200], corners[0], corners[0] + [100, 10])
    assert 5 < np.hypot(*(nearest - [300, 200])) < 15
