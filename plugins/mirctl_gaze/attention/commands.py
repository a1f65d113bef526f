"""The command `correlate`, which `mirctl_gaze.commands` takes in."""

from typing import Annotated

import typer

from mirctl import console
from mirctl.options import Force, Json, Quiet, Require, whole


def correlate(
    gaze: Annotated[
        str,
        typer.Option(help="Table of trial, word, text and measures as TRT; reader; - is stdin."),
    ],
    model: Annotated[
        str, typer.Option(help="org/name@revision, a folder, pip:PACKAGE, or minilm.")
    ],
    text: Annotated[
        str | None,
        typer.Option(help="Table of trial, text: what the model reads, if not the words alone."),
    ] = None,
    language: Annotated[
        str, typer.Option(help="Whose frequencies of words are held fixed.")
    ] = "en",
    heads: Annotated[bool, typer.Option("--heads", help="Also each head alone.")] = False,
    seed: Annotated[
        int, typer.Option(help="Seed of folds and intervals.", parser=whole(0, 2**63 - 1))
    ] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda[:N] or mps.")] = "auto",
    precision: Annotated[str, typer.Option(help="auto, fp32, bf16 or fp16.")] = "auto",
    out: Annotated[
        str,
        typer.Option(
            "--out", "-o", help="File, its kind by its suffix; - is stdout, as what came in."
        ),
    ] = "-",
    force: Force = False,
    require: Require = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Correlate reading measures with a model's attention, layer by layer."""
    from mirctl_gaze import asking
    from mirctl_gaze.attention import running

    console.configure(quiet=quiet)
    wanted = asking.Wanted("correlate", out, None, force, json, require or ())
    gate = wanted.start(gaze, text or "")
    asked = running.Asked(
        gaze, model, text=text, language=language, heads=heads, seed=seed, device=device,
        precision=precision,
    )  # fmt: skip
    wanted.end(running.correlate(asked, out), gate)
