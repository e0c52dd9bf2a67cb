"""Slices of real prices, small enough to replay within a test."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bot import settings
from bot.replay import Request, replay
from brokers.paper import PaperBroker, PaperSettings, Surroundings
from core.feeds.flatfiles.tape import Sources

#: Loose gates and small trades, so that a short slice holds many positions; every threshold is a setting of its own.
LOOSE = """
engine: {expression: EXPRESSION, risk_per_trade: 0.002, max_cards: 40}
strategies:
  atr_matrix:
    {min_price: 1.0, min_dollar_volume: 0.0, min_atr_percent: 0.0, min_relative_strength: 0.0, max_low_distance: 1000.0,
    min_range_position: 0.0, quiet_sessions: 0, stop_atr: 4.0, max_signals: 40}
rules:
  off: [correlation, sector, losing_streak, vix, strategy_heat, price_drift, trades_per_day]
"""


def loose(expression: str) -> settings.Settings:
    return settings.load(LOOSE.replace("EXPRESSION", expression), {})


def rows(path: Path, first: date, last: date) -> pa.Table:
    """Rows of a Parquet file between two days."""
    table = pq.read_table(path)
    days = table["date"].cast(pa.date32())
    return table.filter(pc.and_(pc.greater_equal(days, first), pc.less_equal(days, last)))


def of_symbols(table: pa.Table, symbols: Sequence[str]) -> pa.Table:
    return table.filter(pc.is_in(table["symbol"], pa.array(symbols)))


def lively(table: pa.Table, count: int) -> list[str]:
    """Names with the widest days among those that trade a lot: where this strategy finds something."""
    span = pc.divide(table["high"], table["low"])
    dollars = pc.multiply(table["close"].cast(pa.float64()), table["volume"].cast(pa.float64()))
    grouped = pa.table({"symbol": table["symbol"], "span": span, "dollars": dollars}).group_by("symbol")
    means = grouped.aggregate([("span", "mean"), ("dollars", "mean"), ("span", "count")]).to_pylist()
    most = max(row["span_count"] for row in means)
    whole = [row for row in means if row["dollars_mean"] >= 30e6 and row["span_count"] == most]
    return sorted(row["symbol"] for row in sorted(whole, key=lambda row: (-row["span_mean"], row["symbol"]))[:count])


def panel(shared: Path, folder: Path) -> Sources:
    """Fifty names of the adjusted panel over two and a half years, with everything that belongs beside the bars."""
    daily, macro = shared / "data/daily", shared / "data/macro"
    table = rows(daily / "panel_2007_2023.parquet", date(2013, 6, 3), date(2015, 12, 31))
    pq.write_table(of_symbols(table, lively(table, 50)), folder / "panel.parquet")
    return Sources(
        folder / "panel.parquet",
        index=(daily / "etf_adjusted_2005_2017.parquet",),
        earnings=shared / "data/events/earnings_2012_2019.csv.gz",
        vix=macro / "vix_daily.csv.gz",
        rates=macro / "us_rates_daily.csv.gz",
        sectors=daily / "panel_symbols.csv",
    )


def raw(shared: Path, folder: Path) -> Sources:
    """Names as traded that split, pay dividends or leave the market, with their corporate actions."""
    daily = shared / "data/daily"
    table = pq.read_table(daily / "raw_unadjusted_2015_2017.parquet")
    early = rows(daily / "raw_unadjusted_2015_2017.parquet", date.min, date(2016, 1, 4))
    symbols = sorted(pc.unique(early["symbol"]).to_pylist())
    splitters = ["AA", "AOS", "CAC", "CHD", "CMCSA", "EGLE", "GENC", "HRL", "LKFN", "LNT", "MNST", "SHEN", "SSNC", "SYNT", "TLK"]
    others = [symbol for symbol in symbols[::7] if symbol not in splitters]
    pq.write_table(of_symbols(table, [*splitters, *others]), folder / "raw.parquet")
    actions = daily / "raw_2015_2017_corporate_actions.csv.gz"
    return Sources(folder / "raw.parquet", actions=actions, rates=shared / "data/macro/us_rates_daily.csv.gz")


class KeptPaper(PaperSettings):
    """The paper broker as shipped; the ledger stays at hand after the replay, so that somebody can look into it.

    What was opened is no field, so that it is no part of the fingerprint of the settings.
    """

    opened: PaperBroker

    async def open(self, account: str, start_cash: Decimal, ledger: Path | None, around: Surroundings) -> PaperBroker:
        broker = await PaperSettings.open(self, account, start_cash, ledger, around)
        object.__setattr__(self, "opened", broker)
        return broker


@dataclass(frozen=True, slots=True)
class Run:
    """One finished replay and the broker that it traded with."""

    request: Request
    summary: Mapping[str, Any]
    broker: PaperBroker

    @property
    def out(self) -> Path:
        return self.request.out


def run(request: Request) -> Run:
    kept = KeptPaper()
    summary = replay(replace(request, settings=replace(request.settings, broker=kept)))
    return Run(request, summary, kept.opened)


def request(sources: Sources, days: tuple[date, date], out: Path, chosen: settings.Settings | None = None) -> Request:
    return Request(sources, days[0], days[1], out, approve=True, settings=chosen or settings.load("", {}))


def again(done: Run, out: Path, **changes: Any) -> Run:
    return run(replace(done.request, out=out, **changes))


def cut(done: Run, folder: Path, day: date) -> Run:
    """Replay as if the files of bars ended on the day."""
    path = folder / f"until_{day}.parquet"
    pq.write_table(rows(done.request.sources.bars, date.min, day), path)
    return again(done, folder / f"out_{day}", sources=replace(done.request.sources, bars=path), last=day)
