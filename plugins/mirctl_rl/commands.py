"""Recommendation as reinforcement learning: simulated users, and who serves them how well."""

from pathlib import Path
from typing import Annotated

import typer

from mirctl import console
from mirctl.options import (
    Changes,
    Device,
    DryRun,
    Force,
    Json,
    Precision,
    Quiet,
    Require,
    Resume,
    Seed,
    artifact_folder,
    paths,
    whole,
)

app = typer.Typer(help=__doc__, add_completion=False, no_args_is_help=True)

OutFolder = Annotated[Path | None, typer.Option("--out", "-o", help="New folder for the result.")]

Simulator = Annotated[
    str, typer.Argument(metavar="ENV", help="Made by rl simulate.", autocompletion=paths)
]
Steps = Annotated[
    int | None, typer.Option("--steps", parser=whole(1, 2**31 - 1), help="Items shown, in all.")
]


@app.callback()
def rl() -> None: ...


@app.command(epilog="Example: mirctl rl simulate ml-100k --env ml-rating --out users")
def simulate(
    data: Annotated[
        str,
        typer.Argument(
            metavar="DATA",
            help="Folder with interactions.* and items.*, a table of interactions, or a recipe.",
            autocompletion=paths,
        ),
    ],
    changes: Changes = None,
    env: Annotated[
        str | None,
        typer.Option("--env", help="ml-rating, ml-seq, scientific, or module:Class."),
    ] = None,
    out: OutFolder = None,
    seed: Seed = None,
    device: Device = None,
    precision: Precision = None,
    dry_run: DryRun = False,
    force: Force = False,
    require: Require = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Logged interactions to simulated users, who earn, are bored, and leave."""
    from mirctl import jobs
    from mirctl_rl import asking

    console.configure(quiet=quiet)
    gate = jobs.requirements(require)
    recipe, told = asking.job(data, env, changes or [])
    options = jobs.Options(out, seed, device, precision, dry_run=dry_run, force=force)
    result = jobs.execute(recipe, told, options, only="rl/simulate", require=gate)
    jobs.show_result(result, require=gate, json=json)


@app.command(epilog="Example: mirctl rl distill users --llm http://localhost:8000/v1 --out likes")
def distill(
    simulator: Simulator,
    changes: Changes = None,
    llm: Annotated[
        str,
        typer.Option(
            "--llm",
            help="http(s)://HOST/v1#MODEL, org/name, folder or pip:PACKAGE; or a control: popular, "
            "random, text, text+popular, oracle, adversarial.",
        ),
    ] = ...,
    states: Annotated[
        int | None,
        typer.Option("--states", parser=whole(1, 10**7), help="Moments of users to ask about."),
    ] = None,
    prompt: Annotated[
        str | None, typer.Option("--prompt", help="File with {history} and {offer}.")
    ] = None,
    tokens: Annotated[
        int | None,
        typer.Option("--tokens", parser=whole(1, 2**31 - 1), help="Most tokens; then it stops."),
    ] = None,
    out: OutFolder = None,
    seed: Seed = None,
    device: Device = None,
    precision: Precision = None,
    dry_run: DryRun = False,
    force: Force = False,
    require: Require = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """What a language model thinks simulated users would like, and how often it is right."""
    from mirctl import jobs
    from mirctl_rl import asking

    console.configure(quiet=quiet)
    gate = jobs.requirements(require)
    told = {"prompt": prompt, "llm.budget_tokens": tokens}
    settings = [*(changes or []), *([] if states is None else [f"states={states}"])]
    recipe, settings = asking.teacher(simulator, llm, told, settings)
    options = jobs.Options(out, seed, device, precision, dry_run=dry_run, force=force)
    result = jobs.execute(recipe, settings, options, only="rl/distill", require=gate)
    jobs.show_result(result, require=gate, json=json)


@app.command(epilog="Example: mirctl rl pretrain users preferences --out pre")
def pretrain(
    simulator: Simulator,
    preferences: Annotated[
        str,
        typer.Argument(
            metavar="PREFS",
            help="Made by rl distill; or a table of history, item and like.",
            autocompletion=paths,
        ),
    ],
    changes: Changes = None,
    steps: Steps = None,
    allow_weak_teacher: Annotated[
        bool,
        typer.Option("--allow-weak-teacher", help="Even if it is hardly better than chance."),
    ] = False,
    out: OutFolder = None,
    seed: Seed = None,
    device: Device = None,
    resume: Resume = False,
    dry_run: DryRun = False,
    force: Force = False,
    require: Require = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """A policy learns from users whom preferences let it imagine: a reward, then A2C."""
    from mirctl import jobs
    from mirctl_rl import asking

    console.configure(quiet=quiet)
    gate = jobs.requirements(require)
    options = jobs.Options(out, seed, device, resume=resume, dry_run=dry_run, force=force)
    told = {
        "simulator": simulator,
        "steps": steps,
        "allow_weak_teacher": allow_weak_teacher or None,
    }
    asked = asking.preferences(preferences)
    settings = [*asking.settings(told), *asked, *(changes or [])]
    result = jobs.execute("rl/pretrain", settings, options, only="rl/pretrain", require=gate)
    jobs.show_result(result, require=gate, json=json)


@app.command(epilog="Example: mirctl rl online users --policy pre --mode ap --out policy")
def online(
    simulator: Simulator,
    changes: Changes = None,
    policy: Annotated[
        str | None,
        typer.Option("--policy", help="scratch, or a policy's folder, which is adapted."),
    ] = None,
    mode: Annotated[
        str | None,
        typer.Option("--mode", help="ft: go on with it; ap: keep it beside a fresh one."),
    ] = None,
    steps: Steps = None,
    out: OutFolder = None,
    seed: Seed = None,
    device: Device = None,
    resume: Resume = False,
    dry_run: DryRun = False,
    force: Force = False,
    require: Require = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """A policy learns from simulated users: from scratch, or on from a trained one."""
    from mirctl import jobs
    from mirctl_rl import asking

    console.configure(quiet=quiet)
    gate = jobs.requirements(require)
    options = jobs.Options(out, seed, device, resume=resume, dry_run=dry_run, force=force)
    told = {"simulator": simulator, "policy": policy, "mode": mode, "steps": steps}
    settings = [*asking.settings(told), *(changes or [])]
    result = jobs.execute("rl/online", settings, options, only="rl/online", require=gate)
    jobs.show_result(result, require=gate, json=json)


@app.command(name="eval", epilog="Example: mirctl rl eval mf users --episodes 1000")
def evaluate(
    policy: Annotated[
        str,
        typer.Argument(
            metavar="POLICY",
            help="random, popularity, mf, ...-aware, oracle, or a folder.",
            autocompletion=paths,
        ),
    ],
    simulator: Annotated[
        Path,
        typer.Argument(
            metavar="ENV",
            help="Made by rl simulate; a folder, or org/name@revision on the hub.",
            parser=artifact_folder,
            autocompletion=paths,
        ),
    ],
    episodes: Annotated[
        int, typer.Option("--episodes", parser=whole(1, 10**7), help="Users to serve.")
    ] = 1000,
    seed: Annotated[
        int, typer.Option("--seed", parser=whole(0, 2**62), help="Decides who comes.")
    ] = 0,
    require: Require = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """A policy before simulated users, the reference policies beside it."""
    from mirctl import jobs
    from mirctl_rl import measuring
    from mirctl_rl.jobs import require_gymnasium

    console.configure(quiet=quiet)
    gate = jobs.requirements(require)
    jobs.check_requirements(jobs.find("rl/eval"), gate)
    require_gymnasium()
    found = measuring.evaluate(policy, simulator, episodes, seed)
    jobs.show(found.metrics, found.report, require=gate, json=json, artifact=simulator)


@app.command(epilog="Example: mirctl rl recommend policy --history 50,181,174 --k 5")
def recommend(
    policy: Annotated[
        Path,
        typer.Argument(
            metavar="POLICY",
            help="Made by rl pretrain or rl online.",
            parser=artifact_folder,
            autocompletion=paths,
        ),
    ],
    history: Annotated[
        str,
        typer.Option("--history", help="Item ids, oldest first: a,b,c; or - for stdin."),
    ],
    k: Annotated[
        int, typer.Option("--k", parser=whole(1, 10**9), help="Items for each user.")
    ] = 10,
    out: Annotated[
        str, typer.Option("--out", "-o", help="JSONL, CSV or Parquet file; - is stdout.")
    ] = "-",
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """A policy's likeliest items: JSONL rows with user, rank, item, title and score."""
    from mirctl_rl import serving

    console.configure(quiet=quiet)
    serving.recommend(policy, history, k, out, force=force, json=json)
