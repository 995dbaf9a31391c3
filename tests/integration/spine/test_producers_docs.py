"""docs/producers.md: each of its blocks of commands does what it says."""

import os
import pathlib
import re
import shutil
import subprocess

import pytest
from harness.stack import ROOT
from harness.worker import program

BLOCKS = re.findall(r"^```sh\n(.*?)^```", (ROOT / "docs" / "producers.md").read_text(), re.MULTILINE | re.DOTALL)
STACK = "source deploy/local/env"  # the test's own stack stands for the local one


@pytest.fixture
def built_in_the_sources():
    yield
    for folder in ("build", "oppen.egg-info"):
        shutil.rmtree(ROOT / "producers" / "python" / folder, ignore_errors=True)


def test_it_has_a_block_for_each_way():
    for way, block in zip((STACK, "submit.py", "submit mnist", "kcat -P"), BLOCKS, strict=True):
        assert way in block


@pytest.mark.parametrize("block", [block for block in BLOCKS if not block.startswith(STACK)], ids=["python", "cpp", "kcat"])
def test_the_commands_run_a_job(world, console, tmp_path, built_in_the_sources, block):
    environment = {
        **os.environ,
        "HOME": str(tmp_path),
        **world.stack.env,
        "PATH": f"{pathlib.Path(program('oppen')).parent}:{os.environ['PATH']}",
    }
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=400, check=False
    )
    assert done.returncode == 0 and "succeeded" in done.stdout, done.stdout + done.stderr
