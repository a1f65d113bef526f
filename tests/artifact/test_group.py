"""Groups of tensors are written without being held, and tied ones once."""

import json
from collections.abc import Iterator, Mapping

import pytest
import torch

from mirctl import artifact


class Made(Mapping):
    """Makes each tensor when asked, and knows how many live at once."""

    def __init__(self, count: int) -> None:
        self.names = [f"w{n:03}" for n in range(count)]
        self.asked: list[str] = []

    def __getitem__(self, name: str) -> torch.Tensor:
        self.asked.append(name)
        return torch.full((1000,), float(name[1:]))

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)


@pytest.mark.parametrize("shard_bytes", [10**6, 16_000])
def test_tensors_made_when_asked_are_not_taken_for_tied(tmp_path, shard_bytes):
    """Freed memory is given to the next tensor, which then lies where another one lay."""
    made = Made(20)
    with artifact.create(tmp_path / "art", kind="k") as draft:
        draft.tensors("model", made, shard_bytes=shard_bytes)
    assert sorted(made.asked) == sorted(2 * made.names)
    art = artifact.open_artifact(tmp_path / "art")
    assert art.manifest.aliases == {}
    found = art.tensors("model")
    assert all(found[name][0].item() == n for n, name in enumerate(made.names))


def test_a_copy_of_a_mapped_artifact_has_the_same_tensors(tmp_path):
    shared = torch.arange(4.0)
    with artifact.create(tmp_path / "a", kind="k") as draft:
        draft.tensors("model", {"one": shared, "two": shared})
    first = artifact.open_artifact(tmp_path / "a").tensors("model")
    with artifact.create(tmp_path / "b", kind="k") as draft:
        draft.tensors("model", first)
    second = artifact.open_artifact(tmp_path / "b").tensors("model")
    assert {name: second[name].tolist() for name in second} == {
        name: shared.tolist() for name in ("one", "two")
    }


def test_two_equal_tensors_are_two_tensors(tmp_path):
    with artifact.create(tmp_path / "a", kind="k") as draft:
        draft.tensors("model", {"one": torch.ones(3), "two": torch.ones(3)})
    assert artifact.open_artifact(tmp_path / "a").manifest.aliases == {}


def test_an_index_lists_every_tensor_once(tmp_path):
    with artifact.create(tmp_path / "a", kind="k") as draft:
        draft.tensors("model", Made(9), shard_bytes=8000)
    index = json.loads((tmp_path / "a" / "model.safetensors.index.json").read_text())
    assert list(index["weight_map"]) == Made(9).names
    assert index["metadata"]["total_size"] == 9 * 4000
