"""The built wheel is the product: what works in a checkout works when installed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mirctl import scaffold

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder with the wheel's content, built without network."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    offline = ["--no-deps", "--no-index"]
    build = [*pip, "wheel", *offline, "--no-build-isolation", "-q", "-w", folder, ROOT]
    subprocess.run(list(map(str, build)), check=True)
    (wheel,) = folder.glob("*.whl")
    target = folder / "site"
    subprocess.run([*pip, "install", *offline, "-q", "--target", target, wheel], check=True)
    return target


@pytest.mark.parametrize("how", ["wheel", "checkout"])
def test_plugin_and_recipes_are_found(installed, tmp_path, how):
    path = str(installed) if how == "wheel" else f"{ROOT}{os.pathsep}{ROOT / 'plugins'}"
    code = (
        "import sys, mirctl\nfrom mirctl import cli\nprint(mirctl.__file__, file=sys.stderr)\n"
        "cli.run_command(['plugins', 'list', '--json'])\n"
        "cli.run_command(['recipe', 'list', '--json'])\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert ran.stderr.startswith(str(installed if how == "wheel" else ROOT)), ran.stderr
    decoder = json.JSONDecoder()
    listed, end = decoder.raw_decode(ran.stdout)
    recipes, _ = decoder.raw_decode(ran.stdout[end:].lstrip())
    assert "adapt" in [plugin["name"] for plugin in listed["plugins"]]
    (found,) = [r for r in recipes["recipes"] if r["name"] == "adapt/ml-100k"]
    assert Path(found["file"]).is_relative_to(installed if how == "wheel" else ROOT)


def test_no_file_of_the_product_is_left_out_of_the_wheel(installed):
    packaged = {str(p.relative_to(installed)) for p in installed.rglob("*")}
    sources = {str(p.relative_to(ROOT)) for p in (ROOT / "mirctl").rglob("*.py")}
    sources |= {str(p.relative_to(ROOT / "plugins")) for p in (ROOT / "plugins").rglob("*.py")}
    sources |= {str(p.relative_to(ROOT)) for p in scaffold.sources()}
    page = (ROOT / "plugins/mirctl_fuse/serving/page").iterdir()
    sources |= {str(p.relative_to(ROOT / "plugins")) for p in page}
    assert sources <= packaged
