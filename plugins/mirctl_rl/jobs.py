"""What the commands do, as jobs that a recipe names."""

from importlib.util import find_spec

from mirctl import hub
from mirctl.errors import MissingError
from mirctl.metrics import table as metrics_table
from mirctl.run import Result, Run
from mirctl_rl.config import (
    LLM,
    SCRATCH,
    DistillConfig,
    EvalConfig,
    OnlineConfig,
    PretrainConfig,
    SimulateConfig,
)


def require_gymnasium() -> None:
    """Environments are gymnasium's: a simulator that nobody could open is none."""
    if find_spec("gymnasium") is None:
        raise MissingError("simulators are gymnasium's: pip install 'mirctl[rl]'")


def simulate(config: SimulateConfig, run: Run) -> Result:
    """Logged interactions to a simulator."""
    from mirctl_rl import saving, simulating

    require_gymnasium()
    made = simulating.simulate(config, run)
    saving.save(config, run, made.world, made.metrics)
    return Result(run.out, metrics=made.metrics, report=made.report)


def check(config: SimulateConfig) -> None:
    """Read the data as a run would, and look for the model; raise what would stop it."""
    from mirctl_rl import logged

    require_gymnasium()
    logged.read(config)
    if config.env == "scientific":
        hub.look_for(config.text.model)


def evaluate(config: EvalConfig, run: Run) -> Result:
    """Measure a policy; the metrics are the table that is written."""
    from mirctl_rl import measuring

    require_gymnasium()
    folder = hub.artifact_folder(config.simulator)
    found = measuring.evaluate(config.policy, folder, config.episodes, config.seed)
    metrics_table.write(run.out, found.metrics)
    return Result(table=run.out, metrics=found.metrics, report=found.report)


def online(config: OnlineConfig, run: Run) -> Result:
    """A policy that learned from simulated users."""
    from mirctl_rl import online as learning

    require_gymnasium()
    return learning.learn(config, run)


def check_online(config: OnlineConfig) -> None:
    """Open what a run would; raise what would stop it."""
    from mirctl_rl import agents, opening

    require_gymnasium()
    world = opening.load(hub.artifact_folder(config.simulator))
    if config.policy != SCRATCH:
        agents.named(config.policy, world)


def check_pretrain(config: PretrainConfig) -> None:
    """Read the preferences as a run would; raise what would stop it."""
    from mirctl_rl import likes, opening

    require_gymnasium()
    world = opening.load(hub.artifact_folder(config.simulator))
    told = likes.read(config, world.known, world.history)
    if not config.allow_weak_teacher:
        likes.refuse_weak(told)


def pretrain(config: PretrainConfig, run: Run) -> Result:
    """A policy that learned from imagined users."""
    from mirctl_rl import pretraining

    require_gymnasium()
    return pretraining.learn(config, run)


def distill(config: DistillConfig, run: Run) -> Result:
    """What a teacher thinks the users of a simulator would like, as preferences."""
    from mirctl_rl import distilling, opening, preferences

    folder = hub.artifact_folder(config.simulator)
    world = opening.load(folder)
    found = distilling.distill(config, run, world)
    preferences.save(run, found, world.known, folder)
    return Result(run.out, metrics=found.metrics, report=distilling.report(found))


def check_distill(config: DistillConfig) -> None:
    """Open the simulator and the prompt, look for a local model; nobody is asked."""
    from mirctl_rl import opening, questioning

    opening.load(hub.artifact_folder(config.simulator))
    if config.teacher == LLM:
        questioning.template(config.prompt)
        if not config.llm.is_remote:
            hub.look_for(config.llm.model)
