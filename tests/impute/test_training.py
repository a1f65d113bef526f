"""What a batch shows and asks of its rows, with no network at all."""

import numpy as np
import pytest
import torch

from impute.plain import table_of
from mirctl.errors import RunError
from mirctl_impute.config import ImputeTrain
from mirctl_impute.held import Errors, HeldOut
from mirctl_impute.training import MaskTask


def task(values, **changes):
    """Over columns of numbers."""
    plain = {"batch_size": 500, "all_hidden": 0, "copied": 0, "at_end": 0, "apart": 0}
    config = ImputeTrain(**(plain | changes))
    held = HeldOut(values, config.held_out, 0)
    table = table_of(values, (0,) * values.shape[1])
    return MaskTask(None, table, values, held, config, 3, torch.device("cpu"))


@pytest.fixture
def holed():
    """40 rows of 3 columns, no two cells alike, a fifth of them missing."""
    rng = np.random.default_rng(0)
    values = rng.permutation(120).reshape(40, 3) ** 1.5
    return np.where(rng.random((40, 3)) < 0.2, np.nan, values)


@pytest.fixture
def in_turn():
    """Row n misses column n % 3 and nothing else."""
    values = np.random.default_rng(0).normal(size=(60, 3))
    values[np.arange(60), np.arange(60) % 3] = np.nan
    return values


def values_at(made, raw, mask):
    """The values (column, value) of the cells in a mask."""
    columns = mask.nonzero()[:, 1].numpy()
    scales = [column.scale for column in made.table.columns]
    numbers = [scales[c].value(x) for c, x in zip(columns, raw[mask].double().numpy(), strict=True)]
    return {(int(c), round(float(x), 2)) for c, x in zip(columns, numbers, strict=True)}


def test_without_dynamic_masking_every_row_hides_the_same_share():
    made = task(np.random.default_rng(0).normal(size=(2000, 8)), hidden=0.75, all_hidden=0.5)
    _, _, _, known, hidden, _ = made.batch(0, 0)
    shares = hidden.sum(1) / (known | hidden).sum(1)
    assert shares.mean() == pytest.approx(0.75, abs=0.02)
    assert (shares == 1).float().mean() < 0.2
    assert task(np.ones((9, 2)), hidden=1.0).batch(0, 0)[3].sum() == 0


def test_exactly_the_cells_that_are_there_and_not_held_out_are_shown_and_asked_for(holed):
    made = task(holed, copied=0.5, all_hidden=0.2, apart=0.2)
    free = made.held.without(np.arange(40), holed)
    assert np.isnan(free).sum() > np.isnan(holed).sum()
    wanted = {(c, round(v, 2)) for (_, c), v in np.ndenumerate(free) if not np.isnan(v)}
    shown, asked = set(), set()
    for step in range(6):
        _, _, raw, known, hidden, _ = made.batch(0, step)
        assert not (known & hidden).any()
        shown |= values_at(made, raw, known)
        asked |= values_at(made, raw, hidden)
    assert shown == wanted
    assert asked == wanted


def test_a_row_shows_two_thirds_of_its_cells_on_average_and_any_number_of_them(holed):
    _, _, _, known, hidden, _ = task(holed, batch_size=4000).batch(0, 0)
    assert known.sum() / (known | hidden).sum() == pytest.approx(2 / 3, abs=0.03)
    alone, full = (~known & hidden).sum(1) == 3, (known & ~hidden).sum(1) == 3
    # with density 2s the mean of s ** 3 is 2 / 5, that of (1 - s) ** 3 is 1 / 10; cells that are
    # kept singly would give 8 / 27 and 1 / 27
    rows = (known | hidden).sum(1) == 3
    assert full.sum() / rows.sum() == pytest.approx(0.4, abs=0.05)
    assert alone.sum() / rows.sum() == pytest.approx(0.1, abs=0.03)


def test_a_cell_that_is_there_is_shown_or_asked_for_except_in_rows_of_which_a_part_stands_apart(
    in_turn,
):
    def in_play(apart):
        _, _, raw, known, hidden, _ = task(in_turn, apart=apart, batch_size=4000).batch(0, 0)
        return (known | hidden)[raw != 0].float().mean()

    assert in_play(0) == 1
    assert in_play(0.5) == pytest.approx(3 / 4, abs=0.03)
    assert in_play(1) == pytest.approx(1 / 2, abs=0.03)


