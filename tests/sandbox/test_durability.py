"""Whatever happens in a world, its file tells the same story: the rebuilt state equals the live one."""

import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.sandbox import commands, guilds, interactions, messages, reactions
from bot.sandbox.errors import WireError
from bot.sandbox.interactions import DEFER, REPLY
from bot.sandbox.messages import Draft
from bot.sandbox.state import Message
from bot.sandbox.uploads import Body, Upload
from bot.sandbox.world import World
from tests.sandbox.worlds import answer, person, room, send, turn, use, world

PEOPLE = ("owner", "approver", "stranger")
EMOJI = "✅❌👍"


@dataclass(frozen=True)
class Scene:
    """A world and the message, person and number that a step is about."""

    world: World
    message: Message
    number: int

    @property
    def name(self) -> str:
        return PEOPLE[self.number % 3]

    @property
    def who(self) -> str:
        return person(self.world, self.name)

    @property
    def emoji(self) -> str:
        return EMOJI[self.number % 3]


def post_file(scene: Scene) -> None:
    body = Body({"embeds": [{"image": {"url": "attachment://a.png"}}]}, (Upload(0, "a.png", b"x" * scene.number),))
    messages.create(scene.world, Draft(scene.world.bot_id, room(scene.world), body))


def slash(scene: Scene) -> None:
    kind, flags = (DEFER, REPLY)[scene.number % 2], 64 * (scene.number % 3 == 0)
    answer(scene.world, use(scene.world, who=scene.name), kind, content="x", flags=flags)


def follow_up(scene: Scene) -> None:
    answered = [record for record in scene.world.state.interactions.values() if record["answer"] is not None]
    if answered:
        interactions.follow_up(scene.world, answered[scene.number % len(answered)], Body({"content": "filled"}))


def roles(scene: Scene) -> None:
    guilds.set_roles(scene.world, scene.who, [scene.world.state.ids["roles"]["approver"]] if scene.number % 2 else [])


def register(scene: Scene) -> None:
    commands.replace(scene.world, scene.world.guild_id, [{"name": f"c{scene.number % 5}", "description": "d"}])


STEPS: tuple[Callable[[Scene], object], ...] = (
    lambda scene: send(scene.world, content=f"text <@{scene.who}>", nonce=str(scene.number % 4), enforce_nonce=True),
    lambda scene: messages.edit(scene.world, scene.message, Body({"content": f"edited {scene.number}", "attachments": []})),
    lambda scene: messages.delete(scene.world, scene.message),
    lambda scene: reactions.add(scene.world, scene.message, scene.who, scene.emoji),
    lambda scene: reactions.remove(scene.world, scene.message, scene.who, scene.emoji),
    lambda scene: reactions.clear(scene.world, scene.message, scene.emoji if scene.number % 2 else None),
    lambda scene: reactions.burst(scene.world, scene.message, scene.emoji, scene.number % 7 + 1),
    lambda scene: guilds.open_thread(scene.world, scene.message, {"name": "details"}),
    lambda scene: guilds.delete_role(scene.world, scene.world.state.ids["roles"]["approver"]),
    lambda scene: guilds.leave(scene.world, scene.who),
    lambda scene: guilds.rejoin(scene.world, scene.who),
    lambda scene: turn(scene.world, scene.number),
    post_file,
    slash,
    follow_up,
    roles,
    register,
)


def run(made: World, steps: list[tuple[int, int]]) -> None:
    """Do the steps; those that the world refuses are part of the story too."""
    for which, number in steps:
        every = list(made.state.messages.get(room(made), {}).values())
        message = every[number % len(every)] if every else send(made, content="first")
        with suppress(WireError):
            STEPS[which](Scene(made, message, number))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(STEPS) - 1), st.integers(0, 40)), max_size=60))
def test_a_world_read_back_from_its_file_is_the_same_world(steps: list[tuple[int, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "world.jsonl"
        made = world(path)
        run(made, steps)
        made.store.close()
        again = world(path)
        assert asdict(again.state) == asdict(made.state) | {"last_id": again.state.last_id}
        assert int(again.next_id()) > made.state.last_id
        for channel in made.state.messages.values():
            for message in channel.values():
                assert again.render(message) == made.render(message)
        again.store.close()
