"""Rewards depend on a text and its gaze alone, and all that should learn does."""

import copy
from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F

from align.model.batches import INJECTIONS, K, rows, stirred, together
from mirctl.errors import MissingError, UsageError
from mirctl_align import base, lora
from mirctl_align.batch import Batch
from mirctl_align.config import GazeConfig, ModelConfig

FAMILIES = ("llama", "gpt2", "bert", "roberta")
CLOSE = {"atol": 1e-5, "rtol": 1e-5}


def close(one, other):
    torch.testing.assert_close(one, other, **CLOSE)


@pytest.mark.parametrize("inject", INJECTIONS)
@pytest.mark.parametrize("family", FAMILIES)
def test_a_reward_does_not_depend_on_company_or_padding(build, family, inject):
    model, alone = build(family, inject), rows()
    with torch.no_grad():
        wanted = torch.cat([model(row) for row in alone])
        assert wanted.dtype == torch.float32
        assert wanted.shape == (4,)
        for side in ("right", "left"):
            for padding in (0, 5, 13):  # 5 and 13 are words of the texts: padding == eos
                close(model(together(alone, side, padding)), wanted)
        close(model(together(alone, "left", more=9)), wanted)
        close(model(together(alone[::-1])), wanted.flip(0))


@pytest.mark.parametrize("inject", ["concat", "add", "attn-bias", "token-weight"])
@pytest.mark.parametrize("family", FAMILIES)
def test_gaze_changes_the_reward_and_unseen_gaze_does_not(build, family, inject):
    model, row = build(family, inject), rows([8])[0]
    other = replace(row, gaze=row.gaze + 1.0)
    unseen = torch.zeros_like(row.seen)
    blind = [replace(r, seen=unseen, first=unseen) for r in (row, other)]
    with torch.no_grad():
        assert not torch.allclose(model(row), model(other))
        assert torch.equal(model(blind[0]), model(blind[1]))


@pytest.mark.parametrize("family", FAMILIES)
def test_a_plain_model_is_the_class_of_transformers(build, family):
    model, row = build(family), rows([6])[0]
    lora.merge(model.network)
    with torch.no_grad():
        wanted = model.network(input_ids=row.ids).logits[:, 0]
        close(model(row), wanted)


@pytest.mark.parametrize("family", FAMILIES)
def test_tokens_without_gaze_receive_exactly_nothing(build, family):
    model, row = build(family, "add"), rows([12])[0]
    given = model.entry(row, model.network).arguments["inputs_embeds"]
    plain = model.network.get_input_embeddings()(row.ids)
    changed = (given != plain).any(-1)
    assert torch.equal(changed, row.seen)


@pytest.mark.parametrize(("family", "lead"), [("llama", 0), ("bert", 1)])
def test_a_prefix_has_the_gaze_of_each_word_between_marks(build, family, lead):
    model, alone = build(family, "concat"), rows([6, 3])
    batch = together(alone).aligned()
    batch = replace(batch, gaze=batch.gaze.nan_to_num())
    given = model.entry(batch, model.network)
    for n, row in enumerate(alone):
        words, gaze = model.network.get_input_embeddings()(row.ids)[0], row.gaze.nan_to_num()
        told = model.entry.projector(gaze[row.first])
        eyes = model.entry.eyes
        wanted = [words[:lead], eyes[:1], told, eyes[1:], words[lead:]]
        wanted = torch.cat(wanted)
        length = len(wanted)
        close(given.arguments["inputs_embeds"][n, :length], wanted)
        assert given.real[n].tolist() == [i < length for i in range(given.real.shape[1])]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("inject", ["add", "attn-bias", "token-weight"])
def test_these_begin_as_if_there_were_no_gaze(folders, family, inject):
    config = ModelConfig(base=str(folders[family]))
    model = base.start(config.base).reward_model(config, GazeConfig(inject=inject), K).eval()
    row = rows([9])[0]
    blind = replace(row, seen=torch.zeros_like(row.seen))
    with torch.no_grad():
        close(model(row), model(blind))
        if inject != "token-weight":
            plain = model.network(input_ids=row.ids).logits[:, 0]
            close(model(row), plain)
        else:
            states = model.network.base_model(input_ids=row.ids).last_hidden_state
            close(model(row), model.weighted.value(states.mean(1))[:, 0])


