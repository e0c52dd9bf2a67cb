"""Option positions of a replay: what was bought, what it cost, when it was left, and that everybody is told it is modelled."""

import json
from decimal import Decimal

from core.model.instruments import Option
from core.model.positions import Position
from core.model.proposals import Proposal
from core.options.policy import OptionPolicy
from core.quant.fees import FeeSchedule
from tests.replay.books import Facts, facts, notes
from tests.replay.slices import Run

POLICY = OptionPolicy()


def options(found: Facts) -> list[tuple[Position, Proposal, list[Option]]]:
    """Positions that were opened in options, with their proposal and contracts."""
    proposals = {stored.proposal.id: stored.proposal for stored in found.proposals}
    rows = [(position, proposals[position.id]) for position in found.positions]
    legs = [
        (position, made, [leg.instrument for leg in made.legs if isinstance(leg.instrument, Option)]) for position, made in rows
    ]
    return [row for row in legs if row[2]]


def test_contracts_are_chosen_inside_the_days_of_the_policy(adjusted: Run) -> None:
    found = options(facts(adjusted.out))
    assert len(found) > 30
    for position, _, contracts in found:
        days = (contracts[0].expiry - position.opened_session).days
        assert POLICY.days_low <= days <= POLICY.days_high
        assert all(contract.underlying == position.symbol for contract in contracts)
        assert len({contract.expiry for contract in contracts}) == 1


def test_no_position_loses_much_more_than_it_was_allowed_to(adjusted: Run) -> None:
    """Long premium and debit spreads cannot lose more than was paid, fees included."""
    for position, made, _ in options(facts(adjusted.out)):
        assert made.max_loss <= Decimal("0.02") * 120_000
        assert position.realised - position.fees >= -made.max_loss - Decimal("0.05") * made.quantity * 100


def test_half_of_the_premium_lost_closes_and_so_do_ten_days_to_expiry(adjusted: Run) -> None:
    left = {"premium": 0, "expiry": 0}
    for position, made, contracts in options(facts(adjusted.out)):
        if position.closed_session is None:
            continue
        days = (contracts[0].expiry - position.closed_session).days
        assert days >= 7, "a weekend at most after the tenth day"
        if position.close_cause == "expiry":
            assert days <= 10
            left["expiry"] += 1
        if position.close_cause == "premium":
            paid = -made.limit * made.quantity * 100
            assert -position.realised >= paid * Decimal("0.45")
            left["premium"] += 1
    assert min(left.values()) > 3


def test_every_contract_pays_the_fees_of_the_schedule(adjusted: Run) -> None:
    found, schedule = facts(adjusted.out), FeeSchedule()
    for position, _, contracts in options(found):
        keys = {contract.key: contract for contract in contracts}
        for fill in found.fills:
            if fill.instrument_key in keys:
                assert fill.fee == schedule.of(keys[fill.instrument_key], fill.quantity, fill.side, fill.price)
        assert position.fees > 0


def test_modelled_prices_say_so_wherever_they_are_told(adjusted: Run) -> None:
    found = facts(adjusted.out)
    assert all(fill.modelled for fill in found.fills)
    assert all(any("modelled" in remark for remark in made.remarks) for _, made, _ in options(found))
    told = [json.loads(line) for line in notes(adjusted.out)]
    fills = [note for note in told if note["id"].startswith("fill-")]
    assert len(fills) > 60
    assert all("modelled" in note["body"] for note in fills)
