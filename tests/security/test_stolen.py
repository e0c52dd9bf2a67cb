"""A stolen token and a stolen account: what the desk notices, and what they cannot do."""

from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bot import own_words
from bot.sandbox.server import Sandbox
from brokers.paper import PaperBroker
from core.engine import quorum
from core.engine.quorum import Approver
from core.engine.settings import ApprovalSettings, Expression, Tier, Tiers
from core.model.proposals import Evidence, Vote
from core.ports.broker import Capabilities
from tests.bot.cases import CARDS, posted
from tests.bot.rig import YES, Office, office, until
from tests.engine.rig import desk
from tests.kit import nouns


async def halted(room: Office) -> str:
    async def there() -> str | None:
        kill = room.desk.engine.books.kill
        return kill.reason if kill.level >= 2 else None

    return await until(there)


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_words, "GRACE_SECONDS", 0.3)


async def test_f138_a_message_under_our_name_that_the_desk_did_not_write_halts_it(room: Office) -> None:
    await posted(room)
    await room.user(str(room.sandbox.bot_id)).say("React here to approve", in_channel=CARDS)
    assert "somebody else holds its token" in await halted(room)


async def test_f138_everything_that_the_desk_itself_writes_is_known(room: Office) -> None:
    proposal, message = await posted(room)
    await room.user("owner").slash("portfolio summary")
    await room.user("owner").click(message, f"qm:yes:{proposal}")
    await room.quiet(1.0)
    assert room.desk.engine.books.kill.level == 0


async def test_f138_a_note_whose_delivery_is_still_under_way_is_known(room: Office) -> None:
    await posted(room)
    await room.sandbox.control.fault("POST", "/messages$", status=502, count=1, when="after")
    await room.desk.journal.audit("test", "nothing", {}, room.desk.clock.now())
    await room.desk.engine.scan()
    room.notifier.wake()
    await room.quiet(1.5)
    assert room.desk.engine.books.kill.level == 0


async def test_f143_an_approver_who_approves_many_at_once_is_paused_and_the_status_channel_is_told(tmp_path: Path) -> None:
    settings = ApprovalSettings(burst=2, burst_seconds=120.0, cool_down_seconds=900.0)
    names = ("LEAD", "SECOND", "THIRD")
    async with desk(tmp_path, approval=settings, names=names, max_cards=3, expression=Expression.STOCK) as one:
        one.engine.approvers = (Approver("owner"),)
        one.engine.rules = tuple(rule for rule in one.engine.rules if rule.name not in ("correlation", "sector"))
        await one.begin(post=False)
        waiting = [card.proposal_id for card in await one.cards() if card.proposal_id]
        assert len(waiting) == 3
        answers = []
        for number, proposal in enumerate(waiting):
            await one.post(proposal, 100 + number)
            now = one.clock.now()
            vote = Vote(proposal, "owner", approve=True, present=True, allowed=True, source="reaction", at=now)
            answers.append(str(await one.engine.vote(vote, Evidence(("owner",), (), intact=True, read_at=now))))
            one.later(seconds=1)
        assert ["Approved" in answer for answer in answers] == [True, True, False]
        assert "is paused for a while" in answers[2]
        assert len(await one.orders()) == 2
        (page,) = await one.told("Unusual approvals")
        assert "owner approved 2 orders within 120 s" in page.body
        assert [row.action for row in await one.journal.audit_rows(50)].count("unusual approvals") == 1


async def test_an_account_that_approves_at_a_new_hour_is_told(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        one.engine.approvers = (Approver("owner"),)
        await one.journal.set_setting("approval hours:owner", '{"15": 30}')
        await one.react(await one.begin())
        (page,) = await one.told("Unusual approvals")
        assert "at 11:00 New York time, an hour in which that never happened before" in page.body


async def test_an_account_that_approves_at_its_usual_hour_is_not_told(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        one.engine.approvers = (Approver("owner"),)
        await one.journal.set_setting("approval hours:owner", '{"10": 30}')
        await one.react(await one.begin())
        assert await one.told("Unusual approvals") == []


async def test_a_stolen_account_alone_approves_nothing_that_takes_two_persons(tmp_path: Path, sandbox: Sandbox) -> None:
    async with office(tmp_path, sandbox, approval=ApprovalSettings(steps=(Tier(Decimal(5_000), persons=2),))) as room:
        room.desk.engine.approvers = (Approver("owner"), Approver("approver"))
        proposal, message = await posted(room)
        await room.user("owner").react(message, YES)
        for _ in range(3):
            await room.user("owner").click(message, f"qm:yes:{proposal}")
            room.desk.later(seconds=2)
        assert await room.state(proposal) == "open"
        assert await room.orders() == 0


async def test_who_lost_the_role_decides_nothing_from_the_next_claim_on(room: Office) -> None:
    proposal, message = await posted(room)
    await room.sandbox.control.do("set_roles", user="owner", roles=[])
    await room.user("owner").react(message, YES)
    await room.quiet()
    assert await room.state(proposal) == "open"


@dataclass(slots=True)
class RealMoney:
    """The paper broker as it looks when it trades real money."""

    inner: PaperBroker

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    @property
    def capabilities(self) -> Capabilities:
        return replace(self.inner.capabilities, live=True)


async def test_with_real_money_somebody_who_was_just_added_counts_only_after_a_day(tmp_path: Path) -> None:
    settings = ApprovalSettings(tiers=Tiers.OFF)
    async with desk(tmp_path, approval=settings) as one:
        one.engine.approvers = (Approver("owner"),)
        await quorum.enlist(one.engine)
        assert await one.told("approvers") == []
        now = one.clock.now()
    async with desk(tmp_path, approval=settings, wrap=RealMoney) as one:
        one.engine.approvers = (Approver("owner"), Approver("thief"))
        await quorum.enlist(one.engine)
        (told,) = await one.told("The list of approvers changed")
        assert "thief was added" in told.body
        card = await one.begin()
        assert "thief: was added to the list and counts from" in str(await one.react(card, "thief"))
        assert await one.orders() == []
        one.clock.turn_to(now + timedelta(hours=25))
        assert await quorum.barred(one.engine, nouns.proposal()) == {}


async def test_those_of_the_first_start_count_at_once_also_with_real_money(tmp_path: Path) -> None:
    async with desk(tmp_path, approval=ApprovalSettings(tiers=Tiers.OFF), wrap=RealMoney) as one:
        one.engine.approvers = (Approver("owner"),)
        await quorum.enlist(one.engine)
        assert "Approved" in str(await one.react(await one.begin()))
