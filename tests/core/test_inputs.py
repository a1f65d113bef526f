"""What a run reads is named and hashed, and nothing else is."""

import hashlib

from mirctl import inputs
from mirctl.data.config import DataConfig


def test_a_file_is_recorded_by_its_bytes(tmp_path):
    (tmp_path / "log.csv").write_text("a")
    (found,) = inputs.describe(DataConfig(interactions=tmp_path / "log.csv"))
    assert found["sha256"] == hashlib.sha256(b"a").hexdigest()
    assert (found["name"], found["size"]) == ("interactions", 1)


def folder(root):
    for name in ("x_covers/1.jpg", "x_video/1.mp4", "x_audio/1.wav", "x_pairs.csv"):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return DataConfig(microlens=root)


def test_what_is_recorded_one_by_one_or_not_read_is_not_hashed(tmp_path):
    (found,) = inputs.describe(folder(tmp_path))
    assert found["files"] == 1
    config = DataConfig(interactions=tmp_path / "x_pairs.csv", items=tmp_path, images=tmp_path)
    names = [item["name"] for item in inputs.describe(config)]
    assert names == ["interactions", "items"]
    (tmp_path / "x_video" / "1.mp4").write_text("other")
    assert inputs.describe(folder(tmp_path)) == [found]


def test_a_folder_changes_with_any_file_it_is_read_for(tmp_path):
    before = inputs.describe(folder(tmp_path))
    (tmp_path / "x_pairs.csv").write_text("other")
    assert inputs.describe(DataConfig(microlens=tmp_path)) != before


def test_paths_are_recorded_relative_to_the_artifact(tmp_path):
    (tmp_path / "log.csv").write_text("a")
    found = inputs.describe(DataConfig(interactions=tmp_path / "log.csv"))
    (told,) = inputs.relative(found, tmp_path / "models" / "m")
    assert told["path"] == "../../log.csv"