def test_rows_of_which_all_is_hidden_show_nothing(holed):
    _, _, _, known, hidden, _ = task(holed, all_hidden=1).batch(0, 0)
    assert not known.any()
    assert hidden.sum() > 500


def test_a_copied_row_hides_just_what_another_row_misses(in_turn):
    _, _, _, known, hidden, _ = task(in_turn, copied=1, batch_size=6000).batch(0, 0)
    assert hidden.sum(1).max() == 1
    # a third of the rows that are copied from misses just this column
    for column in range(3):
        part = known[:, column].sum() / (known | hidden)[:, column].sum()
        assert part == pytest.approx(2 / 3, abs=0.03)
    whole = np.random.default_rng(0).normal(size=(60, 3))
    _, _, _, known, hidden, _ = task(whole, copied=1, batch_size=6000).batch(0, 0)
    assert hidden.sum(1).max() == 3, "no row misses anything: hidden by chance"


def test_what_every_row_misses_is_never_shown_by_a_copied_row(in_turn):
    made = task(in_turn, copied=1)
    made.values = np.where([True, False, False], np.nan, in_turn)
    kept = made._kept(np.random.default_rng(0), 500)
    assert not kept[:, 0].any()
    assert kept[:, 1].any()


def flat(batch):
    cells, learned, *rest = batch
    return [cells.numbers, cells.codes, learned.numbers, learned.codes, *rest]


def test_a_batch_depends_on_its_epoch_and_its_step_alone(holed):
    made = task(holed)
    first = flat(made.batch(0, 0))
    others = [flat(made.batch(*place)) for place in ((1, 0), (0, 1))]
    again = flat(made.batch(0, 0))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    for other in others:
        assert not torch.equal(first[-1], other[-1])
        assert not torch.equal(first[-3], other[-3])


def test_a_task_of_another_seed_has_other_batches(holed):
    one, other = task(holed), task(holed)
    other.seed = 4
    assert not torch.equal(one.batch(0, 0)[-1], other.batch(0, 0)[-1])


def test_times_are_spread_evenly_over_the_batch_in_random_order(holed):
    *_, t = task(holed, batch_size=64).batch(0, 0)
    assert (t.sort().values * 64).floor().tolist() == list(range(64))
    assert t.argsort().tolist() != list(range(64))
    # a stratum is no fixed place
    assert (t * 64).frac().std() > 0.2


def test_no_time_is_too_early_to_ask_for_anything(holed):
    *_, t = task(holed, batch_size=5000).batch(0, 0)
    assert t.min() == pytest.approx(1e-3)
    assert t.max() <= 1


@pytest.mark.parametrize("share", [0.3, 1])
def test_a_share_of_the_rows_stands_at_the_end(holed, share):
    *_, t = task(holed, batch_size=5000, at_end=share).batch(0, 0)
    assert (t == 1).float().mean() == pytest.approx(share, abs=0.02)


def test_cells_are_read_at_their_middle_rank_and_learned_anywhere_in_their_ranks():
    values = np.array([[0.0]] * 30 + [[1.0]] * 10)
    made = task(values, batch_size=4000)
    read, learned, raw, known, hidden, _ = made.batch(0, 0)
    for value, low, high in ((0, 0.0, 0.75), (1, 0.75, 1.0)):
        at = (known | hidden) & ((raw > 0) == bool(value))
        assert torch.special.ndtr(read.numbers[at]).tolist() == pytest.approx(
            [(low + high) / 2] * int(at.sum()), abs=1e-4
        )
        ranks = torch.special.ndtr(learned.numbers[at])
        inside = (ranks - low) / (high - low)
        assert inside.min() == pytest.approx(0, abs=0.02)
        assert inside.max() == pytest.approx(1, abs=0.02)
        assert (inside.mean(), inside.var()) == pytest.approx((1 / 2, 1 / 12), abs=0.03)


def test_a_model_that_says_no_numbers_has_diverged(holed, monkeypatch):
    made = task(holed)
    nothing = Errors(np.array([np.nan]), np.array([np.nan]), np.zeros(0), np.zeros(0))
    monkeypatch.setattr(HeldOut, "measure", lambda *_: nothing)
    with pytest.raises(RunError, match="a lower train"):
        made.validate()
