"""Tiny random models that cut texts into bytes and pairs of them, as RoBERTa and GPT-2 do."""

from torch import manual_seed

TEXTS = [
    "the reader saw the long sentence and read the short one again",
    "an unbelievable anticonstitutional word stands there, longer than others!",
]
MARKS = {"bos_token": "<s>", "pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}


def save_tokenizer(folder, *, marks):
    """Byte-level, any script; with `marks` <s> and </s> around each text."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=300, special_tokens=["<s>", "<pad>", "</s>", "<unk>"], show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )  # fmt: skip
    tokenizer.train_from_iterator(TEXTS, trainer)
    if marks:
        tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=62, **MARKS)
    fast.save_pretrained(folder)
    return len(fast)


def save_roberta(folder):
    """Two layers of width 16, 62 places."""
    from transformers import RobertaConfig, RobertaModel

    words = save_tokenizer(folder, marks=True)
    manual_seed(0)
    RobertaModel(RobertaConfig(
        vocab_size=words, hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=32, max_position_embeddings=64, pad_token_id=1,
        initializer_range=0.3,
    )).save_pretrained(folder)  # fmt: skip
    return folder


def save_causal(folder, seed=0):
    """Two layers of width 16 that read forward, 62 places."""
    from transformers import LlamaConfig, LlamaForCausalLM

    words = save_tokenizer(folder, marks=False)
    manual_seed(seed)
    LlamaForCausalLM(LlamaConfig(
        vocab_size=words, hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=1, intermediate_size=32, max_position_embeddings=62,
        initializer_range=0.3, tie_word_embeddings=True,
    )).save_pretrained(folder)  # fmt: skip
    return folder
