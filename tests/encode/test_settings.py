import pytest
from pydantic import BaseModel, ValidationError

from mirctl.encode import EncoderSettings, ImageSettings


class Recipe(BaseModel):
    text: EncoderSettings
    image: ImageSettings | None = None


def test_a_string_stands_for_the_model():
    recipe = Recipe.model_validate_json(
        '{"text": "minilm", "image": "efficientnet-lite0"}', strict=True
    )
    assert recipe.text == EncoderSettings(model="minilm")
    assert (recipe.text.modality, recipe.image.modality) == ("text", "image")


def test_layers_are_all_or_a_list():
    assert EncoderSettings(model="m").layers == "all"
    text = '{"text": {"model": "m", "layers": [0, 2, 4]}}'
    assert Recipe.model_validate_json(text, strict=True).text.layers == (0, 2, 4)


@pytest.mark.parametrize("layers", [[], [2, 1], [1, 1], [-1]])
def test_layers_must_rise_from_zero(layers):
    with pytest.raises(ValidationError, match="layers"):
        EncoderSettings(model="m", layers=layers)
