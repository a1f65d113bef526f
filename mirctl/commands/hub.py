"""Send artifacts to the Hugging Face hub and get them from there."""

from pathlib import Path
from typing import Annotated, Any

import typer

from mirctl import console
from mirctl.console import counted
from mirctl.errors import UsageError
from mirctl.options import Artifact, Force, Json, Quiet

app = typer.Typer(help=__doc__, add_completion=False, no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="ORG/NAME", help="Repository, or ORG/NAME@REVISION.")]


@app.callback()
def hub() -> None: ...


@app.command(epilog="Example: mirctl hub push model org/shop --message 'trained on May'")
def push(
    folder: Artifact,
    name: Name,
    branch: Annotated[
        str | None, typer.Option("--revision", "--branch", help="Branch, made where missing.")
    ] = None,
    public: Annotated[bool, typer.Option("--public", help="Everybody may read it.")] = False,
    message: Annotated[str, typer.Option("--message", "-m", help="Message of the commit.")] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only list what would be sent; needs no network.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Also into a repository that holds other things.")
    ] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Send an artifact, whole and without the places of its inputs; private unless --public."""
    from mirctl.hub import push, sharing

    if branch and "@" in name:
        raise UsageError(f"{name} names a revision, and so does --revision: drop one")
    target = f"{name}@{branch}" if branch else name
    repo, revision = push.parsed(target)
    shared = sharing.share(folder)
    facts: dict[str, Any] = {"artifact": folder, "repo": repo, "revision": revision}
    facts |= {"digest": shared.digest, "bytes": shared.size}
    if dry_run:
        sizes = {name: record.size for name, record in shared.records.items()}
        _show_files({**facts, "dry_run": True, "public": public, "files": sizes}, json=json)
        return
    done = push.push(shared, target, public=public, message=message, force=force)
    facts |= {"commit": done.commit, "private": done.private, "sent": done.sent}
    if json:
        console.document(facts)
        return
    console.say("sent, and found there as sent" if done.sent else "stands there already, as it is")
    console.emit(f"{repo}@{done.commit}")


def _show_files(facts: dict[str, Any], *, json: bool) -> None:
    """What a push would send."""
    if json:
        console.document(facts)
        return
    rows = [[name, console.size_text(size)] for name, size in facts["files"].items()]
    console.emit(console.table(["file", "size"], rows))
    seen = "public" if facts["public"] else "private"
    total = f"{counted(len(rows), 'file')}, {console.size_text(facts['bytes'])}"
    console.say(f"{total} would go to {facts['repo']}@{facts['revision']}, {seen} where it is new")


@app.command(epilog="Example: mirctl hub pull org/shop@v1 --out model")
def pull(
    name: Name,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="New folder; the cache if not given.")
    ] = None,
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Get an artifact, compare every byte with its manifest, and print its folder."""
    from mirctl.hub import pull

    pulled = pull.pull(name, out, force=force)
    if json:
        console.document(pulled.facts())
    else:
        console.emit(str(pulled.folder))


@app.command(epilog="Example: mirctl hub status model org/shop")
def status(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="ARTIFACT|ORG/NAME", help="A folder, a repository, or both."),
    ] = None,
    json: Json = False,
) -> None:
    """Show where the hub is, who asks, and what of an artifact is there."""
    from mirctl.hub import status

    status.show(status.describe(names or []), json=json)
