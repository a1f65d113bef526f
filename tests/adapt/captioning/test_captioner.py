"""What models write of pictures: against decoding by hand, alone and beside others."""

import pytest
import torch

from adapt.captioning.conftest import noise
from adapt.captioning.models import WORDS
from mirctl.encode.preparation import Preparation
from mirctl.errors import MissingError, UsageError
from mirctl_adapt.captioning import captioner
from mirctl_adapt.captioning.captioner import Settings

CPU = torch.device("cpu")
MODELS = ["blip", "git", "vit_gpt2", "llava"]


def source(model, films=False, **settings):
    return captioner.choose(
        Settings(str(model), max_tokens=settings.pop("max_tokens", 8), **settings),
        torch.float32,
        films=films,
    )


def by_hand(kind, network, pixels):
    """Greedy decoding without a cache, one token after the other, by forward passes alone."""
    tokens = [2]
    for _ in range(8):
        ids = torch.tensor([tokens])
        given = {"decoder_input_ids" if kind == "vit_gpt2" else "input_ids": ids}
        with torch.inference_mode():
            scores = network(pixel_values=pixels[None], **given).logits[0, -1]
        tokens.append(int(scores.argmax()))
        if tokens[-1] == 3:
            break
    return " ".join(WORDS[token] for token in tokens if token > 3)


@pytest.mark.parametrize("kind", ["blip", "git", "vit_gpt2"])
def test_a_caption_is_the_likeliest_word_after_word(kind, request):
    found = source(request.getfixturevalue(kind))
    made = found.load(CPU)
    pictures = [noise(n) for n in range(6)]
    prepare = Preparation.read(found.model)
    expected = [by_hand(kind, made.network, prepare(picture)) for picture in pictures]
    assert made.write([[picture] for picture in pictures]) == expected
    assert len(set(expected)) > 1, "the pictures tell"


@pytest.mark.parametrize("kind", MODELS)
def test_a_caption_does_not_depend_on_those_beside_it(kind, request):
    made = source(request.getfixturevalue(kind), batch_size=4).load(CPU)
    pictures = [[noise(n, (40 + n, 30))] for n in range(9)]
    together = made.write(pictures)
    assert together == [made.write([one])[0] for one in pictures]
    assert together[::-1] == made.write(pictures[::-1])


def test_only_pictures_of_one_shape_share_a_batch(git):
    """As models need that cut a picture into as many patches as it has: no row is padded."""
    made = source(git, batch_size=3).load(CPU)

    class Patches:
        def __call__(self, pictures):
            count = pictures[0].width // 10
            return {"input_ids": torch.full((1, count), 5), "patches": torch.ones(count, 3)}

        def texts(self, tokens, given):
            return [str(row.sum().item()) for row in given]

    class Network:
        device, dtype = CPU, torch.float32

        def generate(self, input_ids, patches, **how):
            assert len(patches) == input_ids.numel()
            assert len(input_ids) <= 3
            return input_ids

    made.prepare, made.network = Patches(), Network()
    widths = [20, 40, 20, 30, 20, 20, 40]
    told = made.write([[noise(n, (width, 20))] for n, width in enumerate(widths)])
    assert told == [str(5 * width // 10) for width in widths]


def test_a_question_is_no_part_of_the_answer(llava):
    told = [source(llava, prompt=prompt).load(CPU).write([[noise(1)]])[0]
            for prompt in (None, "of film picture a w1 w2")]  # fmt: skip
    assert all("User" not in text and "<image>" not in text for text in told)
    assert "of film picture" not in told[1]
    assert told[0] != told[1], "it is asked otherwise"


@pytest.mark.parametrize("kind", ["blip", "git"])
def test_first_words_are_gone_on_with_and_left_out(kind, request):
    model = request.getfixturevalue(kind)
    pictures = [[noise(n)] for n in range(6)]
    told = source(model, prompt="a picture of").load(CPU).write(pictures)
    assert not any(text.startswith("a picture of") for text in told)
    assert told != source(model).load(CPU).write(pictures)


def test_a_film_is_all_its_frames(git_of_films, llava):
    for model in (git_of_films, llava):
        made = source(model, films=True, frames=3).load(CPU)
        films = [[noise(1), noise(2), noise(last)] for last in range(3, 12)]
        told = made.write(films)
        assert told == [made.write([film])[0] for film in films]
        assert len(set(told)) > 1, "the last frame tells"


def test_the_number_of_frames_is_the_models(git_of_films, git, llava):
    assert source(git_of_films, films=True).frames == 3
    assert source(llava, films=True).frames == 8
    assert source(llava).frames == 1
    with pytest.raises(UsageError, match="at most 3 frames"):
        source(git_of_films, films=True, frames=4).load(CPU)
    with pytest.raises(UsageError, match="--frames 1"):
        source(git, films=True).load(CPU)


def test_all_that_changes_a_caption_changes_its_key(git, blip, tmp_path):
    keys = {
        source(git).key,
        source(blip).key,
        source(git, max_tokens=9).key,
        source(git, prompt="a").key,
        source(git, films=True, frames=1).key,
    }
    assert len(keys) == 5
    assert source(git, batch_size=2).key == source(git).key
    copy = tmp_path / "copy"
    copy.mkdir()
    for path in git.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    assert source(copy).key == source(git).key
    (copy / "generation_config.json").write_text('{"repetition_penalty": 2.0}')
    assert source(copy).key != source(git).key


def test_models_that_write_nothing_are_refused(bert, vit_gpt2, git, tmp_path):
    with pytest.raises(UsageError, match="'bert'"):
        source(bert)
    with pytest.raises(UsageError, match="no prompt"):
        source(vit_gpt2, prompt="a").load(CPU)
    with pytest.raises(MissingError, match="no such folder"):
        source(tmp_path / "nothing")
    bare = tmp_path / "bare"
    bare.mkdir()
    for name in ("config.json", "model.safetensors"):
        (bare / name).write_bytes((git / name).read_bytes())
    with pytest.raises(MissingError, match="prepares pictures"):
        source(bare).load(CPU)


def test_a_sampling_model_is_greedy_here(git, tmp_path):
    copy = tmp_path / "copy"
    copy.mkdir()
    for path in git.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    told = '{"do_sample": true, "temperature": 9.0, "num_beams": 3, "bos_token_id": 2, '
    told += '"eos_token_id": 3, "pad_token_id": 0}'
    (copy / "generation_config.json").write_text(told)
    pictures = [[noise(n)] for n in range(4)]
    assert source(copy).load(CPU).write(pictures) == source(git).load(CPU).write(pictures)
