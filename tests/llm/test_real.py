"""Real language models that install from the package index, where they can be fetched."""

from typing import Literal

import pytest
from pydantic import BaseModel, Field

from mirctl import hub, llm
from mirctl.errors import MissingError
from mirctl.llm import LlmConfig

pytestmark = [pytest.mark.slow, pytest.mark.real]
PROMPTS = ["Paris is the capital of", "One, two, three, four,", "Toy Story is a film about a"]


class Film(BaseModel):
    title: str = Field(max_length=30)
    genre: Literal["comedy", "drama", "thriller"]


@pytest.fixture
def gemma():
    try:
        hub.resolve("gemma3-270m")
    except MissingError as error:
        pytest.skip(f"the weights cannot be had: {error}")
    config = LlmConfig(model="gemma3-270m", max_tokens=8)
    return llm.connect(config, device="cpu")


def by_hand(writer, text):
    import torch

    ids = torch.tensor([writer.tokenizer(text)["input_ids"]])
    made = writer.network.generate(ids, max_new_tokens=8, do_sample=False)
    return writer.tokenizer.decode(made[0, ids.shape[1] :], skip_special_tokens=True).strip()


def test_gemma_writes_as_by_hand_whatever_is_in_the_batch_and_is_held_to_a_schema(gemma):
    answers = gemma.ask(PROMPTS)
    assert answers[0].text.startswith("France")
    assert answers[1].text.startswith("five")
    assert [answer.text for answer in answers] == [
        by_hand(gemma.backend.writer, prompt) for prompt in PROMPTS
    ]
    model = llm.connect(LlmConfig(model="gemma3-270m", max_tokens=60), device="cpu")
    prompt = 'A film as JSON: {"title": "Toy Story", "genre": "comedy"}\nAnother film as JSON:'
    [answer] = model.ask([prompt], Film)
    assert answer.turns == 1
    assert answer.value.title.strip()
