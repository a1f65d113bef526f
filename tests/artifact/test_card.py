"""The card says what an artifact is, to people and to model hubs, and nothing of this machine."""

import json
import re
from pathlib import Path

import pytest
import yaml

from mirctl import artifact
from mirctl.artifact.card import card

WORDS = artifact.Words(
    "A thing", "About it.", "Measured so.", "use FOLDER", models=["org/m@v1", "./m"]
)
METRICS = {"ndcg@10": {"value": 0.5, "low": 0.25, "high": 0.75, "n": 10}, "ndcg@10/cold": 0.1}
INPUT = {"name": "data.items", "sha256": "ab" * 32, "path": "../secret place/items.csv"}


def make(out: Path, words: artifact.Words | None = WORDS, **told: object) -> artifact.Artifact:
    with artifact.create(out, kind="test/model") as draft:
        draft.json("metrics.json", METRICS)
        if words:
            draft.card(words)
        draft.describe(seed=7, inputs=[INPUT], plugin={"name": "test", "version": "1.0"}, **told)
    return artifact.open_artifact(out)


def parts(text: str) -> tuple[dict[str, object], str]:
    """The YAML and the Markdown of a card."""
    _, front, body = re.split(r"^---\n", text, maxsplit=2, flags=re.MULTILINE)
    return yaml.safe_load(front), body


def test_a_card_tells_hubs_and_people(tmp_path):
    art = make(tmp_path / "a")
    front, body = parts(card(art))
    assert front == {
        "library_name": "mirctl",
        "base_model": ["org/m"],
        "tags": ["mirctl", "test", "test/model"],
        "metrics": ["ndcg@10"],
    }
    assert body.startswith("\n# A thing\n\nAbout it.\n\n## Quality\n\nMeasured so.\n")
    assert "| ndcg@10 | 0.5000 | 0.2500 to 0.7500 | 10 |" in body
    assert "cold" not in body
    assert f"| input | data.items | {'ab' * 32} |" in body
    assert "secret" not in body
    assert "plugin test 1.0; seed 7" in body


def test_the_readme_is_the_card(tmp_path):
    art = make(tmp_path / "a")
    assert art.text("README.md") == card(art)
    assert artifact.verify(art.folder) == []


def test_an_artifact_without_words_has_a_card_all_the_same(tmp_path):
    art = make(tmp_path / "a", None)
    assert "README.md" not in art.manifest.files
    front, body = parts(card(art))
    assert front["tags"] == ["mirctl", "test", "test/model"]
    assert "# An artifact of kind test/model" in body
    assert "mirctl artifact verify FOLDER" in body


def test_a_plain_readme_keeps_its_words(tmp_path):
    with artifact.create(tmp_path / "a", kind="k") as draft:
        draft.text("README.md", "# Mine\n")
    front, body = parts(card(artifact.open_artifact(tmp_path / "a")))
    assert front == {"library_name": "mirctl", "tags": ["mirctl", "k"]}
    assert body == "\n# Mine\n"


def test_a_licence_is_named_only_where_it_is_known(tmp_path):
    assert "license" not in parts(card(make(tmp_path / "a")))[0]
    assert parts(card(make(tmp_path / "b", license="apache-2.0")))[0]["license"] == "apache-2.0"


@pytest.mark.parametrize("kind", ["no", "a: b\n---\nx", "<script>", "x|y\ny", "\ud800"])
def test_no_name_breaks_a_card(tmp_path, kind):
    with artifact.create(tmp_path / "a", kind="k") as draft:
        draft.text("metrics.json", json.dumps({kind.replace("/", ""): 1.0}))
    art = artifact.open_artifact(tmp_path / "a")
    art.manifest.__dict__["kind"] = kind
    text = card(art)
    text.encode()
    front, body = parts(text)
    assert front["tags"] == ["mirctl", kind]
    assert len([line for line in body.splitlines() if line.startswith("| ")]) == 3
    assert "<script" not in body.replace("\\<script", "")
