"""The installed C++ client: the example of docs/examples/cpp, built against it as a user would, submits to the real thing and waits."""

import os
import pathlib
import shlex
import subprocess

import pytest
from harness.stack import ROOT
from harness.worker import program

EXAMPLE = ROOT / "docs" / "examples" / "cpp"


def run(*arguments, **environment):
    command = [str(argument) for argument in arguments]
    done = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, timeout=300, check=False)
    return done.returncode, done.stdout, done.stdout + done.stderr


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    build = pathlib.Path(program("oppen")).parent.parent
    folder = tmp_path_factory.mktemp("installed")
    code, _, told = run("cmake", "--install", build, "--component", "client", "--prefix", folder)
    assert code == 0, told
    return folder


def by_cmake(installed, folder):
    """find_package(oppen)"""
    code, _, told = run("cmake", "-S", EXAMPLE, "-B", folder, f"-DCMAKE_PREFIX_PATH={installed}")
    assert code == 0, told
    code, _, told = run("cmake", "--build", folder)
    assert code == 0, told


def by_pkg_config(installed, folder):
    """pkg-config oppen"""
    code, flags, told = run("pkg-config", "--cflags", "--libs", "oppen", PKG_CONFIG_PATH=str(installed / "lib" / "pkgconfig"))
    assert code == 0, told
    options = ["-std=c++20", "-Wall", "-Wextra", "-Werror", *shlex.split(flags)]
    code, _, told = run("c++", EXAMPLE / "submit.cpp", *options, "-o", folder / "submit")
    assert code == 0, told


@pytest.mark.parametrize("built", [by_cmake, by_pkg_config])
def test_the_example_is_built_against_it_and_runs_a_job(world, installed, tmp_path, built):
    built(installed, tmp_path)
    brokers = world.stack.env["OPPEN_KAFKA_BROKERS"]
    code, out, told = run(tmp_path / "submit", OPPEN_KAFKA_BROKERS=brokers)
    assert (code, out.split()[2]) == (0, "succeeded"), told
    job_id = out.split()[1]
    assert world.bus.wait_event(job_id, "succeeded")["epochs"] == 2
    code, _, told = run(tmp_path / "submit", "no model", OPPEN_KAFKA_BROKERS=brokers)
    assert code == 2 and 'model_type is "no model"' in told
