import sys
import threading

import numpy as np
import pytest
import torch

from mirctl import cache
from mirctl.artifact.tensors import write_tensors
from mirctl.encode import (
    EncoderSettings,
    encode_items,
    encode_with,
    segments,
    states,
)
from mirctl.encode.states import States
from mirctl.errors import RunError

CPU = torch.device("cpu")
TITLES = [f"film number {n} {'x' * (n % 7)}" for n in range(100)]


class Toy:
    """An encoder whose two layers are the length of a text and its first character."""

    modality, widths, layers, batch_size = "text", (2, 1), ("1", "2"), 4

    def __init__(self, fail_at=None, scale=1.0):
        self.key, self.weights, self.settings = "k", "w", EncoderSettings(model="toy")
        self.batches, self.loads, self.fail_at, self.scale = [], 0, fail_at, scale

    def load(self, device):
        self.loads += 1
        return self

    def encode(self, items):
        if len(self.batches) == self.fail_at:
            raise KeyboardInterrupt
        self.batches.append(list(items))
        rows = [[len(text), sum(map(ord, text)) % 1000, ord(text[0])] for text in items]
        return torch.tensor(rows, dtype=torch.float32) * self.scale

    @property
    def seen(self):
        return [text for batch in self.batches for text in batch]


def encode(items, toy=None, **options):
    return encode_with(toy or Toy(), items, device=CPU, **options)


def expected(items):
    return Toy().encode(items).half()


def lacking(got):
    """Reason -> how many items have no states because of it."""
    return {reason: len(items) for reason, items in got.absent.items()}


def files():
    return sorted((cache.root() / "states" / "k").glob("*.safetensors"))


def test_states_stand_in_the_order_of_the_items():
    got = encode(TITLES)
    assert (got.widths, got.layers, got.calls) == ((2, 1), ("1", "2"), 100)
    assert torch.equal(got.gather(np.arange(100)), expected(TITLES))
    assert torch.equal(got.gather(np.array([7, 3, 7])), expected([TITLES[n] for n in (7, 3, 7)]))
    assert got.present().all()


def test_a_second_run_does_not_load_the_encoder():
    encode(TITLES)
    toy = Toy()
    got = encode(TITLES, toy)
    assert (toy.loads, got.calls, got.widths) == (0, 0, (2, 1))
    assert torch.equal(got.gather(np.arange(100)), expected(TITLES))


def test_the_cache_knows_how_large_the_model_is_and_what_encoding_took():
    assert encode(["heat"]).parameters is None  # this one does not tell
    assert encode(["heat"]).seconds > 0
    told = Toy()
    told.parameters, told.key = 7, "told"
    encode(["heat", "alien"], told)
    again = encode(["heat", "alien", "heat"], told)
    assert (again.parameters, again.distinct, told.loads) == (7, 2, 1)
    meta = cache.entry("states", "told").read().meta
    assert meta["encoded"] == 2
    assert again.seconds == pytest.approx(meta["seconds"])
    assert encode(["heat"], told).seconds == pytest.approx(meta["seconds"] / 2)


def test_a_cache_that_does_not_know_the_model_s_size_learns_it_once():
    toy = Toy()
    encode(TITLES, toy)
    entry = cache.entry("states", "k")
    entry.commit(meta={"widths": [2, 1], "layers": ["1", "2"]})
    toy.parameters = 7
    assert (encode(TITLES, toy).parameters, encode(TITLES, toy).calls) == (7, 0)
    assert toy.loads == 2


def test_ten_new_items_cost_ten_encodings_and_an_edited_one_costs_one():
    encode(TITLES)
    more = TITLES + [f"sequel {n}" for n in range(10)]
    assert encode(more).calls == 10
    edited = ["Film number zero", *more[1:]]
    got = encode(edited)
    assert got.calls == 1
    assert torch.equal(got.gather(np.arange(110)), expected(edited))


def test_equal_items_are_encoded_once():
    got = encode(["heat", "alien", "heat", "heat"])
    assert got.calls == 2
    assert got.rows[0] == got.rows[2] == got.rows[3] != got.rows[1]


