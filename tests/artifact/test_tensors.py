"""safetensors files: what is written comes back, and nothing crafted gets in."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import save_file

from mirctl.artifact import check_tensors, open_tensors, write_tensors
from mirctl.errors import ArtifactError

GOOD = {"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}


def crafted(path: Path, header: object, data: bytes = b"\0" * 8) -> Path:
    """A file with any header: JSON-able, text or bytes."""
    text = header if isinstance(header, str | bytes) else json.dumps(header)
    raw = text.encode() if isinstance(text, str) else text
    path.write_bytes(len(raw).to_bytes(8, "little") + raw + data)
    return path


def field(**changes: object) -> dict[str, object]:
    return {"a": {**GOOD["a"], **changes}}


@pytest.mark.parametrize(
    "dtype",
    [
        torch.float64,
        torch.float32,
        torch.float16,
        torch.bfloat16,
        torch.float8_e4m3fn,
        torch.float8_e5m2,
        torch.complex64,
        torch.int64,
        torch.int8,
        torch.uint8,
        torch.uint16,
        torch.bool,
    ],
)
def test_every_type_comes_back_and_the_reference_reads_it(tmp_path, dtype):
    value = torch.arange(12).reshape(3, 4).to(dtype)
    write_tensors(tmp_path / "x.safetensors", {"value": value})
    back = open_tensors(tmp_path / "x.safetensors")["value"]
    with safe_open(tmp_path / "x.safetensors", "pt") as reference:
        theirs = reference.get_tensor("value")
    for found in (back, theirs):
        assert found.dtype == dtype
        assert torch.equal(found.view(torch.uint8), value.view(torch.uint8))


def test_files_of_the_reference_are_read(tmp_path):
    tensors = {"w": torch.randn(3, 5), "n": torch.tensor(7), "half": torch.randn(3).half()}
    save_file(tensors, tmp_path / "x.safetensors", {"format": "pt"})
    found = open_tensors(tmp_path / "x.safetensors")
    assert found.keys() == tensors.keys()
    assert all(torch.equal(found[name], tensors[name]) for name in tensors)


def test_odd_layouts_are_stored_as_plain_tensors(tmp_path):
    whole = torch.arange(24.0).reshape(4, 6)
    tensors = {
        "transposed": whole.T,
        "strided": whole[::2, 1::3],
        "scalar": torch.tensor(2.5),
        "empty": torch.empty(0, 3),
        "parameter": torch.nn.Parameter(whole[0]),
        "conjugate": torch.tensor([1 + 2j]).conj(),
    }
    write_tensors(tmp_path / "x.safetensors", tensors)
    found = open_tensors(tmp_path / "x.safetensors")
    assert all(torch.equal(found[name], tensors[name]) for name in tensors)


def test_numpy_arrays_are_stored_like_tensors(tmp_path):
    frozen = np.arange(6, dtype=np.float32).reshape(2, 3)
    frozen.flags.writeable = False
    arrays = {"frozen": frozen, "big_end": np.arange(3, dtype=">i4"), "turned": frozen.T}
    write_tensors(tmp_path / "x.safetensors", arrays)
    found = open_tensors(tmp_path / "x.safetensors")
    assert found["frozen"].tolist() == frozen.tolist()
    assert found["turned"].tolist() == frozen.T.tolist()
    assert found["big_end"].tolist() == [0, 1, 2]


def test_a_tensor_outlives_its_closed_file(tmp_path):
    path = tmp_path / "x.safetensors"
    write_tensors(path, {"a": torch.arange(5)})
    with open_tensors(path) as tensors:
        kept = tensors["a"]
    path.unlink()
    assert kept.tolist() == [0, 1, 2, 3, 4]
    with pytest.raises(ValueError, match="closed"):
        tensors["a"]


def test_writing_to_a_mapped_tensor_leaves_the_file_alone(tmp_path):
    path = tmp_path / "x.safetensors"
    write_tensors(path, {"a": torch.zeros(5)})
    open_tensors(path)["a"].fill_(1)
    assert open_tensors(path)["a"].sum() == 0


def test_data_that_lie_unaligned_are_read_all_the_same(tmp_path):
    header = {
        "odd": {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]},
        "wide": {"dtype": "F32", "shape": [2], "data_offsets": [1, 9]},
    }
    data = b"\1" + np.array([1.5, -2], np.float32).tobytes()
    found = open_tensors(crafted(tmp_path / "x", header, data))
    assert found["wide"].tolist() == [1.5, -2]


def test_metadata_come_back_and_ours_is_one_key(tmp_path):
    path = tmp_path / "x.safetensors"
    write_tensors(path, {"a": torch.zeros(1)}, {"b": [1, None], "a": "é"})
    assert open_tensors(path).metadata == {"a": "é", "b": [1, None]}
    with safe_open(path, "pt") as reference:
        assert reference.metadata() == {"mirctl": '{"a":"é","b":[1,null]}'}


def test_two_processes_write_the_same_bytes(tmp_path):
    code = (
        "import sys, torch; from mirctl.artifact import write_tensors;"
        "names = sorted({'w', 'bias', 'n', 'é'}, key=hash);"
        "values = {n: torch.full((3, len(n)), 2.0).to(torch.half if n == 'n' else torch.float)"
        " for n in names};"
        "write_tensors(sys.argv[1], values, {k: 1 for k in sorted('abcdefgh', key=hash)})"
    )
    outs = [tmp_path / "one", tmp_path / "two"]
    for seed, out in enumerate(outs):
        command = [sys.executable, "-c", code, str(out)]
        subprocess.run(command, check=True, env={"PYTHONHASHSEED": str(seed)}, cwd=Path.cwd())
    assert outs[0].read_bytes() == outs[1].read_bytes()


@pytest.mark.parametrize(
    ("tensors", "reason"),
    [
        ({}, "no tensors"),
        ({"": torch.zeros(1)}, "not allowed"),
        ({"__metadata__": torch.zeros(1)}, "not allowed"),
        ({"../x": torch.zeros(1)}, "looks like a path"),
        ({"a": [1.0]}, "is a list"),
        ({"a": torch.zeros(1, dtype=torch.complex128)}, "cannot be stored"),
        ({"a": np.array(["text"])}, "cannot be stored"),
        ({"a": torch.zeros(1, device="meta")}, "no plain data"),
        ({"a": torch.eye(2).to_sparse()}, "no plain data"),
    ],
)
def test_what_cannot_be_written_leaves_no_file(tmp_path, tensors, reason):
    with pytest.raises(ArtifactError, match=reason):
        write_tensors(tmp_path / "x", tensors)
    assert list(tmp_path.iterdir()) == []


def test_a_lazy_mapping_that_changes_its_mind_is_refused(tmp_path):
    class Growing(Mapping):
        length = 1

        def __getitem__(self, name: str) -> torch.Tensor:
            self.length += 1
            return torch.zeros(self.length)

        def __iter__(self) -> Iterator[str]:
            return iter("a")

        def __len__(self) -> int:
            return 1

    with pytest.raises(ArtifactError, match="changed while"):
        write_tensors(tmp_path / "x", Growing())
    assert list(tmp_path.iterdir()) == []


OVERLAP = GOOD | {"b": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}}
HOLE = {"a": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}}
CRAFTED = {
    "binary junk": (b"\xff\xfe{", "decode"),
    "no brace": ("[1]", "does not begin"),
    "leading space": (" " + json.dumps(GOOD), "does not begin"),
    "bad JSON": ("{", "valid safetensors"),
    "trailing text": (json.dumps(GOOD) + "x", "valid safetensors"),
    "endless nesting": ('{"a":' * 200_000, "nested too deeply"),
    "repeated name": ('{"a":%s,"a":%s}' % ((json.dumps(GOOD["a"]),) * 2), "occurs twice"),
    "repeated field": ('{"a":{"dtype":"F32","dtype":"F32"}}', "occurs twice"),
    "repeated metadata": ('{"__metadata__":{"x":"1","x":"2"}}', "occurs twice"),
    "metadata number": ({"__metadata__": {"x": 1}, **GOOD}, "metadata are not texts"),
    "metadata list": ({"__metadata__": [], **GOOD}, "metadata are not texts"),
    "our metadata no JSON": ({"__metadata__": {"mirctl": "{"}, **GOOD}, "valid safetensors"),
    "our metadata no object": ({"__metadata__": {"mirctl": "[]"}, **GOOD}, "not an object"),
    "unknown field": (field(extra=1), "its fields"),
    "missing field": ({"a": {"dtype": "F32", "shape": [2]}}, "its fields"),
    "no object": ({"a": 1}, "its fields"),
    "overlap": (OVERLAP, "overlaps"),
    "hole": (HOLE, "hole"),
    "out of range": (field(shape=[4], data_offsets=[0, 16]), "8 bytes of data are missing"),
    "data left over": (field(shape=[1], data_offsets=[0, 4]), "4 bytes of data belong to no"),
    "reversed offsets": (field(data_offsets=[8, 0]), "data_offsets"),
    "negative offsets": (field(data_offsets=[-8, 0]), "data_offsets"),
    "three offsets": (field(data_offsets=[0, 4, 8]), "data_offsets"),
    "offsets as texts": (field(data_offsets=["0", "8"]), "data_offsets"),
    "fractional shape": (field(shape=[2.0]), "its shape"),
    "boolean shape": (field(shape=[True, 2]), "its shape"),
    "negative shape": (field(shape=[-2]), "its shape"),
    "wrong size": (field(shape=[3]), "do not make"),
    "overflow": (field(shape=[2**40, 2**40]), "overflows"),
    "overflow beside zero": (field(shape=[0, 2**40, 2**40], data_offsets=[0, 0]), "overflows"),
    "huge dimension": (field(shape=[2**70]), "its shape"),
    "65 dimensions": (field(shape=[1] * 64 + [2]), "its shape"),
    "unknown dtype": (field(dtype="F1"), "dtype is unknown"),
    "dtype no text": (field(dtype=["F32"]), "dtype is unknown"),
    "NaN in the header": ('{"a":{"dtype":"F32","shape":[NaN],"data_offsets":[0,8]}}', "finite"),
    "no tensors": ({}, "no tensors"),
    "only metadata": ({"__metadata__": {}}, "no tensors"),
    "empty name": ({"": GOOD["a"]}, "not allowed"),
    "path up": ({"../../x": GOOD["a"]}, "looks like a path"),
    "absolute path": ({"/etc/x": GOOD["a"]}, "looks like a path"),
    "backslash": ({"a\\b": GOOD["a"]}, "looks like a path"),
    "long name": ({"x" * 100_000: GOOD["a"]}, "longer than"),
    "control character": ({"a\x1b[2J": GOOD["a"]}, "control"),
    "lone surrogate": ('{"\\ud800":%s}' % json.dumps(GOOD["a"]), "control"),  # noqa: UP031
}


@pytest.mark.parametrize("case", CRAFTED)
def test_a_crafted_file_is_refused_with_its_name_and_the_reason(tmp_path, case):
    header, reason = CRAFTED[case]
    path = crafted(tmp_path / "x.safetensors", header)
    with pytest.raises(ArtifactError, match=reason) as caught:
        check_tensors(path)
    assert caught.value.where == str(path)
    assert len(caught.value.message) < 300


@pytest.mark.parametrize(
    "content",
    [b"", b"\1", b"\0" * 8, (2).to_bytes(8, "little") + b"{", (2**63).to_bytes(8, "little") * 2],
)
def test_a_file_too_short_for_its_header_is_refused(tmp_path, content):
    path = tmp_path / "x"
    path.write_bytes(content)
    with pytest.raises(ArtifactError):
        open_tensors(path)


def test_a_header_above_100_mb_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "x"
    with path.open("wb") as file:
        file.write((100_000_001).to_bytes(8, "little"))
        file.truncate(200_000_000)
    with pytest.raises(ArtifactError, match="longer than 100000000"):
        check_tensors(path)


@pytest.mark.parametrize("missing", ["absent", "."])
def test_what_is_no_file_is_refused(tmp_path, missing):
    with pytest.raises(ArtifactError):
        check_tensors(tmp_path / missing)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    changes=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), min_size=1, max_size=4)
)
def test_a_mutated_file_is_refused_or_still_readable(tmp_path, changes):
    path = tmp_path / "x"
    write_tensors(path, {"a": torch.ones(4, 5), "b": torch.arange(3)}, {"note": 1})
    content = bytearray(path.read_bytes())
    for place, byte in changes:
        content[place % len(content)] = byte
    path.write_bytes(content)
    try:
        tensors = open_tensors(path)
    except ArtifactError:
        return
    for name in tensors:
        assert tensors[name].numel() == tensors[name].clone().numel()


@pytest.mark.slow
def test_writing_and_reading_stream(tmp_path):
    """512 MB in eight tensors that are made when asked for: only one is ever held."""
    code = """
import resource, sys, torch
from collections.abc import Mapping
from mirctl.artifact import open_tensors, write_tensors
from mirctl.efficiency import anonymous_memory

class Lazy(Mapping):
    def __getitem__(self, name): return torch.full((16 << 20,), float(name))
    def __iter__(self): return iter("01234567")
    def __len__(self): return 8

torch.ones(1 << 20).sum()
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
write_tensors(sys.argv[1], Lazy())
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak) << 10)
start = anonymous_memory()
tensors = open_tensors(sys.argv[1])
assert [tensors[n].sum().item() / (16 << 20) for n in "01234567"] == list(range(8))
print(anonymous_memory() - start)
"""
    command = [sys.executable, "-c", code, str(tmp_path / "x")]
    ran = subprocess.run(command, check=True, capture_output=True, text=True)
    writing, reading = map(int, ran.stdout.split())
    assert writing < 128 << 20
    assert reading < 32 << 20
