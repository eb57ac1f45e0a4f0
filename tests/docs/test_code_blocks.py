"""The code of every page runs, from top to bottom, as a reader would run it."""

import ast
import dataclasses
import pathlib

import jax
import jaxtyping
import pytest
from pages import ROOT, blocks, name_of, pages

FIRST_EXAMPLE = ROOT / "experiments" / "first_example.py"
TUTORIALS = ROOT / "docs" / "tutorials"
"""Their pages are made of scripts, which run elsewhere: `test_tutorials.py`."""

SMALL: dict[str, dict[str, str]] = {
    "README.md": {"n_paths=1_000_000": "n_paths=4_096", "n_steps=200": "n_steps=2"},
    "docs/backtests.md": {"range(2003, 2019)": "range(2017, 2019)"},
    "docs/optimum.md": {
        "n_paths=1_000_000": "n_paths=4_096",
        "n_paths=400_000": "n_paths=4_096",
        "n_steps=400": "n_steps=2, n_paths=64, evaluation_paths=256",
    },
    "docs/training.md": {"n_steps=1_000": "n_steps=4, n_paths=64, validation_paths=256"},
}
"""What is put in the place of what, so that a page runs in seconds: sizes alone."""

LONG = (
    "docs/backtests.md",
    "docs/data.md",
    "docs/extending/claim.md",
    "docs/extending/cost.md",
    "docs/extending/market.md",
    "docs/extending/policy.md",
    "docs/extending/risk_measure.md",
    "docs/optimum.md",
    "docs/pitfalls.md",
    "docs/tour.md",
    "docs/training.md",
    *(
        f"docs/chapters/{name}.md"
        for name in (
            "backtest",
            "calibration",
            "claims",
            "classical",
            "insurance",
            "learned",
            "markets",
            "optimum",
            "overlays",
            "pricing",
            "reports",
            "rollout",
            "trading",
            "training",
        )
    ),
)
"""Pages that take long all the same; `test_extending.py` has what those on extending say."""

PAGES = [
    pytest.param(page, marks=pytest.mark.slow if name_of(page) in LONG else (), id=name_of(page))
    for page in pages()
    if any(block.is_python for block in blocks(page.read_text(encoding="utf-8")))
    and TUTORIALS not in page.parents
]


def imports_of(file: pathlib.Path) -> str:
    """The imports at the head of a program."""
    lines = [node for node in ast.parse(file.read_text()).body if _is_import(node)]
    return "\n".join(ast.unparse(node) for node in lines)


def _is_import(node: ast.stmt) -> bool:
    return isinstance(node, ast.Import | ast.ImportFrom)


def preamble(name: str) -> str:
    """README says that `experiments/first_example.py` has its imports; other pages have theirs."""
    return imports_of(FIRST_EXAMPLE) if name == "README.md" else ""


def python_blocks(page: pathlib.Path):
    """The page's code, each line of which stands on its line of the page."""
    text = page.read_text(encoding="utf-8")
    for old, new in SMALL.get(name_of(page), {}).items():
        assert old in text, f"the page no longer has {old!r}"
        text = text.replace(old, new)
    for block in blocks(text):
        if block.is_python:
            code = compile("\n" * block.line + block.code, str(page), "exec")
            yield block, code


@pytest.fixture
def as_a_user():
    """JAX and types as they are when nobody has set anything: the tests' own rules are stricter."""
    jaxtyping.config.update("jaxtyping_disable", True)
    with (
        jax.enable_x64(False),
        jax.numpy_dtype_promotion("standard"),
        jax.numpy_rank_promotion("allow"),
    ):
        yield
    jaxtyping.config.update("jaxtyping_disable", False)


@pytest.mark.parametrize("page", PAGES)
def test_the_blocks_of_a_page_run_in_order(page, as_a_user, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)  # what a page writes
    monkeypatch.setenv("MPLBACKEND", "Agg")
    namespace = {"__name__": "__main__"}
    exec(preamble(name_of(page)), namespace)
    for block, code in python_blocks(page):
        if block.is_run:
            exec(code, namespace)


@pytest.mark.parametrize("page", PAGES)
def test_a_block_that_does_not_run_says_why(page):
    for block, _ in python_blocks(page):
        at = f"{name_of(page)}:{block.line}"
        assert block.is_run or block.says_why, f'{at}: say "Not run: ..." in a line beside it'


def test_the_example_of_the_readme_is_the_program_but_for_its_imports():
    shown = next(b for b in blocks((ROOT / "README.md").read_text()) if b.is_python)
    assert "experiments/first_example.py" in shown.beside[1]
    program = ast.parse(FIRST_EXAMPLE.read_text()).body
    assert isinstance(program[0], ast.Expr)  # its docstring
    rest = [node for node in program[1:] if not _is_import(node)]
    assert ast.dump(ast.Module(rest, [])) == ast.dump(ast.parse(shown.code))
    assert len(shown.code.strip().splitlines()) <= 15


PAGE = """
One.

Not run: it never ends.

```python no-run
while True:
    pass
```

```python
x = 1
```
"""


def test_blocks_are_found_with_their_lines_and_reasons():
    first, second = blocks(PAGE)
    assert (first.line, first.is_run, first.says_why) == (6, False, True)
    assert (second.line, second.is_run, second.code) == (11, True, "x = 1\n")
    assert dataclasses.replace(first, beside=("One.", "")).says_why is False
