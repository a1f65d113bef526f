"""Tiny random models that turn pictures into text: plumbing is tested with them, never quality."""

import json
from pathlib import Path

from torch import manual_seed

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "<image>", "User", "Assistant", ":"]
WORDS += [f"w{n}" for n in range(40)] + ["a", "picture", "of", "film"]
VISION = {
    "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32,
    "image_size": 32, "patch_size": 8,
}  # fmt: skip
TEXT = {
    "vocab_size": len(WORDS), "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
    "intermediate_size": 32, "max_position_embeddings": 256, "bos_token_id": 2, "eos_token_id": 3,
    "pad_token_id": 0, "sep_token_id": 3,
}  # fmt: skip


def tokenizer():
    """Words between spaces, [CLS] before and [SEP] behind."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    made = Tokenizer(models.WordLevel({word: n for n, word in enumerate(WORDS)}, "[UNK]"))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    marks = [("[CLS]", 2), ("[SEP]", 3)]
    made.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", None, marks)
    return PreTrainedTokenizerFast(
        tokenizer_object=made, unk_token="[UNK]", pad_token="[PAD]", cls_token="[CLS]",
        sep_token="[SEP]", bos_token="[CLS]", eos_token="[SEP]", model_max_length=256,
        extra_special_tokens={"image_token": "<image>"},
    )  # fmt: skip


def _preparation(folder: Path, kind: str, processor: str | None) -> None:
    told = {
        "image_processor_type": kind, "size": {"height": 32, "width": 32}, "resample": 3,
        "crop_size": {"height": 32, "width": 32}, "image_mean": [0.5, 0.4, 0.3],
        "image_std": [0.2, 0.3, 0.4],
    }  # fmt: skip
    if processor:
        told["processor_class"] = processor
    (folder / "preprocessor_config.json").write_text(json.dumps(told))


def _louder(network) -> None:
    """Random weights of the usual size write the same words of every picture."""
    for value in network.parameters():
        if value.ndim > 1:
            value.data.normal_(0, 0.4)


def save_blip(folder: Path) -> Path:
    """Two layers each of pictures and text, of width 16."""
    from transformers import BlipConfig, BlipForConditionalGeneration

    manual_seed(0)
    text = {**TEXT, "encoder_hidden_size": 16, "is_decoder": True, "projection_dim": 16}
    config = BlipConfig(text_config=text, vision_config=VISION, projection_dim=16)
    network = BlipForConditionalGeneration(config)
    _louder(network)
    network.save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    _preparation(folder, "BlipImageProcessor", "BlipProcessor")
    return folder


def save_git(folder: Path, frames: int | None = None) -> Path:
    """A language model that reads patches before words; with `frames` one for films."""
    from transformers import GitConfig, GitForCausalLM

    manual_seed(0)
    made_for = {"num_image_with_embedding": frames}
    network = GitForCausalLM(GitConfig(vision_config=VISION, **TEXT, **made_for))
    _louder(network)
    network.save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    _preparation(folder, "CLIPImageProcessor", "GitProcessor")
    return folder


def save_vit_gpt2(folder: Path) -> Path:
    """An encoder of pictures and a decoder; no processor, and a beam in its own settings."""
    from transformers import (
        GPT2Config,
        VisionEncoderDecoderConfig,
        VisionEncoderDecoderModel,
        ViTConfig,
    )

    manual_seed(0)
    decoder = GPT2Config(
        vocab_size=len(WORDS), n_embd=16, n_layer=2, n_head=2, n_positions=64, bos_token_id=2,
        eos_token_id=3, add_cross_attention=True, is_decoder=True,
    )  # fmt: skip
    config = VisionEncoderDecoderConfig.from_encoder_decoder_configs(ViTConfig(**VISION), decoder)
    config.decoder_start_token_id, config.pad_token_id, config.eos_token_id = 2, 0, 3
    network = VisionEncoderDecoderModel(config)
    _louder(network)
    generation = network.generation_config
    generation.decoder_start_token_id, generation.pad_token_id = 2, 0
    generation.num_beams, generation.max_length = 4, 16
    network.save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    _preparation(folder, "ViTImageProcessor", None)
    return folder


def save_llava(folder: Path) -> Path:
    """A model that chats about any number of pictures."""
    from transformers import (
        CLIPVisionConfig,
        LlamaConfig,
        LlavaConfig,
        LlavaForConditionalGeneration,
        LlavaProcessor,
    )
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    manual_seed(0)
    text = LlamaConfig(**{k: v for k, v in TEXT.items() if k != "sep_token_id"})
    config = LlavaConfig(
        vision_config=CLIPVisionConfig(**VISION), text_config=text, image_token_id=4,
        vision_feature_layer=-1, pad_token_id=0,
    )  # fmt: skip
    network = LlavaForConditionalGeneration(config)
    _louder(network)
    network.save_pretrained(folder)
    template = (
        "{% for message in messages %}User : {% for part in message['content'] %}"
        "{% if part['type'] == 'image' %}<image> {% else %}{{ part['text'] }} {% endif %}"
        "{% endfor %}{% endfor %}{% if add_generation_prompt %}Assistant :{% endif %}"
    )
    pictures = CLIPImageProcessorPil(
        size={"height": 32, "width": 32}, crop_size={"height": 32, "width": 32}
    )
    LlavaProcessor(
        pictures, tokenizer(), patch_size=8, vision_feature_select_strategy="default",
        chat_template=template, num_additional_image_tokens=1,
    ).save_pretrained(folder)  # fmt: skip
    return folder
