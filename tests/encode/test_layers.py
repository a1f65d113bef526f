"""Which layers of a tower are kept."""

import pytest

from mirctl.encode import layers


def cached(depth, *, embeddings=True):
    names = [str(i) for i in range(depth)]
    return layers.Cached(["embeddings", *names[1:]] if embeddings else names, [4] * depth)


@pytest.mark.parametrize("depth", [7, 13, 19, 81])
def test_groups_align_towers_of_any_depth(depth):
    (kept,) = layers.keep("group", 6, {"text": cached(depth)}).values()
    assert len(kept) == 6
    assert kept[-1] == depth - 1
    assert 0 not in kept, "the embeddings are no layer"


def test_groups_of_a_twelve_layer_tower_end_at_every_second_layer():
    assert layers.group_last(12, 6, first=1) == [2, 4, 6, 8, 10, 12]


def test_a_tower_without_embeddings_is_cut_from_its_first_layer_on():
    (kept,) = layers.keep("group", 6, {"image": cached(16, embeddings=False)}).values()
    assert kept == [2, 4, 7, 10, 12, 15]


def test_iisan_keeps_every_second_layer_from_the_first_on():
    assert layers.every_second(13) == [0, 2, 4, 6, 8, 10, 12]


def test_a_tower_with_fewer_layers_than_groups_keeps_them_all(capsys):
    towers = {"text": cached(7), "image": cached(17)}
    kept = layers.keep("group", {"text": 9, "image": 8}, towers)
    assert kept["text"] == [1, 2, 3, 4, 5, 6]
    assert len(kept["image"]) == 8
    assert "text: 6 groups of layers, not 9" in capsys.readouterr().err


def test_the_default_aligns_with_the_shallowest_tower():
    kept = layers.keep("group", 12, {"text": cached(19), "image": cached(5)})
    assert [len(k) for k in kept.values()] == [4, 4]
