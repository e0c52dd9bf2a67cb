"""The two buttons of an approval card. Their custom_id carries the proposal, so a card works after a restart."""

import re
from typing import TYPE_CHECKING, Any, Protocol, Self, cast

import discord

if TYPE_CHECKING:
    from bot.client import DeskClient

APPROVE, VETO = "✅", "❌"
EMOJI = {"yes": APPROVE, "no": VETO}
LABEL = {"yes": "Approve", "no": "Veto"}


class Decider(Protocol):
    """Who is asked when a button is clicked."""

    async def clicked(self, interaction: discord.Interaction, proposal_id: str, *, approve: bool) -> None:
        """Answer the click."""
        ...


def custom_id(word: str, proposal_id: str) -> str:
    """Text that Discord hands back when the button is clicked."""
    return f"qm:{word}:{proposal_id}"


class DecideButton(
    discord.ui.DynamicItem[discord.ui.Button[discord.ui.View]],
    template=re.compile(r"qm:(?P<word>yes|no):(?P<proposal>[!-~]{1,90})"),
):
    """Approve or veto one proposal."""

    def __init__(self, word: str, proposal_id: str) -> None:
        style = discord.ButtonStyle.success if word == "yes" else discord.ButtonStyle.danger
        super().__init__(
            discord.ui.Button(style=style, label=LABEL[word], emoji=EMOJI[word], custom_id=custom_id(word, proposal_id))
        )
        self.word = word
        self.proposal_id = proposal_id

    @classmethod
    async def from_custom_id(cls, interaction: discord.Interaction, item: discord.ui.Item[Any], match: re.Match[str], /) -> Self:
        """Make the button again from the id that a click carries."""
        del interaction, item
        return cls(match["word"], match["proposal"])

    async def callback(self, interaction: discord.Interaction) -> None:
        """Hand the click to whoever decides."""
        decider: Decider = cast("DeskClient", interaction.client)
        await decider.clicked(interaction, self.proposal_id, approve=self.word == "yes")
