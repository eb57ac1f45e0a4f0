"""The command lines of the pages: all can be read, and those that show an answer give it."""

import dataclasses
import math
import pathlib
import shlex

import pytest
from pages import ROOT, Block, blocks, name_of, pages

from deephedge.cli.app import app, command


@dataclasses.dataclass(frozen=True)
class Command:
    """A line `deephedge ...` of a page, continuation lines joined, and the answer shown below."""

    where: str
    words: tuple[str, ...]
    answer: str


def commands(where: str, block: Block) -> list[Command]:
    """The commands of one block; what stands below one, up to the next, is its answer.

    A block fenced as `bash` is a program, whose lines are all commands: it shows no answers.
    """
    found: list[tuple[str, list[str]]] = []
    for line in block.code.replace("\\\n", " ").splitlines():
        if line.startswith("deephedge "):
            found.append((line, []))
        elif found and not block.info:
            found[-1][1].append(line)
    return [
        Command(where, tuple(shlex.split(line, comments=True))[1:], "\n".join(answer).strip())
        for line, answer in found
    ]


ALL = [
    found
    for page in pages()
    for block in blocks(page.read_text(encoding="utf-8"))
    if not block.is_python
    for found in commands(f"{name_of(page)}:{block.line}", block)
]
ANSWERED = [found for found in ALL if found.answer]


def named(found: Command) -> str:
    return f"{found.where} {' '.join(found.words)[:40]}"


@pytest.mark.parametrize("found", ALL, ids=named)
def test_the_line_can_be_read_and_its_studies_are_there(found):
    app.parse_args(list(found.words), exit_on_error=False, print_error=False)
    for word in found.words:
        if word.startswith("experiments/"):
            assert (ROOT / word).is_file()


@pytest.mark.parametrize(
    "found",
    [pytest.param(x, marks=pytest.mark.slow if "AmericanPut" in x.words else ()) for x in ANSWERED],
    ids=named,
)
def test_the_answer_is_the_one_shown(found, capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    assert command(found.words) == 0
    got = capsys.readouterr().out.split()
    shown = found.answer.split()
    assert len(got) == len(shown), got
    for value, expected in zip(got, shown, strict=True):
        assert value == expected or agree(value, expected), (value, expected)


def agree(value: str, expected: str) -> bool:
    """Two numbers that differ by rounding: computers do not add in one order."""
    try:
        return math.isclose(float(value), float(expected), rel_tol=1e-10)
    except ValueError:
        return False


def test_the_readme_shows_answers():
    assert sum(found.where.startswith("README.md") for found in ANSWERED) >= 2


def test_a_command_is_read_over_several_lines(tmp_path: pathlib.Path):
    text = (
        "```\ndeephedge price call \\\n    --vol 0.2  # yearly\nprice  1.5\ndeephedge doctor\n```\n"
    )
    first, second = commands("page", next(blocks(text)))
    assert first.words == ("price", "call", "--vol", "0.2") and first.answer == "price  1.5"
    assert second.words == ("doctor",) and second.answer == ""
    (only,) = commands("page", next(blocks("```bash\ndeephedge doctor\nls\n```\n")))
    assert only.answer == ""
