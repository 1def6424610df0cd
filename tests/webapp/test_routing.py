from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from slimbench.webapp.inference.service import in_canary, position

CLIENTS = st.text()
WEIGHTS = st.floats(0, 1)


@given(client=CLIENTS, weights=st.tuples(WEIGHTS, WEIGHTS).map(sorted))
def test_raising_the_weight_moves_nobody_out_of_the_canary(
    client: str, weights: list[float]
) -> None:
    low, high = weights
    assert not in_canary(client, low) or in_canary(client, high)


@given(client=CLIENTS)
def test_nobody_at_0_and_everybody_at_1(client: str) -> None:
    assert not in_canary(client, 0.0)
    assert in_canary(client, 1.0)


@given(client=CLIENTS | st.text(st.characters(categories=["Cs"])))
def test_a_client_always_stands_at_the_same_place(client: str) -> None:
    assert 0 <= position(client) < 1
    assert position(client) == position(client)


def test_clients_keep_their_places_from_release_to_release() -> None:
    assert position("client") == int.from_bytes(bytes.fromhex("948fe603f61dc036")) // 2**11 / 2**53


def test_a_weight_is_the_share_of_the_clients() -> None:
    share = sum(in_canary(f"client {number}", 0.1) for number in range(20_000)) / 20_000
    assert abs(share - 0.1) < 0.01
