"""What is written as TOML reads back as it was."""

import datetime
import tomllib

from hypothesis import given
from hypothesis import strategies as st

from deephedge.cli.toml import toml_text

text = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=8)
plain = (
    st.booleans()
    | st.integers(-(2**62), 2**62)
    | st.floats(allow_nan=False, allow_infinity=False)
    | text
    | st.dates(min_value=datetime.date(1900, 1, 1))
)
values = st.recursive(
    plain, lambda v: st.lists(v, max_size=3) | st.dictionaries(text, v, max_size=3), max_leaves=8
)


@given(st.dictionaries(text, values, max_size=4))
def test_round_trip(tables):
    assert tomllib.loads(toml_text(tables)) == tables
