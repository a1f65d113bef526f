"""The user encoder: no pad and nothing of the future changes what it says."""

import pytest
import torch

from mirctl.sequences.users import UserEncoder


@pytest.fixture
def users():
    return UserEncoder(dim=8, history=6, layers=2, heads=2, dropout=0.0).eval()


def test_padding_changes_nothing(users):
    short = torch.randn(1, 3, 8)
    padded = torch.cat([short, torch.randn(1, 3, 8)], dim=1)
    torch.testing.assert_close(users(padded)[:, :3], users(short))


def test_no_step_sees_what_comes_later(users):
    history = torch.randn(1, 5, 8)
    later = history.clone()
    later[:, 3] = 7.0
    torch.testing.assert_close(users(later)[:, :3], users(history)[:, :3])
    assert not torch.allclose(users(later)[:, 3:], users(history)[:, 3:])
