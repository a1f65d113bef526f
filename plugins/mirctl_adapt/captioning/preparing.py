"""How a captioning model wants its pictures and its prompt, and what its tokens say."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import torch
from torch import Tensor

from mirctl.encode.pretrained import UNREADABLE, quiet
from mirctl.encode.protocol import quoted
from mirctl.errors import MissingError, UsageError
from mirctl.hub import Model

if TYPE_CHECKING:
    from PIL.Image import Image

OF_A_PICTURE = "Describe this picture in one sentence."
OF_A_FILM = "These are pictures of one film, in order. Describe the film in one sentence."
"""What a model that chats is asked unless told."""
Prepared = Mapping[str, Tensor]
"""What the network takes for one item; the first axis of each tensor grows with the items."""


class Preparer:
    """Pictures of one item -> what the network takes; its tokens -> text."""

    def __init__(
        self, model: Model, kind: str, prompt: str | None, whole: Any, pictures: Any, tokenizer: Any
    ) -> None:
        self.model, self.kind, self.prompt = model, kind, prompt
        self.whole, self.pictures, self.tokenizer = whole, pictures, tokenizer

    @classmethod
    def read(cls, model: Model, kind: str, prompt: str | None) -> Self:
        """From the model's own files; some have no processor, but the two parts of one."""
        from transformers import AutoImageProcessor, AutoProcessor, AutoTokenizer, ProcessorMixin

        local = {"local_files_only": True, "trust_remote_code": False}
        with quiet():
            try:
                whole = AutoProcessor.from_pretrained(model.folder, **local)
                if isinstance(whole, ProcessorMixin):
                    return cls(model, kind, prompt, whole, whole.image_processor, whole.tokenizer)
                pictures = AutoImageProcessor.from_pretrained(model.folder, **local)
                tokenizer = AutoTokenizer.from_pretrained(model.folder, **local)
            except ImportError as error:
                told = f"wants one more package: {str(error).strip().partition('. ')[0]}"
                raise MissingError(quoted(model, told), where=str(model.folder)) from error
            except UNREADABLE as error:
                told = f"how it prepares pictures and texts cannot be read: {error}"
                raise MissingError(quoted(model, told), where=str(model.folder)) from error
        return cls(model, kind, prompt, None, pictures, tokenizer)

    @property
    def chats(self) -> bool:
        """Is it asked in a conversation, about any number of pictures?"""
        return bool(getattr(self.whole, "chat_template", None))

    def __call__(self, pictures: "Sequence[Image]") -> Prepared:
        if self.chats:
            return self._asked(pictures)
        if self.prompt and self.kind != "git":
            return self._begun(pictures[0], self.prompt)
        pixels = self.pictures(images=list(pictures), return_tensors="pt")["pixel_values"]
        if len(pictures) > 1:  # (frames, 3, height, width): one film
            pixels = pixels[None]
        return {"pixel_values": pixels, **self._first_tokens()}

    def _asked(self, pictures: "Sequence[Image]") -> Prepared:
        shown = [{"type": "image", "image": picture} for picture in pictures]
        question = self.prompt or (OF_A_PICTURE if len(pictures) == 1 else OF_A_FILM)
        asked = [{"role": "user", "content": [*shown, {"type": "text", "text": question}]}]
        return self.whole.apply_chat_template(
            asked, add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt"
        )

    def _begun(self, picture: "Image", prompt: str) -> Prepared:
        if self.whole is None:
            raise UsageError(quoted(self.model, "reads no prompt: leave it out"))
        return self.whole(images=picture, text=prompt, return_tensors="pt")

    def _first_tokens(self) -> Prepared:
        """A GIT goes on with tokens that no end stands behind."""
        if not self.prompt:
            return {}
        words = self.tokenizer(self.prompt, add_special_tokens=False)["input_ids"]
        tokens = torch.tensor([[self.tokenizer.cls_token_id, *words]])
        return {"input_ids": tokens, "attention_mask": torch.ones_like(tokens)}

    def texts(self, tokens: Tensor, given: Tensor | None) -> list[str]:
        """Captions of tokens (items, length) in one line each, without what the model was `given`,
        (items, length), which some repeat."""
        before = ""
        if given is not None:
            length = given.shape[1]
            if tokens.shape[1] >= length and torch.equal(tokens[:, :length], given):
                tokens = tokens[:, length:]
            elif self.prompt and not self.chats:
                before = _line(self.tokenizer.decode(given[0], skip_special_tokens=True))
        texts = self.tokenizer.batch_decode(tokens, skip_special_tokens=True)
        return [_line(text).removeprefix(before).strip() for text in texts]


def _line(text: str) -> str:
    return " ".join(text.split())
