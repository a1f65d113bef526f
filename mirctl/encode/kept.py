"""Config and tokenizer of a pretrained model, kept in an artifact that starts from it."""

import shutil

from mirctl.artifact import Artifact, Draft
from mirctl.hub import Model, contents

FOLDER = "extra/base"


def keep(draft: Draft, model: Model) -> None:
    """Put all but the weights into an artifact, chat template included."""
    speaking = contents.speaking_files(model.folder)
    for path in [*contents.model_files(model.folder), *speaking]:
        if not any(path.match(pattern) for pattern in contents.WEIGHTS):
            shutil.copyfile(path, draft.file(f"{FOLDER}/{path.name}"))


def kept(art: Artifact) -> Model:
    """What `keep` kept: a model without weights."""
    folder = art.path(f"{FOLDER}/config.json").parent
    return Model(str(folder), folder, None, "", "folder")
