"""Raw items -> cached hidden states of frozen encoders."""

from mirctl.encode.protocol import Choice, Encoder, choose, load_encoder
from mirctl.encode.settings import AudioSettings, EncoderSettings, ImageSettings, VideoSettings
from mirctl.encode.states import States, encode_items, encode_with

__all__ = [
    "AudioSettings",
    "Choice",
    "Encoder",
    "EncoderSettings",
    "ImageSettings",
    "States",
    "VideoSettings",
    "choose",
    "encode_items",
    "encode_with",
    "load_encoder",
]
