"""A plain folder scores what its artifact scores, in the hands of others."""

import importlib.util
import shutil

import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from mirctl.errors import UsageError
from mirctl_align import saving
from mirctl_align.batch import Batch
from mirctl_align.dialogue import Message
from mirctl_align.exporting import export
from mirctl_align.rendering import Template
from mirctl_align.tokens import Tokens

DIALOGUES = [
    (Message("user", "toy story"), Message("assistant", "one two three")),
    (Message("user", "heat"), Message("assistant", "golden eye one")),
    (Message("user", "jumanji"), Message("assistant", "four"), Message("user", "one"),
     Message("assistant", "two toy")),
]  # fmt: skip
TURNS = [[{"role": turn.role, "content": turn.content} for turn in d] for d in DIALOGUES]


def ours(folder):
    """The tokens of each dialogue, and their rewards, each alone."""
    opened = saving.load(folder)
    template = Template.of(opened.stored.text, opened.base.tokenizer)
    limit = opened.model.limit
    tokens = Tokens(opened.base.tokenizer, opened.base.model, template, opened.stored.text, limit)
    ids = [torch.from_numpy(one.ids)[None] for one in tokens(DIALOGUES)]
    with torch.no_grad():
        rewards = [opened.model(Batch(one, torch.ones_like(one, dtype=torch.bool))) for one in ids]
    return [one[0].tolist() for one in ids], torch.cat(rewards)


@pytest.mark.parametrize("text", ["dialogue", "plain"])
@pytest.mark.parametrize(("inject", "method"), [("none", "lora"), ("aux-loss", "full")])
@pytest.mark.parametrize("family", ["llama", "gpt2", "bert", "roberta"])
def test_transformers_scores_a_padded_batch_the_same(saved, tmp_path, family, inject, method, text):
    _, folder = saved(family, inject, method, text=text)
    told = export(folder, tmp_path / "plain")
    ids, wanted = ours(folder)
    model = AutoModelForSequenceClassification.from_pretrained(tmp_path / "plain")
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "plain")
    assert told["class"] == type(model).__name__
    assert model.config.id2label == {0: "REWARD"}
    assert model.config.pad_token_id == tokenizer.pad_token_id
    assert (tokenizer.padding_side, tokenizer.truncation_side) == ("right", "left")
    read = tokenizer.apply_chat_template(TURNS, padding=True, return_dict=True, return_tensors="pt")
    mask = read["attention_mask"].bool()
    assert [row[real].tolist() for row, real in zip(read["input_ids"], mask)] == ids
    with torch.no_grad():
        found = model(read["input_ids"], attention_mask=read["attention_mask"]).logits[:, 0]
    torch.testing.assert_close(found, wanted, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    ("eos", "bos", "ends", "padding"),
    [("four", "one", False, "four"), ("four", "one", True, "one"), (None, None, True, None)],
)
def test_the_padding_is_never_what_ends_a_text(saved, tmp_path, llama, eos, bos, ends, padding):
    base = tmp_path / "base"
    shutil.copytree(llama, base)
    tokenizer = AutoTokenizer.from_pretrained(base)
    tokenizer.eos_token, tokenizer.bos_token = eos, bos
    end = " four" if ends else ""
    tokenizer.chat_template = "{% for m in messages %}{{ m.content }} {% endfor %}" + end
    tokenizer.save_pretrained(base)
    _, folder = saved(str(base), text="chat")
    told = export(folder, tmp_path / "plain")
    assert told["padding"] == (padding or "<|padding|>")
    _, wanted = ours(folder)
    model = AutoModelForSequenceClassification.from_pretrained(tmp_path / "plain")
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "plain")
    read = tokenizer.apply_chat_template(TURNS, padding=True, return_dict=True, return_tensors="pt")
    with torch.no_grad():
        found = model(**read).logits[:, 0]
    torch.testing.assert_close(found, wanted, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("too_long", ["left", "right", "drop"])
def test_what_is_written_of_dialogues_does_not_depend_on_the_length(saved, tmp_path, too_long):
    templates = set()
    for length in (8, 512):
        _, folder = saved("bert", name=str(length), length=length, too_long=too_long)
        export(folder, tmp_path / f"plain{length}")
        templates.add((tmp_path / f"plain{length}" / "chat_template.jinja").read_text())
        tokenizer = AutoTokenizer.from_pretrained(tmp_path / f"plain{length}")
        assert tokenizer.truncation_side == ("left" if too_long == "left" else "right")
    assert len(templates) == 1
    assert "[CLS]" in templates.pop()


@pytest.mark.parametrize("inject", ["concat", "add", "attn-bias", "token-weight"])
def test_what_needs_gaze_is_not_exported(saved, tmp_path, inject):
    _, folder = saved("llama", inject)
    with pytest.raises(UsageError, match=f"gaze.inject={inject} needs gaze"):
        export(folder, tmp_path / "plain")
    assert not (tmp_path / "plain").exists()


def test_nothing_is_overwritten_without_force(saved, tmp_path):
    _, folder = saved("bert")
    export(folder, tmp_path / "plain")
    with pytest.raises(UsageError, match="exists already"):
        export(folder, tmp_path / "plain")
    assert export(folder, tmp_path / "plain", force=True)["padding"] == "[PAD]"
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("all of it")
    with pytest.raises(UsageError, match="something else made it"):
        export(folder, tmp_path / "mine", force=True)
    left = {path.name for path in tmp_path.iterdir()} - {"pairs.jsonl", "reward", "plain", "mine"}
    assert left == set()


@pytest.mark.skipif(importlib.util.find_spec("trl") is None, reason="trl is not installed")
@pytest.mark.parametrize("family", ["llama", "bert"])
def test_trl_loads_it_and_scores_the_same(saved, tmp_path, family):
    from datasets import Dataset
    from trl import RewardConfig, RewardTrainer

    _, folder = saved(family)
    export(folder, tmp_path / "plain")
    ids, wanted = ours(folder)
    pairs = Dataset.from_list([{"chosen": turns, "rejected": TURNS[0]} for turns in TURNS])
    config = RewardConfig(
        output_dir=str(tmp_path / "trl"), report_to="none", use_cpu=True, bf16=False,
        per_device_eval_batch_size=3, per_device_train_batch_size=3,
    )  # fmt: skip
    trainer = RewardTrainer(
        model=str(tmp_path / "plain"), args=config, train_dataset=pairs, eval_dataset=pairs
    )
    assert [row["chosen_ids"] for row in trainer.train_dataset] == ids
    batch = next(iter(trainer.get_eval_dataloader()))
    trainer.model.eval()
    with torch.no_grad():
        found = trainer.model(
            input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]
        ).logits[: len(ids), 0]
    torch.testing.assert_close(found.float().cpu(), wanted, atol=1e-5, rtol=1e-5)
