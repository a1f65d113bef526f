"""Recipes made to harm: they choose among installed jobs, and no code comes out of them."""

import time

import pytest
import yaml

from mirctl.errors import MissingError
from mirctl.hub import wheels

PLAIN = "uses: adapt/run\ndata: {interactions: log.csv}\nmodel: {method: pop}\n"


def laughs() -> str:
    """A billion items in nine lines."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    return "\n".join(lines)


SYNTAX = {
    "a call": ("a: !!python/object/apply:os.system ['touch {canary}']\n", "tags are not allowed"),
    "a call as a key": ("? !!python/object/apply:os.system ['touch {canary}']\n: 1\n", "a key"),
    "an object": ("a: !!python/object/new:os.system ['touch {canary}']\n", "tags are not allowed"),
    "a name": ("uses: !!python/name:os.system\n", "tags are not allowed"),
    "a module": ("uses: !!python/module:antigravity\n", "tags are not allowed"),
    "a billion laughs": (laughs(), "more than"),
    "too long": ("a: " + "x" * 5_000_000, "longer than"),
    "too deep": ("a: " + "[" * 100_000, "nested more than"),
}
KEYS = {
    "a module for a job": ("uses: os:system", "names no job"),
    "a function for a job": ("uses: own/go", "names no job"),
    "a path for a job": ("uses: ../own.py", "names no job"),
    "a job and more": ("uses: adapt/run:own", "names no job"),
    "an expression": ("uses: \"adapt/run'+__import__('own')\"", "names no job"),
    "a function beside": (PLAIN + "function: own:go\n", "function: unknown key"),
    "a class beside": (PLAIN + "_target_: own.go\n", "_target_: unknown key"),
    "a place to write": (PLAIN + "out: /tmp/mirctl-evil\n", "out: unknown key"),
    "a method": (PLAIN.replace("pop", "own.go"), "model.method"),
    "leave for foreign code": (
        PLAIN + "trust_remote_code: true\n",
        "trust_remote_code: unknown key",
    ),
    "a step with a path": ("steps: {../../x: {uses: adapt/run}}", "no name of a step"),
    "an absolute result of a step": (
        "steps: {x: {out: /tmp/mirctl-evil, uses: adapt/run}}",
        "no plain file name",
    ),
    "a result of a step above": (
        "steps: {x: {out: ../../evil, uses: adapt/run}}",
        "no plain file name",
    ),
    "a sweep without end": (
        f"{PLAIN}sweep: {{seed: {list(range(999))}, train.epochs: {list(range(1, 999))}}}\n",
        "the most are",
    ),
}


@pytest.fixture
def folder(tmp_path, canary, monkeypatch):
    """The current folder: data, and code that nobody asked for."""
    (tmp_path / "log.csv").write_text("user_id,item_id,timestamp\nu,i,1\n")
    (tmp_path / "own.py").write_text(f"open({str(canary)!r}, 'w')\ndef go(*_): pass\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))  # `own` could be imported
    return tmp_path


@pytest.mark.parametrize("case", SYNTAX | KEYS)
def test_a_hostile_recipe_is_refused_and_nothing_of_it_run(
    mirctl, folder, canary, no_process, tree, case
):
    text, message = (SYNTAX | KEYS)[case]
    (folder / "r.yaml").write_text(text.replace("{canary}", str(canary)))
    before = tree()
    for command in (["run", "r.yaml", "--out", "m"], ["recipe", "check", "r.yaml"]):
        ran = mirctl(*command)
        assert (ran.code, message in ran.err) == (2, True), (command, ran.err[:500])
        assert ran.err.count("\n") == 1
        assert "Traceback" not in ran.err
    assert tree() == before


def test_a_recipe_of_a_million_values_is_not_read_to_its_end(mirctl, folder):
    (folder / "r.yaml").write_text("a: [" + "1," * 220_000 + "1]")
    ran = mirctl("recipe", "check", "r.yaml")
    assert (ran.code, "more than 100,000 values" in ran.err) == (2, True), ran.err[:500]
    start = time.process_time()
    for text in "a: [" + "1," * 1_500_000 + "1]", "a: " + "b" * 2_000_000, "a: b\n" * 400_000:
        (folder / "r.yaml").write_text(text)
        ran = mirctl("recipe", "check", "r.yaml")
        assert (ran.code, "longer than 500,000 characters" in ran.err) == (2, True)
    assert time.process_time() - start < 1


def test_a_change_on_the_command_line_builds_no_object(mirctl, folder, canary, no_process):
    (folder / "r.yaml").write_text(PLAIN)
    value = f"seed=!!python/object/apply:os.system ['touch {canary}']"
    ran = mirctl("recipe", "check", "r.yaml", value)
    assert (ran.code, "tags are not allowed" in ran.err) == (2, True), ran.err


def test_the_calls_of_these_recipes_would_run_in_a_trusting_reader(tmp_path):
    text, _ = SYNTAX["a call"]
    yaml.unsafe_load(text.replace("{canary}", str(tmp_path / "ran")))
    assert (tmp_path / "ran").exists()


MODULES = ("pip", "mirctl", "torch", "typer", "encodings")


@pytest.fixture
def beside(folder, canary):
    """Modules in the current folder that bear the names of what a child process imports."""
    for name in MODULES:
        (folder / f"{name}.py").write_text(f"open({str(canary)!r}, 'w')\n")
    return folder


def test_modules_in_the_current_folder_are_not_taken_for_pip(beside, tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(MissingError, match="pip cannot get 'no-such-model'"):
        wheels.pip_download("no-such-model", tmp_path)


def test_modules_in_the_current_folder_are_not_taken_for_ours(mirctl, beside):
    log = "".join(f"u{u},i{(u + t) % 7},{t}\n" for u in range(9) for t in range(5))
    (beside / "log.csv").write_text("user_id,item_id,timestamp\n" + log)
    job = "{uses: adapt/run, data: {interactions: log.csv}, model: {method: pop}}"
    (beside / "r.yaml").write_text(f"steps: {{a: {job}}}\n")
    ran = mirctl("run", "r.yaml", "--out", "m", "--jobs", 2)
    assert ran.code == 0, ran.err
