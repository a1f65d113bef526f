"""mirctl.testing: what authors of plugins get, and that it costs others nothing."""

import os

from mirctl.conformance.running import python

HEAVY = ("typer", "torch", "pydantic", "numpy", "mirctl.cli", "mirctl.conformance")


def test_a_session_that_uses_none_of_it_imports_nothing(tmp_path):
    (tmp_path / "test_other.py").write_text(
        "import sys\n"
        "def test_other():\n"
        "    assert 'mirctl.testing' in sys.modules\n"
        f"    assert not [name for name in {HEAVY} if name in sys.modules]\n"
    )
    ran = python("-m", "pytest", "-q", "-p", "mirctl.testing", tmp_path, "-c", os.devnull)
    assert ran.code == 0, ran.out


def test_it_is_there_once_when_named_twice(tmp_path):
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["mirctl.testing"]\n')
    (tmp_path / "test_one.py").write_text(
        "def test_one(mirctl, mirctl_cache, tiny_catalogue, monkeypatch):\n"
        "    assert mirctl('--version').out.startswith('mirctl ')\n"
        "    assert (tiny_catalogue / 'items.csv').is_file()\n"
        "    assert not any(mirctl_cache.iterdir())\n"
    )
    ran = python("-m", "pytest", "-q", "-p", "mirctl.testing", tmp_path, "-c", os.devnull)
    assert ran.code == 0, ran.out


def test_streams_are_apart(mirctl, mirctl_process):
    for run in (mirctl, mirctl_process):
        good, bad = run("recipe", "list"), run("recipe", "show", "no/such")
        assert (good.code, good.err) == (0, "")
        assert "adapt/ml-100k" in good.out
        assert (bad.code, bad.out) == (2, "")
        assert bad.err.startswith("error: ")


def test_the_tiny_encoders_encode(tiny_bert, tiny_vit):
    import numpy as np
    import torch
    from PIL import Image

    from mirctl.encode import EncoderSettings, ImageSettings, load_encoder

    picture = Image.fromarray(np.zeros((40, 40, 3), np.uint8))
    for settings, item, width in (
        (EncoderSettings(model=str(tiny_bert)), "toy story", 16),
        (ImageSettings(model=str(tiny_vit)), picture, 12),
    ):
        encoder = load_encoder(settings, torch.device("cpu"), torch.float32)
        assert encoder.encode([item]).shape == (1, sum(encoder.widths))
        assert set(encoder.widths) == {width}
