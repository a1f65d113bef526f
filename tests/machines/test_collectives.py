"""What processes put together: the same sums as in one process, whoever has which rows."""

import os

import pytest
import torch
from torch import nn

from mirctl import collectives, distributed
from mirctl.distributed import Process
from mirctl.errors import RunError, UsageError
from processes import codes_of_two, in_two


@pytest.mark.parametrize("count", [0, 1, 2, 7, 30])
def test_the_parts_follow_each_other_and_are_all_of_it(count):
    for world in (1, 2, 3, 8):
        parts = [range(count)[Process(rank, world).rows(count)] for rank in range(world)]
        assert [row for part in parts for row in part] == [*range(count)]
        assert max(map(len, parts)) - min(map(len, parts)) <= 1


class Net(nn.Module):
    """Items and users meet in one product; the last weight is used by the second user alone."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.items, self.users = nn.Linear(3, 4), nn.Linear(2, 4)
        self.rare, self.never = nn.Parameter(torch.ones(4)), nn.Parameter(torch.ones(4))

    def loss(self, items, users, process):
        count, mine = len(items), process.rows(len(items))
        table = process.join(self.items(items[mine]), count)
        rows = range(len(users))[process.rows(len(users))]
        read = self.users(users[rows.start : rows.stop])
        if 2 in rows:
            read = read + self.rare * (torch.arange(rows.start, rows.stop) == 2)[:, None]
        logits = read @ table.T
        return nn.functional.cross_entropy(logits, torch.tensor(rows), reduction="sum") / 3


def gradients(process):
    net = Net()
    generator = torch.Generator().manual_seed(1)
    items, users = (torch.randn(n, w, generator=generator) for n, w in ((5, 3), (3, 2)))
    loss = net.loss(items, users, process)
    loss.backward()
    collectives.add_gradients([*net.parameters()])
    (value,) = distributed.summed(loss.item())
    return value, {name: weight.grad for name, weight in net.named_parameters()}


def share(rank, folder):
    with distributed.launched():
        torch.save(gradients(distributed.process()), folder / f"found-{rank}")
        weights = torch.full((3,), float(rank))
        collectives.copy_first([weights])
        assert weights.tolist() == [0, 0, 0]
        assert distributed.from_first(rank) == 0
        assert distributed.summed(rank, 10) == [1, 20]
        distributed.refuse_others({"seed": 1})
        with pytest.raises(UsageError, match=r"process 1 has another seed than the first"):
            distributed.refuse_others({"seed": rank})
        torch.manual_seed(5)
        distributed.process().diverge()
        assert (torch.initial_seed() == 5) == (rank == 0)


def test_loss_and_gradient_of_two_processes_are_those_of_the_joined_batch(tmp_path):
    loss, wanted = gradients(Process())
    in_two(share, tmp_path)
    for rank in range(2):
        value, found = torch.load(tmp_path / f"found-{rank}", weights_only=True)
        assert value == pytest.approx(loss, abs=1e-6)
        assert found.keys() == wanted.keys()
        assert found["never"] is None
        for name in wanted.keys() - {"never"}:
            torch.testing.assert_close(found[name], wanted[name], atol=1e-6, rtol=0)


@pytest.mark.parametrize(
    "told",
    [
        {"RANK": "2"},
        {"RANK": "-1"},
        {"RANK": "x"},
        {"LOCAL_RANK": "3"},
        {"WORLD_SIZE": "two"},
        {"WORLD_SIZE": "9" * 12},
    ],
)
def test_an_environment_that_makes_no_sense_is_told(monkeypatch, told):
    for key, value in ({"WORLD_SIZE": "2", "RANK": "1", "LOCAL_WORLD_SIZE": "2"} | told).items():
        monkeypatch.setenv(key, value)
    with pytest.raises(UsageError, match="names no process"), distributed.launched():
        pass
    assert distributed.process() == Process()


def leave(rank, folder):
    with distributed.launched():
        distributed.wait()
        if rank:
            os._exit(3)
        with pytest.raises(RunError, match="another process of this run has ended"):
            distributed.summed(1)
        (folder / "told").touch()


@pytest.mark.slow
def test_a_process_that_is_lost_is_told_at_once(tmp_path):
    assert codes_of_two(leave, tmp_path) == [0, 3]
    assert (tmp_path / "told").exists()
