"""What runs cost: TPME by hand, memories that are not the same, figures that are none."""

import json

import pytest

from mirctl import artifact, costs
from mirctl.costs import CUDA, RAM, Cost
from mirctl.errors import ArtifactError


def spent(seconds, parameters, memory, of=RAM):
    figures = {
        "epoch_seconds": seconds,
        "trainable_parameters": parameters,
        "memory_bytes": memory,
    }
    return Cost(figures, of)


def made(folder, efficiency):
    """An artifact that has this efficiency.json, opened."""
    with artifact.create(folder, "test/thing", 1) as draft:
        draft.text("efficiency.json", json.dumps(efficiency))
    return artifact.open_artifact(folder)


def test_tpme_by_hand():
    found = costs.tpme({"a": spent(100, 50, 8e9), "b": spent(20, 10, 2e9), "c": spent(60, 0, 5e9)})
    assert found == pytest.approx({"a": 1.0, "b": 0.02, "c": 0.45})


def test_what_is_alike_in_all_adds_nothing():
    found = costs.tpme({"a": spent(2, 7, 5e9), "b": spent(2, 7, 4e9)})
    assert found == {"a": 0.45, "b": 0.0}


def test_what_lacks_a_figure_is_left_out_of_tpme():
    lacking = Cost({"memory_bytes": 9e9}, RAM)
    several = {"a": spent(2, 7, 5e9), "pop": lacking, "b": spent(1, 7, 5e9)}
    assert costs.tpme(several) == {"a": 0.45, "b": 0.0}
    assert costs.told(several)[-1] == "over a, b."


@pytest.mark.parametrize(
    ("several", "why"),
    [
        ({}, "two at least"),
        ({"a": spent(1, 2, 3)}, "two at least"),
        ({"a": spent(1, 2, 3), "b": Cost({"epoch_seconds": 2.0})}, "two at least"),
        ({"a": spent(1, 2, 3), "b": spent(1, 2, 3, CUDA)}, "partly of CUDA and partly RAM"),
    ],
)
def test_where_there_is_no_tpme_it_is_told_why(several, why):
    assert costs.tpme(several) == {}
    assert why in costs.without(several)
    assert costs.told(several)[0].startswith("No TPME")


@pytest.mark.parametrize(
    ("efficiency", "size", "of"),
    [
        ({"peak_anonymous_bytes": 5, "peak_cuda_bytes": None}, 5, RAM),
        ({"peak_anonymous_bytes": 5, "peak_cuda_bytes": 9}, 9, CUDA),
        ({"peak_anonymous_bytes": 5, "peak_cuda_bytes": 0}, 5, RAM),
        ({"peak_anonymous_bytes": None, "peak_cuda_bytes": None}, None, None),
        ({}, None, None),
    ],
)
def test_memory_is_that_of_cuda_where_the_run_used_it(tmp_path, efficiency, size, of):
    found = costs.cost(made(tmp_path / "it", efficiency))
    assert found.values.get("memory_bytes") == size
    assert found.memory == of
    assert found.text("memory_bytes") == ("" if size is None else f"{size} B {of}")


def test_means_are_over_the_runs_that_have_the_figure():
    mean = costs.over([spent(1, 10, 100), spent(3, 10, 300), Cost({"epoch_seconds": 5.0})])
    assert mean.values == {"epoch_seconds": 3, "trainable_parameters": 10, "memory_bytes": 200}
    assert mean.units()["memory_bytes"] == "bytes of RAM"


def test_bytes_of_two_memories_have_no_mean():
    mean = costs.over([spent(1, 10, 100), spent(3, 10, 300, CUDA)])
    assert mean == Cost({"epoch_seconds": 2, "trainable_parameters": 10})
    assert costs.over([]) == Cost()


@pytest.mark.parametrize("value", ["much", True, -1, [1], {"s": 1}])
def test_a_figure_that_is_no_number_is_refused(tmp_path, value):
    with pytest.raises(ArtifactError, match="epoch_seconds is"):
        costs.cost(made(tmp_path / "it", {"epoch_seconds": value}))


def test_figures_that_are_no_object_are_refused(tmp_path):
    with pytest.raises(ArtifactError, match="no object"):
        costs.cost(made(tmp_path / "it", [1]))


def test_an_artifact_without_figures_costs_nothing_that_is_known(tmp_path):
    with artifact.create(tmp_path / "it", "test/thing", 1):
        pass
    assert costs.cost(artifact.open_artifact(tmp_path / "it")) == Cost()
