"""A hook of mkdocs: a page of the reference for every package, from what its `__init__.py` exports.

Nothing is listed by hand: see `public_names`.
"""

import ast
from collections.abc import Iterator, Mapping

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from public_names import ROOT, public_names


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages."""
    pages = public_names()
    for page, names in pages.items():
        text = "\n".join(page_lines(page, names))
        files.append(File.generated(config, f"reference/{page}.md", content=text))
    text = "\n".join(index_lines(pages))
    files.append(File.generated(config, "reference/index.md", content=text))
    return files


def on_page_content(content: str, **_: object) -> str:
    """Marks the line that says where a thing comes from, so that it can be set apart."""
    return content.replace("<p>Reference: ", '<p class="reference">Reference: ')


def page_lines(page: str, names: Mapping[str, str]) -> Iterator[str]:
    """A title, what the package is, a table of its names, and the entry of each."""
    package = f"deephedge.{page.replace('/', '.')}"
    yield f"---\ntitle: {page.replace('/', ' · ')}\n---\n"
    yield f"# `{package}`\n"
    yield package_words(page) + "\n"
    yield "| name | what it is |\n|---|---|"
    for public, origin in names.items():
        label = public.split(".", 2)[2]
        yield f"| [`{label}`][{entry(public, origin)}] | {first_line(origin)} |"
    yield ""
    for public, origin in names.items():
        if entry(public, origin) != public:
            yield f'<a id="{public}"></a>\n'
        yield f"::: {entry(public, origin)}\n"


def entry(public: str, origin: str) -> str:
    """What an entry is made of: the public path, unless that is a module's too."""
    return origin if public == origin.rpartition(".")[0] else public


def index_lines(pages: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    """The table of the pages."""
    yield "# Reference\n"
    yield "Every public name, from its docstring: a page a package.\n"
    yield "| package | what is in it | names |\n|---|---|---|"
    for page, names in pages.items():
        package = f"deephedge.{page.replace('/', '.')}"
        yield f"| [`{package}`]({page}.md) | {package_words(page)} | {len(names)} |"
    yield "\nAnd [the command line](command_line.md)."


def package_words(page: str) -> str:
    """The docstring of a package."""
    tree = ast.parse((ROOT / "deephedge" / page / "__init__.py").read_text(encoding="utf-8"))
    return ast.get_docstring(tree) or ""


def first_line(origin: str) -> str:
    """What the docstring of a class, a function or a constant begins with."""
    module, name = origin.rsplit(".", 1)
    file = (ROOT / module.replace(".", "/")).with_suffix(".py")
    body = ast.parse(file.read_text(encoding="utf-8")).body
    for each, following in zip(body, [*body[1:], None], strict=True):
        if isinstance(each, ast.FunctionDef | ast.ClassDef) and each.name == name:
            return shortened(ast.get_docstring(each))
        if isinstance(each, ast.ImportFrom) and name in (alias.asname for alias in each.names):
            return first_line(f"{each.module}.{name}")
        if (
            isinstance(each, ast.Assign | ast.AnnAssign)
            and name in ast.unparse(each).split(" = ")[0]
        ):
            is_text = isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant)
            return shortened(str(following.value.value) if is_text else "")
    return ""


def shortened(docstring: str | None) -> str:
    """The first paragraph, for the cell of a table."""
    return " ".join((docstring or "").split("\n\n")[0].split()).replace("|", "\\|")
