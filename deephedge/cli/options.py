"""Options that several commands have."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

Json = Annotated[bool, Parameter(help="Print JSON on standard output.", negative=())]
Quiet = Annotated[bool, Parameter(help="No progress bar.", negative=())]
Out = Annotated[Path, Parameter(help="The folder to write to.")]
