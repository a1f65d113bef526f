"""Tiny random models, a tokenizer of bytes, and attention scores written out in numpy."""

import numpy as np
import torch
import transformers
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

SIZES = {
    "hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 4, "intermediate_size": 32,
    "max_position_embeddings": 96, "vocab_size": 260, "pad_token_id": 0, "bos_token_id": 1,
    "eos_token_id": 2,
}  # fmt: skip
GROUPED = {**SIZES, "num_key_value_heads": 2, "head_dim": 4}
CONFIGS = {
    "bert": transformers.BertConfig(**SIZES),
    "roberta": transformers.RobertaConfig(**SIZES),
    "albert": transformers.AlbertConfig(**SIZES, embedding_size=8),
    "deberta": transformers.DebertaV2Config(**SIZES, relative_attention=True),
    "mpnet": transformers.MPNetConfig(**SIZES),
    "t5": transformers.T5Config(
        d_model=16, num_layers=3, num_heads=4, d_kv=4, d_ff=32, vocab_size=260
    ),
    "gpt2": transformers.GPT2Config(
        n_embd=16, n_layer=3, n_head=4, n_positions=96, vocab_size=260, bos_token_id=1,
        eos_token_id=2,
    ),
    "bloom": transformers.BloomConfig(hidden_size=16, n_layer=3, n_head=4, vocab_size=260),
    "llama": transformers.LlamaConfig(**GROUPED),
    "gemma": transformers.Gemma3TextConfig(**GROUPED, sliding_window=5),
}  # fmt: skip
CAUSAL = {"gpt2": None, "bloom": None, "llama": None, "gemma": 5}
"""Decoders, and the window that some of their layers look through."""


def network(kind):
    torch.manual_seed(0)
    made = transformers.AutoModel.from_config(CONFIGS[kind], attn_implementation="eager").eval()
    for weight in made.parameters():  # at their small first values all attention is alike
        torch.nn.init.normal_(weight, std=0.4)
    made.config.use_cache = False
    return made.get_encoder() if made.config.is_encoder_decoder else made


def tokenizer(special=True):
    """A token a byte, as GPT-2's without merges; [CLS] and [SEP] around a text if `special`."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {"[PAD]": 0, "[CLS]": 1, "[SEP]": 2, "[UNK]": 3}
    vocabulary |= {letter: n for n, letter in enumerate(alphabet, start=4)}
    made = Tokenizer(models.BPE(vocabulary, [], unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    if special:
        pairs = [("[CLS]", 1), ("[SEP]", 2)]
        made.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", None, pairs)
    return PreTrainedTokenizerFast(
        tokenizer_object=made, unk_token="[UNK]", pad_token="[PAD]", model_max_length=10**30
    )


def maps(model, ids):
    """All layers' maps as the model itself gives them: (layers, heads, tokens, tokens)."""
    row = torch.tensor([ids])
    with torch.no_grad():
        found = model(
            input_ids=row, attention_mask=torch.ones_like(row), output_attentions=True
        ).attentions
    return np.stack([layer[0].double().numpy() for layer in found])


def scores(attention, text, visible):
    """Scores of each layer's map, written out: {score: (layers, tokens)}; attention (layers,
    tokens, tokens), text (tokens,) bool, visible (layers, tokens, tokens) bool."""
    layers, tokens, _ = attention.shape
    rows = [i for i in range(tokens) if text[i]]
    found = {name: np.zeros((layers, tokens)) for name in ("received", "last", "column", "rollout")}
    product = np.eye(tokens)
    for layer in range(layers):
        half = attention[layer] / 2 + np.eye(tokens) / 2
        product = (half / half.sum(1, keepdims=True)) @ product
        for j in range(tokens):
            lookers = [i for i in rows if visible[layer, i, j]]
            found["received"][layer, j] = sum(attention[layer, i, j] for i in rows) / len(rows)
            found["last"][layer, j] = attention[layer, rows[-1], j]
            found["column"][layer, j] = sum(attention[layer, i, j] for i in lookers) / max(
                1, len(lookers)
            )
            found["rollout"][layer, j] = sum(product[i, j] for i in rows) / len(rows)
    return found


def visible(kind, layers, tokens):
    """Who may look at whom in each layer; of a decoder with a window only some layers have it."""
    looker, at = np.mgrid[:tokens, :tokens]
    whole = np.full((tokens, tokens), True) if kind not in CAUSAL else looker >= at
    window = CAUSAL.get(kind)
    types = getattr(CONFIGS[kind], "layer_types", None) or [""] * layers
    near = whole if window is None else whole & (looker - at < window)
    return np.stack([near if name == "sliding_attention" else whole for name in types])
