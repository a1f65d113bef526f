"""Hugging Face models read without their chatter, their code and their gaps."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import torch
from safetensors import SafetensorError

from mirctl import files
from mirctl.console import counted
from mirctl.encode.protocol import quoted
from mirctl.errors import MissingError
from mirctl.hub import Model

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase
    from transformers.models.auto.auto_factory import _BaseAutoModelClass

UNREADABLE = (
    OSError, ValueError, KeyError, TypeError, AttributeError, AssertionError, RuntimeError,
    ImportError, SafetensorError,
)  # fmt: skip
"""What reading a damaged or foreign model's folder may raise."""
VOCABULARIES = (
    "tokenizer.json",
    "tokenizer.model",
    "vocab.txt",
    "vocab.json",
    "spiece.model",
    "sentencepiece.bpe.model",
)


@contextmanager
def quiet() -> Iterator[None]:
    """Keep transformers from writing to stderr while a model is read."""
    from transformers.utils import logging as chatter

    level, bars = chatter.get_verbosity(), chatter.is_progress_bar_enabled()
    chatter.set_verbosity(logging.CRITICAL)
    chatter.disable_progress_bar()
    try:
        yield
    finally:
        chatter.set_verbosity(level)
        if bars:
            chatter.enable_progress_bar()


def tokenizer_of(model: Model) -> "PreTrainedTokenizerBase":
    """What cuts texts into the model's tokens."""
    from transformers import AutoTokenizer

    # Without its files transformers would make up an empty tokenizer.
    if not any((model.folder / name).is_file() for name in VOCABULARIES):
        raise MissingError(quoted(model, "has no tokenizer files"), where=str(model.folder))
    with quiet():
        try:
            return AutoTokenizer.from_pretrained(
                model.folder, local_files_only=True, trust_remote_code=False
            )
        except UNREADABLE as error:
            raise MissingError(
                quoted(model, f"no tokenizer: {error}"), where=str(model.folder)
            ) from error


def backbone(
    model: Model, device: torch.device, dtype: torch.dtype, *, attention: str | None = None
) -> "PreTrainedModel":
    """The network without its head, frozen."""
    from transformers import AutoModel

    network = read(model, AutoModel, device, dtype, attention=attention)
    network.config.use_cache = False
    return network


def tower(network: "PreTrainedModel", modality: str = "text") -> "PreTrainedModel":
    """The part that reads items: of CLIP the modality's model, of T5 and Whisper the encoder."""
    if network.config.is_encoder_decoder:
        return network.get_encoder()
    return getattr(network, f"{modality}_model", network)


def vocabulary(network: "PreTrainedModel") -> int | None:
    """How many tokens the weights know; None for a model that has no table of them."""
    try:
        return len(network.get_input_embeddings().weight)
    except (NotImplementedError, AttributeError, TypeError):
        return None


def refuse_foreign(name: str, token: int, known: int | None) -> None:
    """Raise a MissingError where the tokenizer knows more tokens than the weights."""
    if known is not None and token >= known:
        raise MissingError(
            f"model {name!r}: its tokenizer gives token {token}, and its weights know {known}: "
            "they are not of one model, fetch both again"
        )


def unread(model: Model, kind: "type[_BaseAutoModelClass] | None" = None,
           *, labels: int | None = None) -> "PreTrainedModel":  # fmt: skip
    """The network that a config describes, its weights random; unless told, it has no head."""
    from transformers import AutoConfig, AutoModel

    with quiet():
        try:
            _refuse_kernels(model)
            config = AutoConfig.from_pretrained(
                model.folder, local_files_only=True, trust_remote_code=False, **_counted(labels)
            )
            network = (kind or AutoModel).from_config(
                config, dtype=torch.float32, trust_remote_code=False
            )
        except UNREADABLE as error:
            raise MissingError(quoted(model, error), where=str(model.folder)) from error
    network.config.use_cache = False
    return network.eval()


def read(
    model: Model, kind: "type[_BaseAutoModelClass]", device: torch.device, dtype: torch.dtype,
    *, attention: str | None = None, labels: int | None = None,
) -> "PreTrainedModel":  # fmt: skip
    """A network, frozen; weights that are missing are an error, not random. `attention` is how it
    is computed; only `eager` makes the whole map. With `labels`, a classifier of so many, whose
    head alone may be missing: it is random then."""
    with quiet():
        try:
            _refuse_kernels(model)
            network, report = kind.from_pretrained(
                model.folder,
                dtype=dtype,
                **({"attn_implementation": attention} if attention else {}),
                **_counted(labels),
                local_files_only=True,
                use_safetensors=True,
                trust_remote_code=False,
                output_loading_info=True,
                ignore_mismatched_sizes=labels is not None,
            )
        except UNREADABLE as error:
            raise MissingError(quoted(model, error), where=str(model.folder)) from error
    if clash := sorted(report["mismatched_keys"], key=str):
        raise MissingError(quoted(model, _clash(network, *clash[0])), where=str(model.folder))
    head = partial(is_head, network) if labels is not None else is_spare
    if gaps := sorted(name for name in report["missing_keys"] if not head(name)):
        lacks = f"the weights lack {counted(len(gaps), 'tensor')}, such as {gaps[0]}"
        raise MissingError(quoted(model, lacks), where=str(model.folder))
    return network.to(device).eval().requires_grad_(False)


def is_spare(name: str) -> bool:
    """Is a weight behind the last layer, or for training only? No hidden state needs it."""
    return "pooler" in name or name.endswith("masked_spec_embed")


def is_head(network: "PreTrainedModel", name: str) -> bool:
    """Does a weight stand behind the last layer?"""
    return is_spare(name) or not name.startswith(f"{network.base_model_prefix}.")


def _counted(labels: int | None) -> dict[str, int]:
    return {} if labels is None else {"num_labels": labels}


def _clash(network: "PreTrainedModel", name: str, held: torch.Size, wanted: torch.Size) -> str:
    """What is said of a weight of another shape than wanted."""
    if is_head(network, name) and len(held) and held[1:] == wanted[1:]:
        return f"it has {counted(held[0], 'label')}, and {wanted[0]} is wanted"
    return f"{name} is {tuple(held)}, and its config.json wants {tuple(wanted)}"


def _refuse_kernels(model: Model) -> None:
    """Raise a MissingError where a config names a repository of compiled code to compute with:
    transformers would fetch it from the hub, and run it."""
    path = model.folder / "config.json"
    for key, value in _settings(files.json_value(path.read_bytes())):
        if key.endswith("_implementation") and "/" in str(value):
            told = f"{key} in its config.json names code to run, {value!r}: remove it"
            raise MissingError(quoted(model, told), where=str(path))


def _settings(config: object) -> Iterator[tuple[str, object]]:
    """(key, value) of a config and all the configs in it."""
    for key, value in config.items() if isinstance(config, dict) else ():
        yield key, value
        yield from _settings(value)
