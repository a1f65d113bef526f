"""The README's table of keys says what the settings are."""

import re
from pathlib import Path

import mirctl_impute
from mirctl_impute.config import ImputeTrain, ModelConfig

ROW = re.compile(r"^\| (`(?:model|train)\.[^|]*)\|([^|]*)\|", re.MULTILINE)


def told():
    """Key -> default, as the README has them."""
    text = Path(mirctl_impute.__file__).with_name("README.md").read_text(encoding="utf-8")
    found = {}
    for keys, defaults in ROW.findall(text):
        names = [key.strip(" `") for key in keys.split(",")]
        section = names[0].partition(".")[0]
        values = [value.strip() for value in defaults.split(",")]
        full = [section + name if name.startswith(".") else name for name in names]
        found |= dict(zip(full, values, strict=True))
    return found


def test_each_default_is_the_one_that_counts():
    sections = {"model": ModelConfig(), "train": ImputeTrain()}
    for key, value in told().items():
        section, _, name = key.partition(".")
        default = getattr(sections[section], name)
        assert value == ("" if default is None else f"{default}"), key


def test_no_key_of_its_own_is_left_out():
    own = {*(f"model.{name}" for name in ModelConfig.model_fields)}
    own |= {f"train.{name}" for name in ImputeTrain.__annotations__} - {"train.metric"}
    assert own <= told().keys()
