# SPDX-License-Identifier: Apache-2.0
"""Public ids are 80 random bits behind a prefix."""

from collections import Counter

from aion.ids import ALPHABET, new_id

MANY = 4_000


def test_an_id_is_its_prefix_and_sixteen_characters_of_the_alphabet() -> None:
    prefix, _, rest = new_id("wl").partition("_")
    assert (prefix, len(rest)) == ("wl", 16)
    assert set(rest) <= set(ALPHABET)


def test_each_character_of_the_alphabet_comes_equally_often_in_each_place() -> None:
    ids = [new_id("x").removeprefix("x_") for _ in range(MANY)]
    assert len(set(ids)) == MANY
    for place in zip(*ids, strict=True):
        counts = Counter(place)
        assert set(counts) == set(ALPHABET)
        # 125 are expected, with a standard deviation of 11
        assert 60 < min(counts.values()) <= max(counts.values()) < 200
