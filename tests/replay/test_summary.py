"""Every figure of the summary, computed a second time from the journal."""

import json
from collections import Counter
from collections.abc import Callable
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path
from statistics import fmean

import pytest

from core.model.orders import Movement
from core.model.proposals import Decision
from core.model.signals import Intent
from tests.replay.books import facts, notes
from tests.replay.slices import Run

CENT = Decimal("0.01")


def check(run: Run) -> None:
    found, said = facts(run.out), run.summary
    assert said["sessions"] == len(found.equity) == len({point.day for point in found.equity})
    assert (said["from"], said["to"]) == (found.equity[0].day.isoformat(), found.equity[-1].day.isoformat())
    assert said["fills"] == len(found.fills)
    assert said["orders"] == Counter(order.state.value for order in found.orders)
    assert said["proposals"] == Counter(stored.state.value for stored in found.proposals)
    assert said["signals"]["opening"] == sum(signal.intent is Intent.OPEN for signal in found.signals)
    assert said["signals"]["closing"] == Counter(s.cause for s in found.signals if s.intent is Intent.CLOSE)
    assert sum(said["notes"].values()) == len(notes(run.out))
    assert said["notes"] == Counter(json.loads(line)["topic"] for line in notes(run.out))


def check_results(run: Run) -> None:
    """Won, lost and averages from the executions and movements alone, not from what positions say of themselves."""
    found, said = facts(run.out), run.summary["positions"]
    closed = [position for position in found.positions if position.closed_at is not None]
    earned = {position.id: position.realised - position.fees for position in closed}
    won, lost = [gain for gain in earned.values() if gain > 0], [gain for gain in earned.values() if gain <= 0]
    assert (said["opened"], said["closed"], said["still_open"]) == (
        len(found.positions),
        len(closed),
        len(found.positions) - len(closed),
    )
    assert (said["won"], said["lost"]) == (len(won), len(lost))
    assert float(said["average_win"]) == pytest.approx(fmean(float(gain) for gain in won), abs=0.0051)
    assert float(said["average_loss"]) == pytest.approx(fmean(float(gain) for gain in lost), abs=0.0051)
    assert sum(said["closed_by"].values()) == len(closed)


def check_money(run: Run) -> None:
    found, said = facts(run.out), run.summary["money"]
    fees = sum((fill.fee for fill in found.fills if fill.fee is not None), Decimal(0))
    assert said["fees"] == str(fees.quantize(CENT, ROUND_HALF_EVEN))
    values = [float(point.net_liquidation) for point in found.equity]
    worst = max(1 - low / max([float(said["started_with"]), *values[: place + 1]]) for place, low in enumerate(values))
    assert float(said["largest_drawdown"]) == pytest.approx(worst, abs=1e-6)
    assert said["net_liquidation"] == f"{found.equity[-1].net_liquidation:.2f}"
    opening = sum(row.cash for row in found.movements if row.kind is Movement.DEPOSIT)
    assert said["started_with"] == str(opening)


def check_not_evaluated(run: Run) -> None:
    found, said = facts(run.out), run.summary["not_evaluated"]
    gates: Counter[str] = Counter()
    for scan in found.scans:
        gates.update({f"gate {name}": times for name, times in scan.absent if times})
    assert {name: times for name, times in said.items() if name.startswith("gate ")} == gates
    absent = {v.rule for stored in found.proposals for v in stored.proposal.verdicts if v.decision is Decision.ABSENT}
    assert absent <= {name.removeprefix("rule ") for name in said if name.startswith("rule ")}


@pytest.mark.parametrize("part", [check, check_results, check_money, check_not_evaluated], ids=lambda part: part.__name__)
def test_on_adjusted_prices(adjusted: Run, part: Callable[[Run], None]) -> None:
    part(adjusted)


@pytest.mark.parametrize("part", [check, check_results, check_money, check_not_evaluated], ids=lambda part: part.__name__)
def test_on_prices_as_traded(raw: Run, part: Callable[[Run], None]) -> None:
    part(raw)


def test_the_summary_names_no_path_and_no_machine(adjusted: Run) -> None:
    text = (adjusted.out / "summary.json").read_text(encoding="utf-8")
    assert json.loads(text) == adjusted.summary
    for word in (str(adjusted.out), str(Path.home()), "parquet", "/", "\\"):
        assert word not in text


def test_the_summary_says_in_which_units_quantities_and_prices_are(adjusted: Run) -> None:
    assert adjusted.summary["prices"] == "adjusted: price-level gates are off, quantities are in adjusted units"
    assert adjusted.summary["not_evaluated"]["gate price"] > 0
    assert adjusted.summary["fills_modelled"] is True


def test_prices_as_traded_are_called_so(raw: Run) -> None:
    assert raw.summary["prices"] == "as traded"
    assert "gate price" not in raw.summary["not_evaluated"]
