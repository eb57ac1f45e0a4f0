import datetime

import pytest

from deephedge.data import read_csv

BAD = """\
Day,Px,Vol
2014-01-06,101.0,12
2014-01-03,100.0,13
2014-01-06,999.0,12
31/01/2014,102.0,12
2014-01-07,,12
2014-01-08,-5.0,12
2014-01-09,abc,12
2014-01-10,103.0
2014-01-13,104.0,14

2014-01-24T16:00:00-05:00,105.0,15
"""


@pytest.fixture
def bad_file(tmp_path):
    file = tmp_path / "prices.csv"
    file.write_text(BAD)
    return file


def test_every_row_is_kept_or_reported(bad_file):
    records = read_csv(bad_file, date="Day", columns={"close": "Px", "vol": "Vol"})
    assert list(records.column("close")) == [100.0, 101.0, 104.0, 105.0]
    assert (records.first, records.last) == (
        datetime.date(2014, 1, 3),
        datetime.date(2014, 1, 24),
    )
    assert [(bad.row, bad.reason) for bad in records.report.dropped] == [
        (3, "2014-01-06: the date is there already"),
        (4, "the date is missing or unreadable"),
        (5, "2014-01-07: close is missing or unreadable"),
        (6, "2014-01-08: close is not positive"),
        (7, "2014-01-09: close is missing or unreadable"),
        (8, "2014-01-10: vol is missing or unreadable"),
    ]
    assert records.report.unsorted == 1
    assert records.report.read == len(records.frame) + len(records.report.dropped)


def test_gaps_count_the_business_days_between(bad_file):
    columns = {"close": "Px"}
    gaps = read_csv(bad_file, date="Day", columns=columns).report.gaps
    # After Monday 13: Tuesday 14 to Friday 17 and Monday 20 to Thursday 23 are missing.
    assert [(gap.after.day, gap.before.day, gap.business_days) for gap in gaps] == [(13, 24, 8)]
    assert read_csv(bad_file, date="Day", columns=columns, max_gap=8).report.gaps == ()


def test_the_report_reads_as_text(bad_file):
    text = str(read_csv(bad_file, date="Day", columns={"close": "Px"}, source="a desk"))
    assert "10 rows read, 5 kept, 5 dropped." in text
    assert "row 6: 2014-01-08: close is not positive" in text
    assert "a desk" in text


def test_numbers_that_may_be_negative_and_dates_in_another_format(tmp_path):
    file = tmp_path / "oil.csv"
    file.write_text("d;x\n".replace(";", ",") + "20.04.2020,-37.63\n21.04.2020,10.01\n")
    records = read_csv(file, date="d", columns={"oil": "x"}, positive=False, date_format="%d.%m.%Y")
    assert list(records.column("oil")) == [-37.63, 10.01]
    assert records.first == datetime.date(2020, 4, 20)


def test_a_trailing_comma_does_not_shift_the_columns(tmp_path):
    file = tmp_path / "trailing.csv"
    file.write_text("date,close\n2014-01-02,1.0,\n2014-01-03,2.0,\n")
    with pytest.warns(Warning, match="Length of header"):
        records = read_csv(file, date="date", columns={"close": "close"})
    assert list(records.column("close")) == [1.0, 2.0]


@pytest.mark.parametrize(
    ("text", "columns", "message"),
    [
        (None, {"close": "Px"}, "there is no such file"),
        ("", {"close": "Px"}, "the file is empty"),
        ("Day,Px\n", {"close": "Px"}, "there are no usable rows among 0"),
        ("Day,Px\n1/2/2014,5\n", {"close": "Px"}, "no usable rows among 1; row 1: the date is"),
        ("Day,Px\n2014-01-02,5\n", {"close": "Close"}, "there is no column 'Close'; the file has"),
        ("Date,Px\n2014-01-02,5\n", {"close": "Px"}, "there is no column 'Day'"),
        ("Day,Px\n2014-01-02,5\n", {}, "`columns` must name at least one"),
        ("Day,Px\n1,2\n1,2,3\n", {"close": "Px"}, "no usable rows|is not CSV"),
    ],
)
@pytest.mark.filterwarnings("ignore:Length of header")
def test_a_file_that_cannot_be_used_gives_one_clear_line(tmp_path, text, columns, message):
    file = tmp_path / "file.csv"
    if text is not None:
        file.write_text(text)
    with pytest.raises(ValueError, match=message) as error:
        read_csv(file, date="Day", columns=columns)
    assert "\n" not in str(error.value)


def test_a_folder_and_a_binary_file_are_refused(tmp_path):
    with pytest.raises(ValueError, match="cannot be read"):
        read_csv(tmp_path, date="d", columns={"a": "a"})
    file = tmp_path / "binary.csv"
    file.write_bytes(bytes([0xFF, 0xFE, 0x81, 0x0A]) * 20)
    with pytest.raises(ValueError, match=r"is not CSV|there is no column"):
        read_csv(file, date="d", columns={"a": "a"})