@pytest.mark.parametrize("family", FAMILIES)
def test_attention_biases_are_alike_in_eager_and_sdpa(build, family):
    model = build(family, "attn-bias", "full")
    batch = together(rows())
    with torch.no_grad():
        wanted = model(batch)
        assert model.network.config._attn_implementation == "sdpa"
        model.network.set_attn_implementation("eager")
        close(model(batch), wanted)


@pytest.mark.parametrize("method", ["lora", "full"])
@pytest.mark.parametrize("inject", INJECTIONS)
@pytest.mark.parametrize("family", FAMILIES)
def test_the_gradient_reaches_every_part_that_learns(build, family, inject, method):
    model, batch = build(family, inject, method), together(rows())
    rewards, missed = model.forward_with_aux(batch)
    (F.logsigmoid(rewards[:2] - rewards[2:]).mean() + rewards.mean() + missed).backward()
    learns = [name for name, p in model.named_parameters() if p.requires_grad]
    reached = [n for n, p in model.named_parameters() if p.grad is not None and p.grad.abs().sum()]
    unmoved = {name for name in learns if name not in reached}
    # Keys' biases move all scores of a query alike.
    assert {n for n in unmoved if "key.bias" not in n} == set()
    assert any("base" in name or ".layer" in name or ".h." in name for name in learns)


@pytest.mark.parametrize("inject", ["concat", "add", "attn-bias", "token-weight", "aux-loss"])
@pytest.mark.parametrize("family", ["llama", "bert"])
def test_training_moves_the_projector_the_head_and_no_frozen_weight(build, family, inject):
    model = build(family, inject)
    before = copy.deepcopy(model.state_dict())
    weights = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(weights, 1e-3)
    batch = together(rows(seed=1))
    losses = []
    for _ in range(20):
        rewards, missed = model.forward_with_aux(batch)
        loss = -F.logsigmoid(rewards[:2] - rewards[2:]).mean() + missed
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]
    learns = {name for name, p in model.named_parameters() if p.requires_grad}
    for name, tensor in model.state_dict().items():
        moved = not torch.equal(tensor, before[name])
        # A bias of all rewards alike has no gradient in their differences.
        flat = name.endswith(("score.bias", "classifier.bias", "out_proj.bias"))
        assert moved == (name in learns) or flat, name
    own = {name for name in learns if not name.startswith("network.")}
    assert own


@pytest.mark.parametrize("inject", INJECTIONS)
@pytest.mark.parametrize("family", FAMILIES)
def test_merging_the_updates_keeps_the_rewards(build, family, inject):
    model, batch = build(family, inject), together(rows())
    with torch.no_grad():
        wanted = model(batch)
        lora.merge(model.network)
        close(model(batch), wanted)
    assert not any("lora" in name for name in model.state_dict())


@pytest.mark.parametrize("method", ["lora", "full"])
@pytest.mark.parametrize("inject", ["none", "concat", "attn-bias"])
@pytest.mark.parametrize("family", ["llama", "bert"])
def test_checkpointing_changes_no_gradient(build, family, inject, method):
    found = []
    for checkpointing in (False, True):
        torch.manual_seed(3)
        model = build(family, inject, method, checkpointing=checkpointing).train()
        torch.manual_seed(4)
        model(together(rows())).sum().backward()
        found.append({n: p.grad for n, p in model.named_parameters() if p.grad is not None})
    assert found[0].keys() == found[1].keys()
    for name, gradient in found[0].items():
        close(found[1][name], gradient)


