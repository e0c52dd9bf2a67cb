"""The design as it is, and six shortcuts around the real decisions."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, text

from bot.access import Access, Standing
from bot.settings_discord import DiscordSettings, Person
from core.engine.follow import unfound
from core.journal import audit, claim, orders
from core.journal.bodies import dump
from core.journal.lease import Held
from core.model.orders import Order, OrderEvent, OrderState, advance
from core.model.proposals import Approval
from tests.model_check.shelf import ENVELOPE, ORDER, PROPOSAL
from tests.model_check.state import AFTER_KILL, FALSE_NO, MANY, UNAPPROVED

GUILD, ROLE = 1, 2
#: Two persons may vote; a third account holds the role and is on no list.
IDS = {"owner": 10, "partner": 11, "stranger": 12}
VALID = frozenset({"owner", "partner"})
PERSONS = tuple(Person(name, (IDS[name],)) for name in sorted(VALID))
ACCESS = Access(DiscordSettings(guild_id=GUILD, approvers=PERSONS, approver_role=ROLE))
SHA = "0" * 64


@dataclass(frozen=True, slots=True)
class Ask:
    """What a process brings to a claim: for whom it read a yes, how many it takes, the instant, its lease."""

    by: tuple[str, ...]
    needed: int
    now: datetime
    held: Held


def wish(ask: Ask) -> claim.Claim:
    """What is asked of the journal."""
    by, now, needed = ask.by, ask.now, ask.needed
    approval = Approval(PROPOSAL.id, PROPOSAL.digest, by, policy=False, at=now, evidence_at=now, needed=needed)
    return claim.Claim(approval, ENVELOPE, ORDER, now, [])


def real_claim(connection: Connection, ask: Ask) -> object:
    """The journal's own."""
    return claim.claim(connection, wish(ask), ask.held)


def real_mark(connection: Connection, now: datetime, held: Held) -> None:
    """The journal's own."""
    orders.mark_sending(connection, ORDER.key, SHA, now, held)


def real_persons(who: str, now: datetime) -> bool:
    """The allow-list and the role."""
    return ACCESS.refusal(Standing(IDS[who], GUILD, frozenset({ROLE})), now) is None


def real_look(order: Order, waited: float, now: datetime, _looks: int) -> Order:
    """The engine's own."""
    return unfound(order, waited, 120.0, now)


@dataclass(frozen=True, slots=True)
class Design:
    """What a desk does at the places where a shortcut is tempting.

    Attributes
    ----------
    harm : the invariant that the shortcut breaks
    processes : how many desks it takes
    claims_apart : deciding and claiming are two transactions
    sends_first : the socket is written before the marker
    sends_again : a timeout writes the socket once more
    """

    name: str = "as it is"
    harm: str | None = None
    processes: int = 1
    claim: Callable[[Connection, Ask], object] = real_claim
    mark: Callable[[Connection, datetime, Held], None] = real_mark
    allowed: Callable[[str, datetime], bool] = real_persons
    not_found: Callable[[Order, float, datetime, int], Order] = real_look
    claims_apart: bool = False
    sends_first: bool = False
    sends_again: bool = False


def _blind_claim(connection: Connection, ask: Ask) -> object:
    """Writes what was decided a moment ago, whatever the journal says by now."""
    connection.execute(text("UPDATE proposal SET state = 'claimed'"))
    if orders.one(connection, ORDER.key) is None:
        orders.insert_envelope(connection, ENVELOPE)
        orders.insert_order(connection, ORDER)
    else:
        connection.execute(text("UPDATE \"order\" SET state = 'new', body = :body"), {"body": dump(ORDER)})
    audit.append(connection, ", ".join(ask.by), "claim", {}, ask.now)
    return None


def _blind_mark(connection: Connection, now: datetime, held: Held) -> None:
    """Marks whatever the order is."""
    marked = replace(ORDER, state=OrderState.SENDING, sent_at=now, updated_at=now)
    connection.execute(text("UPDATE \"order\" SET state = 'sending', body = :body"), {"body": dump(marked)})


def _claim_past_the_kill(connection: Connection, ask: Ask) -> object:
    """The real claim, which cannot see the kill level."""
    levels = connection.execute(text("SELECT seq, level FROM kill")).all()
    connection.execute(text("UPDATE kill SET level = 0"))
    refusal = claim.claim(connection, wish(ask), ask.held)
    for seq, level in levels:
        connection.execute(text("UPDATE kill SET level = :level WHERE seq = :seq"), {"level": level, "seq": seq})
    return refusal


def _impatient(order: Order, waited: float, now: datetime, looks: int) -> Order:
    """Refused after two looks in vain."""
    if looks < 2:
        return unfound(order, waited, 120.0, now)
    return replace(order, state=advance(order.state, OrderEvent.REFUSE), updated_at=now)


AS_IT_IS = Design()
SHORTCUTS = (
    Design("no compare-and-set", MANY, 2, claim=_blind_claim, mark=_blind_mark, claims_apart=True),
    Design("retry on timeout", MANY, sends_again=True),
    Design("journal after send", FALSE_NO, sends_first=True),
    Design("rejected after two looks in vain", FALSE_NO, not_found=_impatient),
    Design("no role check", UNAPPROVED, allowed=lambda who, now: True),
    Design("kill level not in the claim", AFTER_KILL, claim=_claim_past_the_kill),
)