def test_an_absent_text_never_reaches_the_encoder():
    toy = Toy()
    got = encode(["heat", "", None, " \n", "alien"], toy)
    assert sorted(toy.seen) == ["alien", "heat"]
    assert lacking(got) == {"no text": 3}
    assert got.present().tolist() == [True, False, False, False, True]
    assert got.gather(np.array([1, 2])).eq(0).all()


def test_a_catalogue_without_any_text_still_has_widths():
    got = encode([None, None])
    assert (got.widths, got.calls, lacking(got)) == ((2, 1), 0, {"no text": 2})
    assert got.gather(np.array([0, 1])).shape == (2, 3)
    toy = Toy()
    encode([None], toy)
    assert toy.loads == 0


def test_an_interrupted_run_continues_with_the_same_batches():
    whole = Toy()
    encode(TITLES, whole)
    for path in files():
        path.unlink()
    first, second = Toy(fail_at=2), Toy()
    with pytest.raises(KeyboardInterrupt):
        encode(TITLES, first)
    got = encode(TITLES, second)
    assert first.batches + second.batches == whole.batches
    assert got.calls == 100 - len(first.seen)
    assert torch.equal(got.gather(np.arange(100)), expected(TITLES))


def test_a_full_disk_keeps_what_was_committed(monkeypatch):
    monkeypatch.setattr(states, "COMMIT_ROWS", 16)
    calls = []

    def nearly_full(path, content):
        calls.append(path)
        if len(calls) > 3:
            raise RunError("the disk is full: free some space and run again")
        write_tensors(path, content)

    monkeypatch.setattr(segments, "write_tensors", nearly_full)
    with pytest.raises(RunError, match="disk is full"):
        encode(TITLES)
    monkeypatch.setattr(segments, "write_tensors", write_tensors)
    got = encode(TITLES)
    assert got.calls == 100 - 48
    assert torch.equal(got.gather(np.arange(100)), expected(TITLES))


def test_many_files_are_compacted_into_one(monkeypatch):
    monkeypatch.setattr(states, "COMMIT_ROWS", 1)
    monkeypatch.setattr(Toy, "batch_size", 2)
    got = encode(TITLES)
    assert len(files()) == 1
    assert torch.equal(got.gather(np.arange(100)), expected(TITLES))
    again = encode(TITLES)
    assert again.calls == 0
    assert torch.equal(again.gather(np.arange(100)), expected(TITLES))


def test_large_blocks_stay_apart_in_a_compacted_file(monkeypatch):
    monkeypatch.setattr(states, "COMMIT_ROWS", 1)
    monkeypatch.setattr(Toy, "batch_size", 2)
    monkeypatch.setattr(segments, "SMALL", 150)
    encode(TITLES)
    got = encode(TITLES)
    assert len(got.blocks) > 3
    assert torch.equal(got.gather(np.arange(100)), expected(TITLES))


@pytest.mark.parametrize("damage", ["flip", "cut", "remove"])
def test_a_damaged_file_is_said_and_its_items_are_encoded_again(damage, capsys):
    encode(TITLES[:50])
    encode(TITLES)
    path = files()[0]
    content = bytearray(path.read_bytes())
    if damage == "remove":
        path.unlink()
    else:
        content[-5] ^= 1
        path.write_bytes(content if damage == "flip" else content[:-9])
    capsys.readouterr()
    got = encode(TITLES)
    assert got.calls == 50
    assert "damaged" in capsys.readouterr().err
    assert torch.equal(got.gather(np.arange(100)), expected(TITLES))


def test_a_damaged_record_costs_the_encoding(capsys):
    encode(TITLES)
    (cache.root() / "states" / "k" / "entry.json").write_text("{")
    assert encode(TITLES).calls == 100
    assert "damaged" in capsys.readouterr().err


def test_shards_together_are_the_catalogue():
    parts = [encode(TITLES, shard=(n, 3)) for n in range(3)]
    assert [part.calls for part in parts] == [34, 33, 33]
    assert lacking(parts[0]) == {"in another shard": 66}
    assert encode(TITLES).calls == 0


