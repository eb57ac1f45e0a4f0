"""The help of every command, its examples, and what completes it."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from deephedge.cli.app import app, command
from deephedge.cli.examples import EXAMPLES, PROGRAM

ROOT = Path(__file__).parents[2]
# `--help` and `--version` are commands to cyclopts.
COMMANDS = [name for name in app if not name.startswith("-")]
LINES = [
    line
    for text in EXAMPLES.values()
    for line in text.replace("\\\n", " ").strip().splitlines()
    if line
]


def test_every_command_has_an_example():
    assert set(EXAMPLES) == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_a_command_shows_its_example(name, capsys):
    command([name, "--help"])
    shown = capsys.readouterr().out
    assert "Examples:" in shown
    assert f"deephedge {name}" in shown.split("Examples:")[1]


def test_the_help_of_the_program_shows_examples(capsys):
    command(["--help"])
    assert PROGRAM.strip().splitlines()[0] in capsys.readouterr().out


@pytest.mark.parametrize("line", LINES)
def test_an_example_is_understood_and_its_files_are_there(line):
    words = shlex.split(re.split(r" >>? ", line.split("| ")[-1])[0])
    assert words[0] == "deephedge"
    function, *_ = app.parse_args(words[1:], exit_on_error=False, print_error=False)
    assert function.__name__ == words[1]
    files = [word for word in words if word.startswith("experiments/")]
    assert [file for file in files if not (ROOT / file).exists()] == []


LONG = ("american", "Barrier")
"""Claims whose values take long to compile."""


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(x, marks=pytest.mark.slow if any(word in x for word in LONG) else ())
        for x in LINES
        if re.search(r" (price|greeks) ", x)
    ],
)
def test_an_example_of_a_value_gives_one(line, capsys):
    assert command(shlex.split(line)[1:]) == 0
    assert re.search(r"price +\d", capsys.readouterr().out)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_names_every_command(shell, capsys):
    assert command(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert [name for name in COMMANDS if name not in script] == []


@pytest.mark.parametrize(
    ("typed", "offered"),
    [(["cal"], "calibrate"), (["run", "--res"], "--resume"), (["completion", "f"], "fish")],
)
@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_bash_completes(typed, offered, capsys):
    command(["completion", "bash"])
    words = " ".join(["deephedge", *typed])
    asked = (
        f"COMP_WORDS=({words}); COMP_CWORD={len(typed)}; COMP_LINE='{words}'; "
        f'COMP_POINT={len(words)}; _deephedge; printf "%s\\n" "${{COMPREPLY[@]}}"'
    )
    script = capsys.readouterr().out + asked
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True)
    assert offered in done.stdout.split(), done.stderr


def test_another_shell_is_refused(capsys):
    assert command(["completion", "tcsh"]) == 2
    assert "bash" in capsys.readouterr().err
