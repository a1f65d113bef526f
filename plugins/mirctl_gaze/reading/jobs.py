"""Prediction as a job that a recipe names."""

from mirctl.run import Result, Run
from mirctl.words import Predictor
from mirctl_gaze.reading import augmenting, predicting
from mirctl_gaze.reading.config import AugmentConfig, PredictConfig


def predict(config: PredictConfig, run: Run) -> Result:
    """Predict how words are read."""
    found = predicting.predict(
        config.texts, Predictor(config.generator, run.device), run.out,
        measures=config.measures, column=config.column, prefix=config.prefix,
    )  # fmt: skip
    found.tell()
    return Result(table=run.out, metrics=found.metrics())


def augment(config: AugmentConfig, run: Run) -> Result:
    """Add predicted measures to texts."""
    wish = augmenting.Wish(config.measures, config.column, config.prefix, config.mean)
    generator = Predictor(config.generator, run.device)
    found = augmenting.augment(config.texts, generator, run.out, wish)
    found.tell()
    return Result(table=run.out, metrics=found.metrics())
