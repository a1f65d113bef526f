"""Tiny random models saved to disk: plumbing is tested with them, never quality."""

import pytest

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
WORDS += ["toy", "story", "heat", "golden", "eye", "jumanji", "one", "two", "three", "four"]


def save_tokenizer(folder, *, special: bool) -> None:
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


@pytest.fixture
def words():
    """Writes the tokenizer of the tiny models into a folder."""
    return save_tokenizer


@pytest.fixture(scope="session")
def bert(tmp_path_factory):
    """Two layers of width 16."""
    from torch import manual_seed
    from transformers import BertConfig, BertModel

    folder = tmp_path_factory.mktemp("bert")
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


@pytest.fixture(scope="session")
def llama(tmp_path_factory):
    """Three decoder layers of width 8; its tokenizer has no padding token."""
    from torch import manual_seed
    from transformers import LlamaConfig, LlamaForCausalLM

    folder = tmp_path_factory.mktemp("llama")
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


@pytest.fixture(scope="session")
def vit(tmp_path_factory):
    """Two layers of width 12 over 32 pixel pictures in patches of 8, and a class token."""
    import json

    from torch import manual_seed
    from transformers import ViTConfig, ViTModel

    folder = tmp_path_factory.mktemp("vit")
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
