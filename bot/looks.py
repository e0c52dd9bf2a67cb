"""An open card read again, after an absence or because its message was touched: what changed since is recorded."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.engine.quorum import CLICKED, MISSED, READ_BACK
from core.model.errors import RetryError
from core.model.proposals import PENDING, Evidence, ProposalState, Vote
from core.ports.journal import StoredProposal

if TYPE_CHECKING:
    from bot.approvals import Approvals


@dataclass(frozen=True, slots=True)
class Look:
    """An open card to be read again.

    Attributes
    ----------
    gone : str
        What is lost for good; the card is void.
    missed : bool
        Nobody listened for long, so a yes that is found now counts only after a click.
    """

    proposal_id: str
    gone: str = ""
    missed: bool = False
    tries: int = 0


async def look(approvals: "Approvals", item: Look) -> None:
    """Record what changed: vetoes first, then what was taken back, then approvals; then try the claim.

    Raises
    ------
    RetryError
        Discord did not answer everything.
    """
    engine, reader = approvals.engine, approvals.reader
    stored = await engine.journal.proposal(item.proposal_id)
    if stored is None or stored.state is not ProposalState.OPEN or reader is None:
        return
    if item.gone:
        await engine.void(item.proposal_id, item.gone)
        return
    evidence = await reader.read(stored)
    if not evidence.intact:
        await engine.void(item.proposal_id, evidence.reason)
        return
    await _record(approvals, stored, evidence, MISSED if item.missed else READ_BACK)
    await again(approvals, item.proposal_id, evidence)


async def _record(approvals: "Approvals", stored: StoredProposal, evidence: Evidence, source: str) -> None:
    engine, proposal_id = approvals.engine, stored.proposal.id
    votes = await engine.journal.votes(proposal_id)
    known = {(vote.voter, vote.approve): vote for vote in votes if vote.present and vote.allowed}
    standing = dict.fromkeys([*((name, False) for name in evidence.vetoers), *((name, True) for name in evidence.approvers)])
    for name, approve in sorted(standing.keys() - known.keys()):
        known[name, approve] = vote = Vote(proposal_id, name, approve, True, True, source, approvals.instant())  # noqa: FBT003 - as stored
        await approvals.say(vote, None)
    for (name, approve), vote in known.items():
        if (name, approve) not in standing and vote.source not in CLICKED and name not in evidence.unread:
            await approvals.say(Vote(proposal_id, name, approve, False, True, source, approvals.instant()), None)  # noqa: FBT003 - as stored
    yes = [known[entry] for entry in standing if entry[1]]
    if yes:
        await approvals.say(yes[-1], evidence)


async def again(approvals: "Approvals", proposal_id: str, evidence: Evidence) -> None:
    """Ask for another try while a person who said yes could not be read and the card still waits.

    Raises
    ------
    RetryError
        That is so.
    """
    stored = await approvals.engine.journal.proposal(proposal_id) if evidence.unread else None
    if stored is not None and stored.state in PENDING:
        raise RetryError(f"{', '.join(evidence.unread)} could not be read on Discord for card {proposal_id}; it is tried again")
