"""Pairs of which only the reading times of their reader tell which answer is better, and a model.

All words are drawn at random. A reader has some interest in each answer, reads a word of it the
longer, the greater the interest, and likes the answer better that interests more.
"""

import json
from pathlib import Path

import numpy as np

WORDS = 200
USUAL, INTEREST, NOISE = 220.0, 40.0, 40.0
"""Milliseconds: of a word, what a standard deviation of interest adds, and what chance does."""


def write(file: Path, count: int, seed: int) -> Path:
    """So many pairs, with columns of gaze."""
    draw = np.random.default_rng(seed)
    file.write_text("".join(json.dumps(_pair(draw)) + "\n" for _ in range(count)))
    return file


def _pair(draw: np.random.Generator) -> dict[str, object]:
    better, worse = sorted(draw.normal(size=2), reverse=True)
    row: dict[str, object] = {"prompt": _text(draw, 5)}
    for name, interest in (("chosen", better), ("rejected", worse)):
        words = int(draw.integers(8, 17))
        times = USUAL + INTEREST * interest + NOISE * draw.normal(size=words)
        row |= {name: _text(draw, words), f"{name}_gaze": {"TRT": times.round(1).tolist()}}
    return row


def _text(draw: np.random.Generator, words: int) -> str:
    return " ".join(f"w{n}" for n in draw.integers(0, WORDS, words).tolist())


def longer_read(file: Path) -> float:
    """How often the answer whose words took longer, in the mean, is the chosen one."""
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    means = [[np.mean(row[f"{name}_gaze"]["TRT"]) for name in ("chosen", "rejected")]
             for row in rows]  # fmt: skip
    return float(np.mean([chosen > rejected for chosen, rejected in means]))


def model(folder: Path, words: int = WORDS, **shape: int) -> Path:
    """A random Llama, and a tokenizer that knows the words w0, w1, ..."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    marks = {"<pad>": 0, "<unk>": 1, "<end>": 2}
    vocabulary = {**marks, **{f"w{n}": n + len(marks) for n in range(words)}}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        unk_token="<unk>",
        eos_token="<end>",
        model_max_length=1024,
    ).save_pretrained(folder)
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4,
             "num_key_value_heads": 4, "intermediate_size": 64}  # fmt: skip
    config = LlamaConfig(
        vocab_size=len(vocabulary), max_position_embeddings=1024, pad_token_id=0,
        bos_token_id=None, eos_token_id=2, **sizes | shape,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder
