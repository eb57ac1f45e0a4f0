r"""A hook of mkdocs: formulas become MathML when the site is built; reading needs no script.

`pymdownx.arithmatex` finds `$…$` and `$$…$$` in pages and docstrings and wraps them; here what it
wrapped is converted, and the font of the formulas is copied beside the pages.
"""

import html
import logging
import re
from importlib.util import find_spec
from pathlib import Path

from latex2mathml.converter import convert
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

LOG = logging.getLogger("mkdocs.hooks.mathematics")
FONT = "assets/STIXTwoMath-Regular.ttf"
WRAPPED = re.compile(
    r'(?P<dollar>\$?)<span class="arithmatex">\\\((?P<inline>.*?)\\\)</span>(?P=dollar)'
    r'|<div class="arithmatex">\s*\\\[(?P<block>.*?)\\\]\s*</div>',
    re.DOTALL,
)
CODE = re.compile(r"<(pre|code)\b.*?</\1>", re.DOTALL)
LEFT = re.compile(r"\$<math|</math>\$|\$[^$<\n]*\\[a-zA-Z]+[^$<\n]*\$?")
SLASH = '<mo lspace="0" rspace="0">&#x0002F;</mo>'  # a fraction in a line, not a sum
FUNCTIONS = "log|exp|det|sin|cos|tan|cot|sinh|cosh|tanh|arcsin|max|min|sup|inf"
# What the converter does not know, said in words that it knows.
REWRITTEN = (
    (re.compile(r"\\arg\b"), r"\\operatorname{arg}\\,"),
    (re.compile(r"P\\&L"), r"P&L"),
    (re.compile(r"\\[bB]igg?l\\(\{|lceil|lfloor)"), r"\\left\\\1 "),
    (re.compile(r"\\[bB]igg?r\\(\}|rceil|rfloor)"), r"\\right\\\1 "),
    # TeX leaves a thin space between a function's name and a letter after it.
    (re.compile(rf"\\({FUNCTIONS})\s*(?=[A-Za-z]|\\[a-z])(?!\\,)"), r"\\\1\\,"),
)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Puts the font beside the pages."""
    package = find_spec("ziamath")
    assert package is not None and package.origin is not None, "the extra `docs` installs ziamath"
    font = Path(package.origin).parent / "fonts" / "STIXTwoMath-Regular.ttf"
    files.append(File.generated(config, FONT, content=font.read_bytes()))
    return files


def on_page_content(content: str, page: Page, **_: object) -> str:
    """Converts every formula; a command that the converter did not know fails a strict build."""

    def mathml(found: re.Match[str]) -> str:
        tex = html.unescape(found["inline"] or found["block"])
        # A formula of `$$` that touches the text is found as one of `$` between two dollars.
        is_inline = found["inline"] and not found["dollar"]
        for pattern, replacement in REWRITTEN:
            tex = pattern.sub(replacement, tex)
        converted = convert(tex, display="inline" if is_inline else "block")
        if "\\" in re.sub(r"<[^>]*>", "", converted):
            LOG.warning("%s: a formula was not understood: %s", page.file.src_uri, tex)
        return converted.replace("<mo>&#x0002F;</mo>", SLASH)

    content = WRAPPED.sub(mathml, content)
    for left in LEFT.findall(CODE.sub("", content)):
        LOG.warning("%s: a formula was left as it is: %s", page.file.src_uri, left)
    return content
