"""A hook of mkdocs: a page of every command and option, from the command line itself."""

import re

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from deephedge.cli.app import app
from deephedge.cli.examples import EXAMPLES


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the page."""
    files.append(File.generated(config, "reference/command_line.md", content=page()))
    return files


def page() -> str:
    """What cyclopts writes of the program, with an example after each command's usage."""
    text = app.generate_docs(output_format="markdown", usage_name="deephedge")
    text = re.sub(r"^## Table of Contents.*?(?=^\*\*Commands\*\*)", "", text, flags=re.S | re.M)
    text = text.replace("# deephedge\n", "# Command line\n", 1)
    for command, examples in EXAMPLES.items():
        usage = re.compile(rf"(^## deephedge {command}\n\n```console\n.*?```\n)", re.S | re.M)
        text, count = usage.subn(lambda found, e=examples: f"{found[1]}\n```console{e}```\n", text)
        assert count == 1, f"the page of the command line has no section of {command}"
    return text
