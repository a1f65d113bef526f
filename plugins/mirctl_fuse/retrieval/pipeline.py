"""The job: pairs -> cached hidden states -> train by contrast -> rank everything -> artifact."""

from dataclasses import dataclass

import torch

from mirctl import console, hub, training
from mirctl.encode.catalogue import input_name, refuse_empty
from mirctl.encode.towers import CatalogueInputs
from mirctl.run import Result, Run
from mirctl_fuse import inputs
from mirctl_fuse.inputs import Raw
from mirctl_fuse.retrieval import evaluation, model, pairs, saving
from mirctl_fuse.retrieval.config import SIDES, PairConfig
from mirctl_fuse.retrieval.model import Retriever
from mirctl_fuse.retrieval.pairs import Pairs
from mirctl_fuse.retrieval.task import PairTask


@dataclass(frozen=True)
class Trained:
    """What training leaves."""

    model: Retriever
    inputs: dict[str, CatalogueInputs]
    """By side."""
    pairs: Pairs
    """Those of which something is known."""
    history: tuple[dict[str, float], ...]


def run(config: PairConfig, run: Run) -> Result:
    """Do the whole job of a recipe with `uses: fuse/retrieval`."""
    with run.meter.phase("read data"):
        whole = pairs.load(config)
    trained = train(config, whole, run)
    with run.meter.phase("evaluate") as phase:
        phase.items = len(trained.pairs.of("test"))
        found = evaluation.measured(
            trained.model, *trained.inputs.values(), trained.pairs, ["test", "valid"]
        )
        metrics = evaluation.summarize(found, config.seed)
    saving.save(config, run, trained, metrics)
    return Result(run.out, metrics=metrics, report=evaluation.report(metrics))


def check(config: PairConfig) -> None:
    """Read the data as a run would, and look for the models; raise what would stop it."""
    whole = pairs.load(config)
    pairs.tell(whole, whole)
    pairs.refuse_too_few(whole, valid=config.train.metric is not None)
    raw(config, whole)
    for side in map(config.side, SIDES):
        for own in side.model.encoders.values():
            if own.encoder is None:
                hub.look_for(own.model)


def raw(config: PairConfig, whole: Pairs) -> dict[str, Raw]:
    """What there is to read, by side."""
    return {side: Raw.of(config.side(side), whole.side(side)) for side in SIDES}


def train(config: PairConfig, whole: Pairs, run: Run) -> Trained:
    """Fit the recipe's networks on the training pairs."""
    read = {}
    for name, own in raw(config, whole).items():
        side = config.side(name)
        read[name] = inputs.inputs_for(side, own, run.device, run.dtype, run.meter)
        refuse_empty(read[name], side.key)
        for tower, source in read[name].towers.items():
            run.note_input(f"{name}: {input_name(tower)}", source.content)
            run.note_input(f"{name}: {tower} model", source.weights)
    known = whole.between(*map(evaluation.known, read.values()))
    pairs.tell(known, whole)
    pairs.refuse_too_few(known, valid=config.train.metric is not None)
    run.note_input(pairs.TRAINED_ON, known.of("train").digest())
    torch.manual_seed(config.seed)
    made = model.build(
        config.model, *(own.tower_inputs(normalize=True) for own in read.values())
    ).to(run.device)
    count = sum(p.numel() for p in made.parameters() if p.requires_grad)
    run.meter.record(trainable_parameters=count)
    console.say(f"{count:,} trainable parameters; a pair is told from all others of its batch")
    task = PairTask(
        made, *read.values(), known, batch_size=config.train.batch_size, chunk=config.train.chunk,
        seed=config.seed, modality_dropout=config.model.modality_dropout,
    )  # fmt: skip
    with run.meter.phase("train"):
        history = training.fit(task, config.train, run)
    return Trained(made, read, known, tuple(history))
