"""Quorum: how many persons an order takes, who of those that said yes counts, and what each of them may still approve today.

What an order takes follows from what it can lose, which is computed, never typed. Closing orders reduce risk: one yes suffices.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from core.engine import tell
from core.engine.settings import ApprovalSettings, Tiers
from core.market.sessions import NEW_YORK
from core.model.instruments import Leg, Option, Right, Side, Stock
from core.model.money import ZERO
from core.model.notes import Note, Tone
from core.model.proposals import Decision, Evidence, Proposal, Verdict, Vote
from core.model.signals import Intent
from core.ports.journal import Kill

if TYPE_CHECKING:
    from core.engine.engine import Engine

#: Where a yes came from (`Vote.source`). A second gesture confirms; one that was missed does not count before it is confirmed.
REACTION, READ_BACK, MISSED, BUTTON, CONFIRM, SURE = "reaction", "read back", "missed", "button", "confirm", "sure"
CONFIRMED = frozenset({CONFIRM, SURE})
#: A yes of these sources left no reaction on the card.
CLICKED = frozenset({BUTTON, SURE})
#: An hour of the day is unusual for a person who approved so often and never in it or the hours beside it.
KNOWN_HABIT = 20
ENLISTED = "approvers since"
#: A card is edited so often at most, however often somebody changes a reaction.
COUNTS_TOLD = 30


@dataclass(frozen=True, slots=True)
class Approver:
    """A person as the engine knows one: name, and what this person may approve on one day; None is no limit."""

    name: str
    daily_loss: Decimal | None = None
    daily_count: int | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """What one order takes: so many persons, a second gesture or not, and why it is more than usual."""

    persons: int = 1
    confirm: bool = False
    reasons: tuple[str, ...] = ()

    def __str__(self) -> str:
        words = "1 person" if self.persons == 1 else f"{self.persons} persons"
        if self.confirm:
            words += ", confirmed with the button"
        return f"{words} ({', '.join(self.reasons)})" if self.reasons else words


@dataclass(frozen=True, slots=True)
class Tally:
    """Who counts, and who does not count yet and why."""

    asked: Asked
    counted: tuple[str, ...]
    waiting: tuple[tuple[str, str], ...] = ()
    confirmed: bool = False

    @property
    def enough(self) -> bool:
        """Whether the claim may be tried."""
        return len(self.counted) >= self.asked.persons and (self.confirmed or not self.asked.confirm)

    def __str__(self) -> str:
        names = f": {', '.join(self.counted)}" if self.counted else ""
        lines = [f"{len(self.counted)} of {self.asked.persons}{names}"]
        if len(self.counted) >= self.asked.persons and not self.enough:
            lines.append("still want it? Click Approve to confirm")
        return "\n".join([*lines, *(f"{name}: {why}" for name, why in self.waiting)])


def hold(settings: ApprovalSettings, approvers: Sequence[Approver]) -> bool:
    """Whether the tiers hold here."""
    return settings.tiers is Tiers.ON or (settings.tiers is Tiers.AUTO and len(approvers) >= 2)


def asked(engine: "Engine", proposal: Proposal) -> Asked | Verdict:
    """Say what an order takes at this moment, or the verdict that nobody here may approve it."""
    settings, approvers = engine.settings.approval, engine.approvers
    if proposal.intent is Intent.CLOSE or not hold(settings, approvers):
        return Asked()
    step = next((step for step in settings.steps if proposal.max_loss <= step.up_to), None)
    if step is None:
        most = settings.steps[-1].up_to
        reason = f"it can lose {tell.money(proposal.max_loss)}, more than the {tell.money(most)} that may be approved here"
        return _refused(proposal.max_loss, most, "$", reason)
    more = _more(proposal, engine.books.kill, engine.clock.now())
    needed = step.persons + len(more)
    if approvers and needed > len(approvers):
        reason = f"it takes {Asked(needed, reasons=more)}, and {len(approvers)} may approve here"
        return _refused(needed, len(approvers), "persons", reason)
    return Asked(needed, step.confirm, more)


def _refused(measured: Decimal | int, limit: Decimal | int, unit: str, reason: str) -> Verdict:
    return Verdict("approval_limit", Decision.BLOCK, float(measured), float(limit), unit, reason)


def _more(proposal: Proposal, kill: Kill, now: datetime) -> tuple[str, ...]:
    """Each of these asks for one person more."""
    today = now.astimezone(NEW_YORK).date()
    resumed = kill.level == 0 and kill.by not in ("", "start") and kill.at.astimezone(NEW_YORK).date() == today
    found = {"naked short": naked(proposal.legs), "expiry day": proposal.first_expiry == today, "after a halt today": resumed}
    return tuple(reason for reason, holds in found.items() if holds)


def naked(legs: Sequence[Leg]) -> bool:
    """Whether more calls or more puts are sold than bought; hundred shares bought stand behind one call."""
    shares = sum(leg.ratio for leg in legs if isinstance(leg.instrument, Stock) and leg.side is Side.BUY)
    cover = {Right.CALL: shares // 100, Right.PUT: 0}
    for leg in legs:
        if isinstance(leg.instrument, Option):
            cover[leg.instrument.right] += leg.side.sign * leg.ratio
    return any(left < 0 for left in cover.values())


def weigh(what: Asked, votes: Sequence[Vote], evidence: Evidence, barred: Mapping[str, str]) -> Tally:
    """Count persons: a yes counts once it is recorded, stands on Discord right now, and its person may approve this today."""
    standing = {vote.voter: vote.source for vote in votes if vote.approve and vote.present and vote.allowed}
    counted, waiting = [], [(name, "cannot be read on Discord right now") for name in evidence.unread]
    for name in dict.fromkeys(evidence.approvers):
        if name not in standing:
            waiting.append((name, "not recorded yet"))
        elif name in barred:
            waiting.append((name, barred[name]))
        elif standing[name] == MISSED:
            waiting.append((name, "reacted while the desk was away: still want it? Click Approve"))
        else:
            counted.append(name)
    confirmed = any(standing[name] in CONFIRMED for name in counted)
    return Tally(what, tuple(counted), tuple(waiting), confirmed)


async def tally(engine: "Engine", proposal: Proposal, what: Asked, evidence: Evidence) -> Tally:
    """Count the persons who stand for a proposal."""
    votes = await engine.journal.votes(proposal.id)
    return weigh(what, votes, evidence, await barred(engine, proposal))


async def tell_count(engine: "Engine", proposal: Proposal, count: Tally) -> str:
    """Show on the card how many stand for it (flood-safe: a card is edited so often at most); answers the voter."""
    told = engine.books.counts.setdefault(proposal.id, [])
    text = str(count)
    if text not in told[-1:] and len(told) < COUNTS_TOLD and (count.asked.persons > 1 or count.asked.confirm or count.waiting):
        notes = await engine.journal.notes(since=proposal.created_at)
        card = next((note for note in notes if note.id == tell.card_id(proposal)), None)
        if card is not None:
            told.append(text)
            number = sum(note.edits == card.id and note.decidable for note in notes) + 1
            await engine.journal.put_notes([tell.counted_note(card, text, number)])
            engine.notifier.wake()
    return f"Noted, {text.replace(chr(10), '; ')}. It takes {count.asked}."


async def withdrawn(engine: "Engine", proposal: Proposal) -> None:
    """Somebody took a yes back: a count that stands on the card is told anew."""
    what = asked(engine, proposal)
    if isinstance(what, Verdict) or not engine.books.counts.get(proposal.id):
        return
    votes = await engine.journal.votes(proposal.id)
    names = tuple(vote.voter for vote in votes if vote.approve and vote.present and vote.allowed)
    evidence = Evidence(names, (), intact=True, read_at=engine.clock.now())
    await tell_count(engine, proposal, weigh(what, votes, evidence, await barred(engine, proposal)))


async def barred(engine: "Engine", proposal: Proposal) -> Mapping[str, str]:
    """Give the persons who may not approve this order now, with the reason; closing orders are never kept from anybody."""
    if proposal.intent is Intent.CLOSE or not engine.approvers:
        return {}
    now = engine.clock.now()
    granted = await engine.journal.granted(_midnight(now))
    found = await _newcomers(engine, now)
    for person in engine.approvers:
        own = [(at, loss) for by, at, loss in granted if person.name in by]
        if reason := _over(person, own, proposal.max_loss) or _paused(engine.settings.approval, own, now):
            found[person.name] = reason
    return found


async def enlist(engine: "Engine") -> None:
    """At the start: remember since when each approver is on the list, and tell the status channel who is new or gone."""
    now, names = engine.clock.now(), [person.name for person in engine.approvers]
    known: dict[str, str] = json.loads(await engine.journal.setting(ENLISTED) or "{}")
    added, gone = sorted(set(names) - known.keys()), sorted(known.keys() - set(names))
    if not names or not (added or gone):
        return
    since = now.isoformat() if known else ""
    await engine.journal.set_setting(ENLISTED, json.dumps({name: known.get(name, since) for name in names}))
    if known:
        words = [f"{name} was added" for name in added] + [f"{name} was removed" for name in gone]
        await engine.journal.audit("desk", "approvers changed", {"added": added, "removed": gone}, now)
        body = f"{', '.join(words)}. If nobody of you did that, type /halt and look at the settings file."
        await engine.journal.put_notes([tell.desk_note("approvers", "The list of approvers changed", body, now, Tone.WARN)])


async def _newcomers(engine: "Engine", now: datetime) -> dict[str, str]:
    """Persons who were added so shortly ago that, with real money, they do not count yet."""
    hours = engine.settings.approval.newcomer_hours
    if not engine.broker.capabilities.live or not hours:
        return {}
    known: dict[str, str] = json.loads(await engine.journal.setting(ENLISTED) or "{}")
    waits = {name: datetime.fromisoformat(since) + timedelta(hours=hours) for name, since in known.items() if since}
    return {name: f"was added to the list and counts from {until:%d %b %H:%M} UTC" for name, until in waits.items() if now < until}


def _midnight(now: datetime) -> datetime:
    return datetime.combine(now.astimezone(NEW_YORK).date(), time(), NEW_YORK)


def _over(person: Approver, own: Sequence[tuple[datetime, Decimal]], loss: Decimal) -> str | None:
    used = sum((amount for _, amount in own), ZERO)
    if person.daily_count is not None and len(own) >= person.daily_count:
        return f"has approved {len(own)} orders today, which is this person's limit"
    if person.daily_loss is not None and used + loss > person.daily_loss:
        return f"would have approved {tell.money(used + loss)} of possible loss today, the limit is {tell.money(person.daily_loss)}"
    return None


def _paused(settings: ApprovalSettings, own: Sequence[tuple[datetime, Decimal]], now: datetime) -> str | None:
    burst = _burst(settings, own)
    if burst is None or now - burst >= timedelta(seconds=settings.cool_down_seconds):
        return None
    return f"approved {settings.burst} orders within {settings.burst_seconds:g} s and is paused for a while"


def _burst(settings: ApprovalSettings, own: Sequence[tuple[datetime, Decimal]]) -> datetime | None:
    """Instant of the last approval that was one too many in a short time."""
    times = sorted(at for at, _ in own)
    window = timedelta(seconds=settings.burst_seconds)
    found = [last for first, last in zip(times, times[settings.burst - 1 :], strict=False) if last - first <= window]
    return found[-1] if found else None


async def watch(engine: "Engine", proposal: Proposal, by: Sequence[str]) -> None:
    """After a claim: tell the status channel when an approver does what that account does not usually do."""
    if proposal.intent is Intent.CLOSE or not engine.approvers:
        return
    if await engine.journal.envelope(proposal.id) is None:
        return
    now, notes = engine.clock.now(), []
    granted = await engine.journal.granted(_midnight(now))
    for name in by:
        own = [(at, loss) for who, at, loss in granted if name in who]
        unusual = [await _unusual_hour(engine, name, now)]
        if _burst(engine.settings.approval, own) == max((at for at, _ in own), default=None) and own:
            unusual.append(f"approved {engine.settings.approval.burst} orders within {engine.settings.approval.burst_seconds:g} s")
        for what in filter(None, unusual):
            await engine.journal.audit(name, "unusual approvals", {"what": what, "proposal": proposal.id}, now)
            notes.append(_page(name, what, now))
    if notes:
        await engine.journal.put_notes(notes)
        engine.notifier.wake()


def _page(name: str, what: str, now: datetime) -> Note:
    body = f"{name} {what}. If that was not {name}, type /halt and take the approver role away from the account."
    return tell.desk_note(f"anomaly-{name}", "Unusual approvals", body, now, Tone.BAD)


async def _unusual_hour(engine: "Engine", name: str, now: datetime) -> str | None:
    """Remember at which hours a person approves, and notice a new one."""
    key, hour = f"approval hours:{name}", now.astimezone(NEW_YORK).hour
    counts: dict[str, int] = json.loads(await engine.journal.setting(key) or "{}")
    near = any(str(other % 24) in counts for other in (hour - 1, hour, hour + 1))
    unusual = sum(counts.values()) >= KNOWN_HABIT and not near
    counts[str(hour)] = counts.get(str(hour), 0) + 1
    await engine.journal.set_setting(key, json.dumps(counts))
    return (
        f"approved at {now.astimezone(NEW_YORK):%H:%M} New York time, an hour in which that never happened before"
        if unusual
        else None
    )
