"""Raw items -> cached hidden states of frozen encoders."""

from mirctl.encode.protocol import Choice, Encoder, choose, load_encoder
from mirctl.encode.settings import EncoderSettings, ImageSettings
from mirctl.encode.states import States, encode_items, encode_with

__all__ = [
    "Choice",
    "Encoder",
    "EncoderSettings",
    "ImageSettings",
    "States",
    "choose",
    "encode_items",
    "encode_with",
    "load_encoder",
]
