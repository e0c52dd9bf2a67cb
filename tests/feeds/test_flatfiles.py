"""Files become a tape: formats, defects with a decision each, errors in one sentence."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core.feeds.flatfiles.tape import Sources, Tape, load
from core.market.panel import CLOSE, HIGH, LOW, OPEN, VOLUME
from core.model.errors import OperatorError
from core.model.market import ActionKind, Floats
from tests.feeds.files import DAYS, HEAD, day_file, flat, table


def bar(tape: Tape, symbol: str, day: date) -> Floats:
    return tape.bars[:, tape.days.index(day), tape.symbols.index(symbol)]


def test_tickers_that_look_like_missing_values_are_tickers(tmp_path: Path) -> None:
    rows = [row for symbol in ("NA", "NAN", "TRUE", "null", "BRK-B") for row in flat(symbol, DAYS[:2])]
    tape = load(Sources(table(tmp_path / "bars.csv", rows)))
    assert tape.symbols == ("BRK-B", "NA", "NAN", "TRUE", "null")
    assert tape.defects == {}
    assert not np.isnan(tape.bars).any()


def test_a_folder_of_polygon_flat_files_is_read_as_traded(tmp_path: Path) -> None:
    for day in DAYS[:3]:
        day_file(tmp_path, day, ["NA,1200,10,10.5,11,9.5", "AAPL,5,100,101,102,99"])
    tape = load(Sources(tmp_path))
    assert tape.raw
    assert tape.symbols == ("AAPL", "NA")
    assert tape.days == DAYS[:3]
    assert bar(tape, "NA", DAYS[1]).tolist() == [10.0, 11.0, 9.5, 10.5, 1200.0]


def test_a_table_and_flat_files_with_the_same_bars_agree(tmp_path: Path) -> None:
    for day in DAYS[:3]:
        day_file(tmp_path / "flat", day, ["A,7,1,2,3,0.5"])
    csv = table(tmp_path / "bars.csv", [f"A,{day},1,3,0.5,2,7" for day in DAYS[:3]])
    columns = {"symbol": ["A"] * 3, "date": list(DAYS[:3]), "open": [1.0] * 3, "high": [3.0] * 3, "low": [0.5] * 3}
    parquet = tmp_path / "bars.parquet"
    pq.write_table(pa.table(columns | {"close": [2.0] * 3, "volume": [7] * 3, "adj_factor": [0.5] * 3}), parquet)
    one, two, three = (load(Sources(path)) for path in (tmp_path / "flat", csv, parquet))
    assert one.bars.tobytes() == two.bars.tobytes() == three.bars.tobytes()
    assert (one.raw, two.raw, three.raw) == (True, False, False)


PLANTED = [
    ("close missing or not positive, bar dropped", "9,11,8,,5", None),
    ("close missing or not positive, bar dropped", "9,11,8,-3,5", None),
    ("close missing or not positive, bar dropped", "9,11,8,0,5", None),
    ("close missing or not positive, bar dropped", "9,11,8,inf,5", None),
    ("open missing, close taken", ",11,8,10,5", [10, 11, 8, 10, 5]),
    ("open missing, close taken", "0,11,8,10,5", [10, 11, 8, 10, 5]),
    ("open tenfold off the close, close taken", "1000,11,8,10,5", [10, 11, 8, 10, 5]),
    ("high or low inside open and close, widened", "9,9.5,8,10,5", [9, 10, 8, 10, 5]),
    ("high or low inside open and close, widened", "9,11,9.5,10,5", [9, 11, 9, 10, 5]),
    ("high or low inside open and close, widened", "9,8,11,10,5", [9, 10, 9, 10, 5]),
    ("high or low missing, taken from open and close", "9,nan,8,10,5", [9, 10, 8, 10, 5]),
    ("high or low missing, taken from open and close", "9,11,0,10,5", [9, 11, 9, 10, 5]),
    ("high or low tenfold off, taken from open and close", "9,1100,8,10,5", [9, 10, 8, 10, 5]),
    ("high or low tenfold off, taken from open and close", "9,11,0.08,10,5", [9, 11, 9, 10, 5]),
    ("volume missing or negative, taken as 0", "9,11,8,10,", [9, 11, 8, 10, 0]),
    ("volume missing or negative, taken as 0", "9,11,8,10,-4", [9, 11, 8, 10, 0]),
    ("no volume, bar kept", "9,11,8,10,0", [9, 11, 8, 10, 0]),
]


@pytest.mark.parametrize(("defect", "values", "repaired"), PLANTED)
def test_a_planted_defect_meets_its_decision_and_is_counted(
    tmp_path: Path, defect: str, values: str, repaired: list[float] | None
) -> None:
    rows = [*flat("A", DAYS[:2]), f"A,{DAYS[2]},{values}", *flat("A", DAYS[3:5])]
    tape = load(Sources(table(tmp_path / "bars.csv", rows)))
    assert tape.defects == {defect: 1}
    found = bar(tape, "A", DAYS[2])
    assert np.isnan(found).all() if repaired is None else found.tolist() == repaired
    assert bar(tape, "A", DAYS[3]).tolist() == [10, 10, 10, 10, 100]


def test_of_two_rows_for_the_same_day_the_last_one_stays(tmp_path: Path) -> None:
    rows = [*flat("A", DAYS[:2]), *flat("A", DAYS[1:2], price=12.0)]
    tape = load(Sources(table(tmp_path / "bars.csv", rows)))
    assert tape.defects == {"second row for the same symbol and day": 1}
    assert bar(tape, "A", DAYS[1])[CLOSE] == 12.0


def test_rows_of_a_weekend_or_without_symbol_or_date_are_left_out(tmp_path: Path) -> None:
    rows = [*flat("A", DAYS[:4]), *flat("A", [date(2024, 1, 6)]), *flat("", DAYS[:1]), "A,,1,1,1,1,1"]
    tape = load(Sources(table(tmp_path / "bars.csv", rows)))
    assert tape.days == DAYS[:4]
    assert tape.defects == {"row on a day without a session": 1, "row without symbol or date": 2}


def test_a_spike_that_comes_back_is_dropped_and_a_new_level_is_believed_at_its_second_bar(tmp_path: Path) -> None:
    spike = [*flat("SPIKE", DAYS[:3]), *flat("SPIKE", DAYS[3:4], 1000.0), *flat("SPIKE", DAYS[4:8])]
    level = [*flat("LEVEL", DAYS[:3]), *flat("LEVEL", DAYS[3:8], 0.5)]
    tape = load(Sources(table(tmp_path / "bars.csv", [*spike, *level])))
    assert tape.defects == {"close tenfold off the last one, bar dropped": 2}
    for symbol, after in (("SPIKE", 10.0), ("LEVEL", 0.5)):
        assert np.isnan(bar(tape, symbol, DAYS[3])).all()
        assert bar(tape, symbol, DAYS[4])[CLOSE] == after


def test_no_decision_about_a_bar_needs_a_later_bar(tmp_path: Path) -> None:
    random = np.random.default_rng(5)
    rows = []
    for symbol in "ABC":
        for day in DAYS:
            values = np.where(random.random(5) < 0.15, random.choice([0.01, 1000.0, -1.0]), 10.0)
            rows.append(",".join([symbol, str(day), *(str(value) for value in values)]))
    whole = load(Sources(table(tmp_path / "bars.csv", rows)))
    for cut in (1, 5, 9, 13, 16):
        kept = [row for row in rows if date.fromisoformat(row.split(",")[1]) <= DAYS[cut]]
        part = load(Sources(table(tmp_path / "cut.csv", kept)))
        assert part.bars.tobytes() == whole.bars[:, : cut + 1].tobytes()


ACTIONS = "symbol,ex_date,kind,split_ratio,dividend,confirmed"


def test_a_known_split_is_no_bad_tick(tmp_path: Path) -> None:
    rows = [*flat("A", DAYS[:3], 300.0), *flat("A", DAYS[3:6], 15.0)]
    actions = table(tmp_path / "actions.csv", [f"A,{DAYS[3]},split,20,,True"], ACTIONS)
    tape = load(Sources(table(tmp_path / "bars.csv", rows), actions=actions))
    assert tape.raw
    assert tape.defects == {}
    (split,) = tape.actions[3]
    assert (split.kind, split.value, split.day) == (ActionKind.SPLIT, Decimal("20.0"), DAYS[3])


def test_actions_are_sorted_out_with_a_reason_each(tmp_path: Path) -> None:
    rows = [row for symbol in "AB" for row in flat(symbol, DAYS[:8])]
    planted = [
        f"A,{date(2024, 1, 7)},split,0.333333,,True",  # a Sunday: the next session
        f"A,{DAYS[6]},cash_or_stock_dividend,,0.25,True",
        f"B,{DAYS[3]},split,2,,False",
        f"B,{DAYS[3]},unclear,1.2,,True",
        f"Z,{DAYS[3]},split,2,,True",
        f"B,{date(2030, 1, 2)},split,2,,True",
        f",{DAYS[3]},split,2,,True",
    ]
    tape = load(Sources(table(tmp_path / "bars.csv", rows), actions=table(tmp_path / "actions.csv", planted, ACTIONS)))
    assert tape.defects == {
        "corporate action outside of the bars, left out": 2,
        "corporate action without symbol or date": 1,
        "split of an unclear kind, left out": 1,
        "split that prices did not follow, left out": 1,
    }
    (third,), (dividend,) = tape.actions[4], tape.actions[6]
    assert third.value == Decimal(1) / 3
    assert third.day == DAYS[4]
    assert (dividend.kind, dividend.value) == (ActionKind.DIVIDEND, Decimal("0.25"))


def test_splits_are_left_out_where_prices_are_adjusted_already(tmp_path: Path) -> None:
    rows = [row + ",0.9" for row in flat("A", DAYS[:5])]
    actions = table(tmp_path / "actions.csv", [f"A,{DAYS[3]},split,2,,True", f"A,{DAYS[2]},,0,0.1,"], ACTIONS)
    tape = load(Sources(table(tmp_path / "bars.csv", rows, HEAD + ",adj_factor"), actions=actions))
    assert not tape.raw
    assert tape.defects == {"split left out because prices are adjusted already": 1}
    assert [action.kind for found in tape.actions.values() for action in found] == [ActionKind.DIVIDEND]


def test_a_name_without_bars_for_ten_sessions_counts_as_delisted_on_the_next(tmp_path: Path) -> None:
    rows = [*flat("A", DAYS), *flat("GONE", DAYS[:4], 3.0), *flat("BACK", (*DAYS[:4], *DAYS[13:]))]
    tape = load(Sources(table(tmp_path / "bars.csv", rows)))
    ((place, (end,)),) = tape.actions.items()
    assert (place, end.symbol, end.kind, end.value) == (14, "GONE", ActionKind.DELISTING, Decimal("3.0000"))
    assert tape.until(DAYS[13]).actions == {}


def test_a_delisting_that_a_file_tells_comes_on_its_day_and_once(tmp_path: Path) -> None:
    rows = [*flat("A", DAYS), *flat("GONE", DAYS[:4], 3.0)]
    actions = table(tmp_path / "actions.csv", [f"GONE,{DAYS[4]},delisting,,2.5,"], ACTIONS)
    tape = load(Sources(table(tmp_path / "bars.csv", rows), actions=actions))
    ((place, (end,)),) = tape.actions.items()
    assert (place, end.value) == (4, Decimal("2.5"))


def test_sessions_to_earnings_count_down_and_say_where_no_calendar_covers_a_name(tmp_path: Path) -> None:
    rows = [row for symbol in "ABC" for row in flat(symbol, DAYS)]
    reports = [f"A,{DAYS[5]},post", f"B,{DAYS[5]},pre"]
    earnings = table(tmp_path / "earnings.csv", reports, "symbol,date,release_time")
    tape = load(Sources(table(tmp_path / "bars.csv", rows), earnings=earnings))
    assert tape.reports is not None
    assert tape.reports[:, 0].tolist() == [5, 4, 3, 2, 1, 0, *[999] * 12]
    assert tape.reports[:, 1].tolist() == [5, 4, 3, 2, 1, 999, *[999] * 12]
    assert tape.reports[:, 2].tolist() == [-1] * 18


def test_two_index_files_are_joined_at_the_level_of_the_first(tmp_path: Path) -> None:
    first = table(tmp_path / "one.csv", [f"{day},10,10,10,10,1" for day in DAYS[:4]], "date,open,high,low,close,volume")
    second = table(tmp_path / "two.csv", [f"SPY,{day},{price}" for day, price in zip(DAYS[3:6], (20, 22, 23), strict=True)],
                   "symbol,date,close")  # fmt: skip
    tape = load(Sources(table(tmp_path / "bars.csv", flat("A", DAYS)), index=(second, first)))
    assert tape.regimes is not None
    assert [tape.regimes[day].close for day in DAYS[:6]] == [10, 10, 10, 10, 11, 11.5]
    assert tape.regimes[DAYS[4]].day_change == pytest.approx(0.1)
    assert tape.regimes[DAYS[5]].above_sma200 is None


def test_rates_fall_back_and_age(tmp_path: Path) -> None:
    rates = table(tmp_path / "rates.csv", [f"{DAYS[0]},5.0,5.3", f"{DAYS[1]},,5.4"], "date,DGS3MO,DFF")
    tape = load(Sources(table(tmp_path / "bars.csv", flat("A", DAYS)), rates=rates))
    assert tape.rates is not None
    assert tape.rates.at(DAYS[0]) == pytest.approx(0.05)
    assert tape.rates.at(DAYS[4]) == pytest.approx(0.054)
    assert tape.rates.at(date(2024, 1, 11)) is None
    assert tape.rates.at(date(2023, 12, 29)) is None


def test_the_fingerprint_is_that_of_the_content_and_not_of_the_names(tmp_path: Path) -> None:
    one = load(Sources(table(tmp_path / "one.csv", flat("A", DAYS))))
    two = load(Sources(table(tmp_path / "two.csv", flat("A", DAYS))))
    other = load(Sources(table(tmp_path / "other.csv", flat("A", DAYS, volume=101))))
    assert one.fingerprint == two.fingerprint != other.fingerprint


def test_bad_input_is_one_sentence_naming_file_and_remedy(tmp_path: Path) -> None:
    good = table(tmp_path / "good.csv", flat("A", DAYS))
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(b"no parquet")
    empty = tmp_path / "empty.csv"
    empty.write_bytes(b"")
    cases = {
        tmp_path / "missing.csv": "missing.csv does not exist",
        broken: "broken.parquet cannot be read",
        empty: "empty.csv cannot be read",
        table(tmp_path / "head.csv", []): "head.csv holds no bars",
        table(
            tmp_path / "columns.csv", ["A,2024-01-02,1"], "symbol,date,close"
        ): "columns.csv has no column open, high, low, volume",
        table(tmp_path / "date.csv", ["A,2024-13-02,1,1,1,1,1"]): "date.csv, column date: '2024-13-02' is not a date",
        table(tmp_path / "number.csv", ["A,2024-01-02,1,1,1,ten,1"]): "number.csv, column close: 'ten' is not a number",
        table(tmp_path / "weekend.csv", flat("A", [date(2024, 1, 6), date(2024, 1, 7)])): "weekend.csv has no row",
    }
    for path, sentence in cases.items():
        with pytest.raises(OperatorError, match=sentence) as caught:
            load(Sources(path))
        assert "\n" not in str(caught.value)
        assert "give" in str(caught.value)
    (tmp_path / "nothing").mkdir()
    with pytest.raises(OperatorError, match="holds no flat files"):
        load(Sources(tmp_path / "nothing"))
    with pytest.raises(OperatorError, match=r"vix.csv has no column close"):
        load(Sources(good, vix=table(tmp_path / "vix.csv", ["2024-01-02,1"], "date,price")))
    with pytest.raises(OperatorError, match="several symbols"):
        load(Sources(good, index=(table(tmp_path / "index.csv", [*flat("X", DAYS), *flat("Y", DAYS)]),)))
    with pytest.raises(OperatorError, match="begin on 2024-01-02"):
        load(Sources(good)).until(date(2023, 12, 29))


def test_the_defects_found_in_real_sources_are_met(shared: Path) -> None:
    real = load(Sources(shared / "data/daily/real_defects.csv.gz"))
    there = ~np.isnan(real.bars[CLOSE])
    for field in (OPEN, HIGH, LOW, CLOSE):
        assert (real.bars[field][there] > 0).all()
    assert (real.bars[HIGH][there] >= np.fmax(real.bars[OPEN], real.bars[CLOSE])[there]).all()
    assert (real.bars[LOW][there] <= np.fmin(real.bars[OPEN], real.bars[CLOSE])[there]).all()
    assert (real.bars[VOLUME][there] >= 0).all()
    assert sum(real.defects.values()) > 200
    assert real.defects["row on a day without a session"] >= 18


def test_the_real_panel_has_the_shape_that_its_description_gives(shared: Path) -> None:
    tape = load(Sources(shared / "data/daily/panel_2007_2023.parquet"))
    assert (len(tape.symbols), tape.days[0], tape.days[-1]) == (400, date(2007, 1, 3), date(2023, 11, 8))
    assert int(np.count_nonzero(~np.isnan(tape.bars[CLOSE]))) == 1_609_344
    assert int(np.count_nonzero(~np.isnan(tape.bars[CLOSE, 0]))) == 360
    assert tape.defects["no volume, bar kept"] == 13_561
    assert not tape.raw
