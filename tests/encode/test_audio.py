"""Hugging Face audio models against a hand-written call of transformers."""

import json
import shutil
from math import ceil

import pytest
import torch

from encode.media import sine
from mirctl.encode import AudioSettings, load_encoder
from mirctl.encode.sounds import Sound
from mirctl.errors import MissingError, UsageError

CPU, FP32 = torch.device("cpu"), torch.float32
SOUNDS = [sine(1.3, 300), sine(0.06, 700), sine(0.7, 900), sine(1.3, 500)]
SMALL = {"hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2}


def load(folder, **settings):
    return load_encoder(AudioSettings(model=str(folder), **settings), CPU, FP32)


def save_wav2vec(folder, kind="Wav2Vec2"):
    import transformers

    config = getattr(transformers, f"{kind}Config")(
        **SMALL, intermediate_size=8, conv_dim=(6, 6), conv_kernel=(10, 5), conv_stride=(5, 4),
        num_feat_extract_layers=2, num_conv_pos_embeddings=4, num_conv_pos_embedding_groups=2,
    )  # fmt: skip
    getattr(transformers, f"{kind}Model")(config).save_pretrained(folder)
    transformers.Wav2Vec2FeatureExtractor().save_pretrained(folder)
    return folder


def save_whisper(folder):
    from transformers import WhisperConfig, WhisperFeatureExtractor, WhisperModel

    config = WhisperConfig(
        d_model=8, encoder_layers=2, decoder_layers=1, encoder_attention_heads=2, vocab_size=20,
        decoder_attention_heads=2, encoder_ffn_dim=8, decoder_ffn_dim=8, num_mel_bins=10,
        max_source_positions=100, pad_token_id=1, bos_token_id=1, eos_token_id=1,
        decoder_start_token_id=1,
    )  # fmt: skip
    WhisperModel(config).save_pretrained(folder)
    WhisperFeatureExtractor(feature_size=10, chunk_length=2).save_pretrained(folder)
    return folder


def save_ast(folder):
    from transformers import ASTConfig, ASTFeatureExtractor, ASTModel

    shape = {"num_mel_bins": 24, "max_length": 120}
    config = ASTConfig(**SMALL, **shape, intermediate_size=8, patch_size=8, time_stride=6,
                       frequency_stride=6)  # fmt: skip
    ASTModel(config).save_pretrained(folder)
    ASTFeatureExtractor(**shape).save_pretrained(folder)
    return folder


def by_hand(folder, samples):
    """Every hidden state (tokens, width) of one sound."""
    from transformers import AutoFeatureExtractor, AutoModel

    features = AutoFeatureExtractor.from_pretrained(folder)(
        samples, sampling_rate=16_000, return_tensors="pt"
    )
    network = AutoModel.from_pretrained(folder).eval()
    network = network.get_encoder() if network.config.is_encoder_decoder else network
    with torch.no_grad():
        return [s[0] for s in network(**features, output_hidden_states=True).hidden_states]


@pytest.mark.parametrize("kind", ["Wav2Vec2", "Hubert"])
def test_states_are_the_means_over_all_frames(tmp_path, kind):
    folder = save_wav2vec(tmp_path, kind)
    encoder = load(folder)
    assert (encoder.widths, encoder.layers) == ((8, 8, 8), ("embeddings", "1", "2"))
    got = encoder.encode([Sound(samples) for samples in SOUNDS])
    for row, samples in zip(got, SOUNDS, strict=True):
        expected = torch.cat([state.mean(0) for state in by_hand(folder, samples)])
        torch.testing.assert_close(row, expected, atol=1e-5, rtol=1e-4)


def test_of_whisper_the_encoder_is_heard_and_its_filling_is_not(tmp_path):
    folder = save_whisper(tmp_path)
    encoder = load(folder)
    assert (encoder.seconds, encoder.rate) == (2, 16_000)
    got = encoder.encode([Sound(samples) for samples in SOUNDS])
    for row, samples in zip(got, SOUNDS, strict=True):
        frames = ceil(len(samples) / 320)  # 10 ms a frame, halved
        expected = torch.cat([state[:frames].mean(0) for state in by_hand(folder, samples)])
        torch.testing.assert_close(row, expected, atol=1e-5, rtol=1e-4)


def test_of_ast_the_patches_of_the_sound_are_averaged(tmp_path):
    """(24 - 8) / 6 + 1 = 3 rows, (120 - 8) / 6 + 1 = 19 columns; two tokens stand before."""
    folder = save_ast(tmp_path)
    encoder = load(folder)
    assert encoder.seconds == 1.2
    samples = SOUNDS[2]
    (row,) = encoder.encode([Sound(samples)])
    columns = ceil(19 * 0.7 / 1.2)
    grids = [state[2:].view(3, 19, 8)[:, :columns] for state in by_hand(folder, samples)]
    expected = torch.cat([grid.mean((0, 1)) for grid in grids])
    torch.testing.assert_close(row, expected, atol=1e-5, rtol=1e-4)


def test_a_sound_has_the_same_states_beside_others(tmp_path):
    encoder = load(save_wav2vec(tmp_path), batch_size=4)
    alone = [encoder.encode([Sound(samples)]) for samples in SOUNDS]
    together = encoder.encode([Sound(samples) for samples in SOUNDS])
    torch.testing.assert_close(together, torch.cat(alone), atol=1e-5, rtol=1e-4)


def test_chosen_layers_and_seconds_are_taken(tmp_path):
    folder = save_wav2vec(tmp_path)
    some = load(folder, layers=(2,), seconds=5)
    assert (some.widths, some.seconds) == ((8,), 5)
    sounds = [Sound(SOUNDS[0])]
    torch.testing.assert_close(some.encode(sounds), load(folder).encode(sounds)[:, 16:])
    assert load(folder).seconds == 30
    with pytest.raises(UsageError, match="pool 'cls' is not for sounds"):
        load(folder, pool="cls")


def test_weights_for_training_only_may_be_missing(tmp_path):
    """The published wav2vec2-base-960h has none."""
    from mirctl.artifact import open_tensors, write_tensors

    weights = save_wav2vec(tmp_path) / "model.safetensors"
    tensors = {name: value.clone() for name, value in open_tensors(weights).items()}
    del tensors["masked_spec_embed"]
    write_tensors(weights, tensors)
    assert load(tmp_path).encode([Sound(SOUNDS[0])]).shape == (1, 24)


def test_what_is_no_audio_model_is_told(tmp_path, bert):
    with pytest.raises(MissingError, match="does not say how sounds are prepared"):
        load(bert)
    folder = shutil.copytree(bert, tmp_path / "bert")
    told = {"feature_extractor_type": "Wav2Vec2FeatureExtractor", "sampling_rate": 16_000}
    (folder / "preprocessor_config.json").write_text(json.dumps(told))
    with pytest.raises(UsageError, match="is no audio model"):
        load(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps(told | {"sampling_rate": 0}))
    with pytest.raises(MissingError, match="sampling_rate 0"):
        load(folder)
    told |= {"feature_extractor_type": "WhisperFeatureExtractor", "chunk_length": 10**9}
    (folder / "preprocessor_config.json").write_text(json.dumps(told))
    with pytest.raises(MissingError, match=r"a window of 1\d+ samples"):
        load(folder)
