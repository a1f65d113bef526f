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
    Seed,
    artifact_folder,
    paths,
    whole,
)

app = typer.Typer(help=__doc__, add_completion=False, no_args_is_help=True)

OutFolder = Annotated[Path | None, typer.Option("--out", "-o", help="New folder for the result.")]


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
    simulator: Annotated[
        str,
        typer.Argument(
            metavar="ENV",
            help="Made by rl simulate; a folder, or org/name@revision on the hub.",
            autocompletion=paths,
        ),
    ],
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