def test_what_another_process_committed_meanwhile_is_picked_up():
    class Slow(Toy):
        def encode(self, items):
            if not self.batches:
                other = threading.Thread(target=encode, args=(TITLES,))
                other.start()
                other.join()
            return super().encode(items)

    got = encode([*TITLES, "extra"], Slow())
    assert torch.equal(got.gather(np.arange(101)), expected([*TITLES, "extra"]))


def test_a_map_survives_compaction_by_another():
    first = encode(TITLES[:10])
    for n in range(1, 10):
        encode(TITLES[10 * n : 10 * n + 10])
    assert torch.equal(first.gather(np.arange(10)), expected(TITLES[:10]))
    assert encode(TITLES).calls == 0


def test_values_beyond_fp16_are_clamped_and_counted(capsys):
    got = encode(["heat"], Toy(scale=1e5))
    assert got.gather(np.array([0])).isfinite().all()
    assert "3 values" in capsys.readouterr().err


def test_states_that_are_no_numbers_are_refused():
    with pytest.raises(RunError, match="no numbers"):
        encode(["heat"], Toy(scale=float("nan")))


def test_states_can_be_made_from_files(tmp_path):
    parts = [torch.arange(12.0).view(4, 3).half(), -torch.arange(6.0).view(2, 3).half()]
    paths = [tmp_path / f"{n}.safetensors" for n in range(2)]
    for path, part in zip(paths, parts, strict=True):
        write_tensors(path, {"states": part})
    got = States.from_files(paths, np.array([5, -1, 0]), (2, 1))
    rows = torch.stack([parts[1][1], torch.zeros(3).half(), parts[0][0]])
    assert torch.equal(got.gather(np.arange(3)), rows)
    assert lacking(got) == {"no states": 1}


def test_a_real_model_is_not_even_imported_on_a_full_hit(bert, monkeypatch):
    settings = EncoderSettings(model=str(bert))
    first = encode_items(settings, TITLES[:5], device=CPU, dtype=torch.float32)
    assert first.calls == 5
    monkeypatch.setitem(sys.modules, "transformers", None)
    again = encode_items(settings, TITLES[:5], device=CPU, dtype=torch.float32)
    assert again.calls == 0
    assert torch.equal(again.gather(np.arange(5)), first.gather(np.arange(5)))


def test_what_encodes_is_not_pruned_away():
    first = segments.Segments("k", "states of toys")
    encode(TITLES[:5])
    assert cache.prune(0, None) == []
    del first
    assert [item.entry.key for item in cache.prune(0, None)] == ["k"]


@pytest.fixture
def only_reads(no_privileges):
    """Takes away the right to write from the whole cache."""
    changed = []

    def close():
        places = [cache.root(), *cache.root().rglob("*")]
        changed.extend((place, place.stat().st_mode) for place in places)
        for place in places:
            place.chmod(0o555 if place.is_dir() else 0o444)

    yield close
    for place, mode in changed:
        place.chmod(mode)


def held():
    """Every file of the cache."""
    return {path: path.read_bytes() for path in cache.root().rglob("*") if path.is_file()}


def test_a_cache_that_only_lets_read_is_used_and_nothing_is_kept(only_reads, capsys):
    encode(TITLES[:10])
    before = held()
    only_reads()
    assert encode(TITLES[:10]).calls == 0
    for _ in range(2):
        got = encode(TITLES)
        assert got.calls == 90
        assert torch.equal(got.gather(np.arange(100)), expected(TITLES))
        assert capsys.readouterr().err.count("new states are not kept") == 1
    assert held() == before


def test_a_damaged_file_in_a_cache_that_only_lets_read_is_left_out(only_reads, capsys):
    encode(TITLES[:10])
    encode(TITLES[:20])
    files()[0].write_bytes(b"x")
    only_reads()
    got = encode(TITLES[:20])
    assert got.calls == 10
    assert torch.equal(got.gather(np.arange(20)), expected(TITLES[:20]))
    assert "are damaged" in capsys.readouterr().err


def test_an_empty_cache_that_only_lets_read_costs_the_encoding(only_reads):
    only_reads()
    got = encode(TITLES[:10])
    assert (got.calls, torch.equal(got.gather(np.arange(10)), expected(TITLES[:10]))) == (10, True)
    assert encode(["", None]).widths == (2, 1)
    assert list(cache.root().iterdir()) == []
