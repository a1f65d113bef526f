"""Pairs of which only the reading times of their reader tell which answer is better, and a model.

All words are drawn at random, and half of all words are good ones. A reader has some interest in
each answer, and likes the one better that interests more. With `level` all words of it are read the
longer, the greater the interest; with `words` the good ones are, and the others the shorter.
"""

import json
from pathlib import Path

import numpy as np

WORDS = 40
USUAL, INTEREST, NOISE = 220.0, 40.0, 40.0
"""Milliseconds: of a word, what a standard deviation of interest adds, and what chance does."""


def write(file: Path, count: int, seed: int, kind: str = "level") -> Path:
    """So many pairs, with columns of gaze."""
    draw = np.random.default_rng(seed)
    file.write_text("".join(json.dumps(_pair(draw, kind)) + "\n" for _ in range(count)))
    return file


def _pair(draw: np.random.Generator, kind: str) -> dict[str, object]:
    better, worse = sorted(draw.normal(size=2), reverse=True)
    row: dict[str, object] = {"prompt": _text(draw.integers(0, WORDS, 5))}
    for name, interest in (("chosen", better), ("rejected", worse)):
        words = draw.integers(0, WORDS, draw.integers(8, 17))
        told = INTEREST * interest * _sign(words, kind)
        times = USUAL + told + NOISE * draw.normal(size=len(words))
        row |= {name: _text(words), f"{name}_gaze": {"TRT": times.round(1).tolist()}}
    return row


def _sign(words: np.ndarray, kind: str) -> np.ndarray:
    """(words,) whether interest makes the reading of each longer, 1, or shorter, -1."""
    return np.where(words < WORDS / 2, 1, -1) if kind == "words" else np.ones(len(words))


def _text(words: np.ndarray) -> str:
    return " ".join(f"w{n}" for n in words.tolist())


def longer_read(file: Path, kind: str = "level") -> float:
    """How often the answer is the chosen one whose reading, in the mean, tells more interest."""
    hits = []
    for row in map(json.loads, file.read_text().splitlines()):
        told = []
        for name in ("chosen", "rejected"):
            words = np.array([int(word[1:]) for word in row[name].split()])
            more = np.array(row[f"{name}_gaze"]["TRT"]) - USUAL
            told.append(np.mean(_sign(words, kind) * more))
        hits.append(told[0] > told[1])
    return float(np.mean(hits))


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
