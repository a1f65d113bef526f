"""Which card a process takes."""

import pytest
import torch

from mirctl import device, distributed
from mirctl.distributed import Process
from mirctl.errors import MissingError, UsageError


@pytest.fixture
def cards(monkeypatch):
    """A machine with two cards, on which this is some process."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)

    def be(*numbers):
        monkeypatch.setattr(distributed, "_process", Process(*numbers))

    return be


@pytest.mark.parametrize("name", ["auto", "cuda"])
@pytest.mark.parametrize(
    ("process", "card"),
    [((3, 4, 1, 2), "cuda:1"), ((2, 4, 0, 2), "cuda:0"), ((1, 2, 0, 1), "cuda:0"), ((), "cuda")],
)
def test_each_process_has_the_card_of_its_number_on_its_machine(cards, name, process, card):
    cards(*process)
    assert device.choose(name) == torch.device(card)


def test_a_card_is_named_only_where_a_machine_has_one_process(cards):
    cards(1, 2, 0, 1)
    assert device.choose("cuda:1") == torch.device("cuda:1")
    cards(0, 2, 0, 2)
    with pytest.raises(UsageError, match="is one card for several processes"):
        device.choose("cuda:1")


def test_more_processes_than_cards_are_told(cards):
    cards(2, 3, 2, 3)
    with pytest.raises(MissingError, match="'cuda:2' is not here: torch sees 2 CUDA devices"):
        device.choose("auto")
