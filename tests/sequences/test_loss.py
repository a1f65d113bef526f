"""The deduplicated in-batch loss against the one written out column by column."""

import pytest
import torch

from mirctl.sequences.loss import Candidates, batch_loss


def written_out(users, table, items, lengths, share):
    """Every position of every window is a column; own items are masked but for the one target."""
    windows = len(items)
    columns = [(w, t) for w in range(windows) for t in range(lengths[w])]
    losses = []
    for w in range(windows):
        own = {int(i) for i in items[w, : lengths[w]]}
        for t in range(lengths[w] - 1):
            logits = []
            for cw, ct in columns:
                item = int(items[cw, ct])
                logit = users[w, t] @ table[item] - share[item].log()
                is_target = (cw, ct) == (w, t + 1)
                logits.append(logit if is_target or item not in own else logit - 1e4)
            place = columns.index((w, t + 1))
            losses.append(-torch.log_softmax(torch.stack(logits), 0)[place])
    return torch.stack(losses).mean()


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(5)
    items = torch.randint(0, 9, (6, 7), generator=generator)
    lengths = torch.tensor([7, 2, 5, 7, 3, 6])
    users = torch.randn(6, 7, 8, generator=generator, dtype=torch.float64)
    table = torch.randn(9, 8, generator=generator, dtype=torch.float64)
    share = torch.rand(9, generator=generator, dtype=torch.float64)
    return users, table.requires_grad_(), items, lengths, share / share.sum()


def ours(users, table, items, lengths, share):
    inside = torch.arange(items.shape[1]) < lengths[:, None]
    distinct, place, counts = torch.unique(items[inside], return_inverse=True, return_counts=True)
    local = torch.zeros_like(items)
    local[inside] = place
    owned = torch.zeros(len(items), len(distinct), dtype=torch.bool)
    owned[inside.nonzero()[:, 0], place] = True
    real = inside[:, 1:]
    candidates = Candidates(counts.double(), share[distinct].log(), owned)
    return batch_loss(
        users[:, :-1][real], table[distinct], local[:, 1:][real], real.nonzero()[:, 0], candidates
    )


def test_it_is_the_written_out_loss(batch):
    assert ours(*batch).item() == pytest.approx(written_out(*batch).item(), abs=1e-9)


def test_its_gradient_is_the_written_out_one(batch):
    table = batch[1]
    (expected,) = torch.autograd.grad(written_out(*batch), table)
    (got,) = torch.autograd.grad(ours(*batch), table)
    torch.testing.assert_close(got, expected)


def test_a_target_that_others_hold_too_counts_once():
    users = torch.zeros(2, 2, 4, dtype=torch.float64)
    table = torch.zeros(3, 4, dtype=torch.float64)
    items = torch.tensor([[0, 1], [2, 1]])
    lengths = torch.tensor([2, 2])
    share = torch.full((3,), 1 / 3, dtype=torch.float64)
    # Window 0 wants item 1; of the others only window 1's item 2 is a candidate: two columns.
    loss = ours(users, table, items, lengths, share)
    assert loss.item() == pytest.approx(torch.tensor(2.0).log().item())


def test_two_threads_give_the_same_gradient_each_time():
    """Some backward passes add up in whatever order the threads come."""
    generator = torch.Generator().manual_seed(0)
    n, m, d, windows = 8192, 300, 64, 128
    users = torch.randn(n, d, generator=generator)
    target = torch.randint(m, (n,), generator=generator)
    window = torch.randint(windows, (n,), generator=generator)
    owned = torch.zeros(windows, m, dtype=torch.bool)
    owned[window, target] = True
    candidates = Candidates(torch.ones(m), torch.full((m,), 1 / m).log(), owned)
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        found = []
        for _ in range(8):
            items = torch.randn(m, d, generator=torch.Generator().manual_seed(1))
            items.requires_grad_()
            batch_loss(users, items, target, window, candidates).backward()
            found.append(items.grad)
    finally:
        torch.set_num_threads(threads)
    assert all(torch.equal(found[0], other) for other in found)
