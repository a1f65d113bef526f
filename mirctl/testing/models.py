"""Tiny random models saved to disk: plumbing is tested with them, never quality."""

import json
from pathlib import Path

from torch import manual_seed

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
WORDS += ["toy", "story", "heat", "golden", "eye", "jumanji", "one", "two", "three", "four"]
"""All that the tokenizer of the text models knows."""


def save_tokenizer(folder: Path, *, special: bool) -> None:
    """A word-level tokenizer, with [CLS] and [SEP] around each text if `special`."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    vocabulary = {word: n for n, word in enumerate(WORDS)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    names = {"unk_token": "[UNK]"}
    if special:
        pairs = [("[CLS]", 2), ("[SEP]", 3)]
        tokenizer.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", None, pairs)
        names |= {"pad_token": "[PAD]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=64, **names)
    fast.save_pretrained(folder)


def save_bert(folder: Path) -> Path:
    """Two layers of width 16."""
    from transformers import BertConfig, BertModel

    manual_seed(0)
    config = BertConfig(
        vocab_size=len(WORDS),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=64,
    )
    BertModel(config).save_pretrained(folder)
    save_tokenizer(folder, special=True)
    return folder


def save_llama(folder: Path) -> Path:
    """Three decoder layers of width 8; its tokenizer has no padding token."""
    from transformers import LlamaConfig, LlamaForCausalLM

    manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(WORDS),
        hidden_size=8,
        num_hidden_layers=3,
        num_attention_heads=2,
        num_key_value_heads=1,
        intermediate_size=16,
        max_position_embeddings=64,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    save_tokenizer(folder, special=False)
    return folder


def save_writer(folder: Path) -> Path:
    """A random language model whose tokens are bytes: two decoder layers of width 16, 4,096
    positions."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    manual_seed(0)
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {letter: n for n, letter in enumerate(["<end>", *alphabet])}
    tokenizer = Tokenizer(models.BPE(vocabulary, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<end>").save_pretrained(folder)
    config = LlamaConfig(
        vocab_size=len(vocabulary),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        intermediate_size=32,
        max_position_embeddings=4096,
        bos_token_id=None,
        eos_token_id=0,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


def save_gpt2(folder: Path) -> Path:
    """Two decoder layers of width 8 with learned positions; no padding token."""
    from transformers import GPT2Config, GPT2LMHeadModel

    manual_seed(0)
    config = GPT2Config(
        vocab_size=len(WORDS),
        n_embd=8,
        n_layer=2,
        n_head=2,
        n_positions=64,
        bos_token_id=None,
        eos_token_id=None,
    )
    GPT2LMHeadModel(config).save_pretrained(folder)
    save_tokenizer(folder, special=False)
    return folder


def save_roberta(folder: Path) -> Path:
    """Two layers of width 16, whose positions begin behind that of padding."""
    from transformers import RobertaConfig, RobertaModel

    manual_seed(0)
    config = RobertaConfig(
        vocab_size=len(WORDS),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=66,
        pad_token_id=0,
    )
    RobertaModel(config).save_pretrained(folder)
    save_tokenizer(folder, special=True)
    return folder


def save_vit(folder: Path) -> Path:
    """Two layers of width 12 over 32 pixel pictures in patches of 8, and a class token."""
    from transformers import ViTConfig, ViTModel

    manual_seed(0)
    config = ViTConfig(
        hidden_size=12,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=24,
        image_size=32,
        patch_size=8,
    )
    ViTModel(config).save_pretrained(folder)
    processor = {
        "image_processor_type": "ViTImageProcessor",
        "size": {"height": 32, "width": 32},
        "resample": 3,
        "image_mean": [0.5, 0.4, 0.3],
        "image_std": [0.2, 0.3, 0.4],
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(processor))
    return folder
