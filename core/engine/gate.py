"""Gate: the last point before the wire. What is about to leave is held against what was approved, and counted.

Every check of `core.engine.checks` is made. What passes is stored with the marker of the order; a denial is written down with all
verdicts and told in one sentence. A breach of `rate` leaves exits only, one of `orders_vs_approvals` halts.
"""

import json
from collections.abc import Mapping
from dataclasses import fields
from types import MappingProxyType
from typing import TYPE_CHECKING

from core.engine import departures, halt, standing
from core.engine.checks import Facts, judge
from core.market.sessions import NEW_YORK
from core.model.proposals import ApprovedOrder, Decision
from core.ports.broker import Preview

if TYPE_CHECKING:
    from core.engine.engine import Engine

#: What follows a denial by these checks: the kill level.
FOLLOWS: Mapping[str, int] = MappingProxyType({"rate": 1, "orders_vs_approvals": 2})


async def refusal(engine: "Engine", request: ApprovedOrder, preview: Preview | None, stopped: str | None) -> str | None:
    """Why the order must not leave; None when it may. A denial is written down with every verdict, and what must follow follows."""
    verdicts = judge(await _facts(engine, request, preview, stopped))
    denials = [verdict for verdict in verdicts if verdict.decision is Decision.BLOCK]
    told = {
        "order": request.key,
        "verdicts": [{part.name: getattr(verdict, part.name) for part in fields(verdict)} for verdict in verdicts],
    }
    if not denials:
        engine.books.checked[request.key] = json.dumps(told)
        return None
    await engine.journal.audit("gate", "denied", told, engine.clock.now())
    level = max(FOLLOWS.get(denial.rule, 0) for denial in denials)
    if level:
        worst = next(denial for denial in denials if FOLLOWS.get(denial.rule) == level)
        await halt.alarm(engine, worst.reason.rstrip("."), level)
    return " ".join(denial.reason for denial in denials).rstrip(".")


async def _facts(engine: "Engine", request: ApprovedOrder, preview: Preview | None, stopped: str | None) -> Facts:
    books, clock = engine.books, engine.clock
    stored = await engine.journal.proposal(request.envelope.proposal_id)
    now, monotonic, limits = clock.now(), clock.monotonic(), await standing.limits(engine)
    books.skew.look(clock, limits.clock_limit)
    return Facts(
        request=request,
        account=engine.account,
        modes=await standing.modes(engine),
        stopped=stopped,
        approved=None if stored is None else stored.proposal,
        config_hash=engine.config_hash,
        others=tuple(order for order in books.orders.values() if order.envelope_id != request.envelope.id),
        left=await departures.today(engine),
        claims=books.trades_today if books.session == now.astimezone(NEW_YORK).date() else 0,
        off=books.skew.off(monotonic),
        preview=preview,
        now=now,
        limits=limits,
    )