@pytest.mark.parametrize("inject", INJECTIONS)
@pytest.mark.parametrize("family", FAMILIES)
def test_bfloat16_is_near(build, family, inject):
    model, batch = build(family, inject), together(rows())
    with torch.no_grad():
        wanted = model(batch)
        with torch.autocast("cpu", torch.bfloat16):
            found, _ = model.forward_with_aux(batch)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, wanted, atol=0.1, rtol=0.1)


def test_the_auxiliary_loss_is_what_it_says(build):
    model, alone = build("llama", "aux-loss"), rows([7, 5])
    with torch.no_grad():
        _, missed = model.forward_with_aux(together(alone, "left"))
        wanted = []
        for row in alone:
            states = model.network.base_model(input_ids=row.ids).last_hidden_state
            told = model.predictor(states)[row.first]
            gaze = ((row.gaze - model.mean) / model.scale)[row.first]
            known = ~gaze.isnan()
            wanted.append(F.smooth_l1_loss(told[known], gaze[known]))
        close(missed, torch.stack(wanted).mean())
        assert not model.needs_gaze
        close(model(together(alone)), model(Batch(together(alone).ids, together(alone).real)))


def test_a_row_without_known_gaze_adds_no_auxiliary_loss(build):
    model, row = build("bert", "aux-loss"), rows([4])[0]
    none = replace(row, gaze=torch.full_like(row.gaze, torch.nan))
    assert model.forward_with_aux(none)[1] == 0


def test_token_weights_are_those_of_a_softmax_without_special_tokens(folders):
    config = ModelConfig(base=str(folders["bert"]))
    start = base.start(config.base)
    model = stirred(start.reward_model(config, GazeConfig(inject="token-weight"), K))
    row = rows([6])[0]
    ids = row.ids.clone()
    ids[0, 0], ids[0, -1] = 2, 3  # [CLS], [SEP]
    with torch.no_grad():
        states = model.network.base_model(input_ids=ids).last_hidden_state[0]
        gaze = ((row.gaze - model.mean) / model.scale).nan_to_num()[0]
        scores = (model.weighted.weight(gaze)[:, 0] * row.seen[0])[1:-1]
        wanted = (scores.softmax(0) * model.weighted.value(states[1:-1])[:, 0]).sum()
        close(model(replace(row, ids=ids))[0], wanted)


def test_special_tokens_count_where_there_is_nothing_else(build):
    model = build("bert", "token-weight")
    ids = torch.tensor([[2, 3]])
    row = replace(rows([2])[0], ids=ids)
    assert model(row).isfinite().all()


def test_a_text_without_tokens_has_one_reward_in_any_company(build):
    model = build("llama", "concat")
    alone = rows([4])[0]
    empty = together([alone])
    empty = replace(empty, real=torch.zeros_like(empty.real))
    both = replace(together([alone, alone]), real=torch.stack([alone.real[0], empty.real[0]]))
    with torch.no_grad():
        close(model(both), torch.cat([model(alone), model(empty)]))


@pytest.mark.parametrize(
    ("family", "inject", "limit"),
    [("llama", "none", 64), ("roberta", "none", 65), ("bert", "concat", 64), ("gpt2", "add", 64)],
)
def test_there_is_room_for_exactly_what_fits(build, family, inject, limit):
    model = build(family, inject)
    extra = 2 if inject == "concat" else 0
    assert model.room(10, 4) == limit - 10 - (6 if inject == "concat" else 0)
    row = rows([limit - extra])[0]
    row = replace(row, first=torch.zeros_like(row.first))
    assert model(row).isfinite().all()
    longer = rows([limit - extra + 1])[0]
    with pytest.raises(UsageError, match=rf"{limit + 1} tokens are too many.*{limit} positions"):
        model(replace(longer, first=torch.zeros_like(longer.first)))


def test_a_model_that_needs_gaze_says_so(build):
    row = rows([4])[0]
    with pytest.raises(UsageError, match=r"gaze\.inject=add needs gaze"):
        build("llama", "add")(Batch(row.ids, row.real))


def test_layers_are_chosen_by_name(build, folders):
    model = build("llama", targets=("up_proj",))
    wrapped = {n.rpartition(".lora_A")[0] for n in model.state_dict() if "lora_A" in n}
    assert {name.rpartition(".")[2] for name in wrapped} == {"up_proj"}
    with pytest.raises(UsageError, match=r"model.targets nothing: llama has none such"):
        build("llama", targets=("nothing",))


@pytest.mark.parametrize("method", ["lora", "full"])
def test_the_head_behind_an_encoder_learns_as_a_whole(build, method):
    model = build("bert", method=method, targets=None if method == "full" else ("dense",))
    learns = {name for name, p in model.named_parameters() if p.requires_grad}
    assert {"network.bert.pooler.dense.weight", "network.classifier.weight"} <= learns


def test_models_that_cannot_be_used_are_refused(tmp_path, words):
    from safetensors.torch import load_file, save_file
    from transformers import BertConfig, BertForSequenceClassification, T5Config, T5Model

    tiny = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1, "vocab_size": 14}
    two = BertForSequenceClassification(BertConfig(**tiny, intermediate_size=8, num_labels=2))
    two.save_pretrained(tmp_path / "two")
    words(tmp_path / "two", special=True)
    with pytest.raises(MissingError, match="it has 2 labels, and 1 is wanted"):
        base.start(str(tmp_path / "two"))
    t5 = T5Model(T5Config(d_model=8, d_kv=4, d_ff=8, num_layers=1, num_heads=2, vocab_size=14))
    t5.save_pretrained(tmp_path / "t5")
    words(tmp_path / "t5", special=True)
    with pytest.raises(UsageError, match="encoder"):
        base.start(str(tmp_path / "t5"))
    two.bert.save_pretrained(tmp_path / "nan")
    words(tmp_path / "nan", special=True)
    path = tmp_path / "nan" / "model.safetensors"
    weights = load_file(path)
    weights["embeddings.word_embeddings.weight"][3, 2] = torch.nan
    save_file(weights, path, {"format": "pt"})
    with pytest.raises(MissingError, match=r"word_embeddings.weight holds what is no finite"):
        base.start(str(tmp_path / "nan"))
    del weights["encoder.layer.0.output.dense.weight"]
    save_file(weights, path, {"format": "pt"})
    with pytest.raises(MissingError, match="the weights lack 1 tensor"):
        base.start(str(tmp_path / "nan"))


def test_an_attention_within_windows_takes_no_bias(tmp_path, words):
    from transformers import MistralConfig, MistralModel

    config = MistralConfig(
        vocab_size=14, hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
        num_key_value_heads=1, intermediate_size=8, sliding_window=4, max_position_embeddings=32,
    )  # fmt: skip
    MistralModel(config).save_pretrained(tmp_path)
    words(tmp_path, special=False)
    start, model = base.start(str(tmp_path)), ModelConfig(base=str(tmp_path))
    with pytest.raises(UsageError, match="within windows"):
        start.reward_model(model, GazeConfig(inject="attn-bias"), K)


def test_an_attention_that_ignores_biases_is_found(tmp_path, words):
    from transformers import BloomConfig, BloomModel

    BloomModel(BloomConfig(vocab_size=14, hidden_size=8, n_layer=1, n_head=2)).save_pretrained(
        tmp_path
    )
    words(tmp_path, special=False)
    start, model = base.start(str(tmp_path)), ModelConfig(base=str(tmp_path))
    with pytest.raises(UsageError, match=r"a bloom takes no gaze.inject=attn-bias"):
        start.reward_model(model, GazeConfig(inject="attn-bias"), K)


def test_a_head_that_reads_padding_is_found(tmp_path, words):
    from transformers import CTRLConfig, CTRLModel

    config = CTRLConfig(vocab_size=14, n_embd=8, n_head=2, n_layer=1, dff=8, pad_token_id=5)
    CTRLModel(config).save_pretrained(tmp_path)
    words(tmp_path, special=False)
    with pytest.raises(UsageError, match="a ctrl reads its score at padding"):
        base.start(str(tmp_path))
