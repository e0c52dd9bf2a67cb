"""Limits of bodies: each is met exactly, and one more is refused with the field named."""

import json
from pathlib import Path

import pytest

from bot.sandbox import commands, components
from bot.sandbox.errors import JSON, WireError
from bot.sandbox.limits import check_files, check_message
from tests.sandbox.worlds import world


def button(**keys: object) -> JSON:
    return {"type": 2, "style": 1, "label": "Go", "custom_id": "go"} | keys


def row(*parts: JSON) -> JSON:
    return {"type": 1, "components": list(parts)}


def embed(**keys: object) -> JSON:
    return {"embeds": [keys]}


def fields(count: int, **keys: str) -> JSON:
    return embed(fields=[{"name": "n", "value": "v"} | keys for _ in range(count)])


def refused(error: WireError) -> set[str]:
    """Paths of the fields at fault."""
    return set(error.fields)


@pytest.mark.parametrize(
    ("fits", "breaks", "path"),
    [
        ({"content": "x" * 2000}, {"content": "x" * 2001}, "content"),
        ({"content": "x", "nonce": "n" * 25}, {"content": "x", "nonce": "n" * 26}, "nonce"),
        (embed(title="x" * 256), embed(title="x" * 257), "embeds.0.title"),
        (embed(description="x" * 4096), embed(description="x" * 4097), "embeds.0.description"),
        (embed(footer={"text": "x" * 2048}), embed(footer={"text": "x" * 2049}), "embeds.0.footer.text"),
        (embed(author={"name": "x" * 256}), embed(author={"name": "x" * 257}), "embeds.0.author.name"),
        (fields(25), fields(26), "embeds.0.fields"),
        (fields(1, name="x" * 256), fields(1, name="x" * 257), "embeds.0.fields.0.name"),
        (fields(1, value="x" * 1024), fields(1, value="x" * 1025), "embeds.0.fields.0.value"),
        (fields(1), fields(1, value=" "), "embeds.0.fields.0.value"),
        (fields(1), fields(1, name=""), "embeds.0.fields.0.name"),
        (embed(title="x"), embed(colour=1), "embeds.0.description"),
        (embed(image={"url": "attachment://a.png"}), embed(image={"url": "file:///etc/passwd"}), "embeds.0.image.url"),
        ({"embeds": [{"title": "x"}] * 10}, {"embeds": [{"title": "x"}] * 11}, "embeds"),
        (
            {"embeds": [{"description": "x" * 4000}, {"description": "x" * 2000}]},
            {"embeds": [{"description": "x" * 4000}, {"description": "x" * 2001}]},
            "embeds",
        ),
        ({"components": [{}], "flags": 1 << 15}, {"components": [{}], "flags": 1 << 15, "content": "x"}, "content"),
    ],
)
def test_a_message_meets_its_limit_and_not_one_more(fits: JSON, breaks: JSON, path: str) -> None:
    check_message(fits, 0)
    with pytest.raises(WireError) as caught:
        check_message(breaks, 0)
    assert caught.value.code == 50035
    assert refused(caught.value) == {path}


def test_an_empty_message_is_refused_and_a_file_alone_is_not() -> None:
    check_message({}, 1)
    with pytest.raises(WireError) as caught:
        check_message({"content": ""}, 0)
    assert caught.value.code == 50006


def test_files_have_a_number_and_a_size() -> None:
    check_files([10 * 1024 * 1024] * 10)
    with pytest.raises(WireError, match="Maximum number of attachments"):
        check_files([1] * 11)
    with pytest.raises(WireError, match="too large"):
        check_files([10 * 1024 * 1024 + 1])


def select(count: int = 1, **keys: object) -> JSON:
    return {"type": 3, "custom_id": "s", "options": [{"label": str(n), "value": str(n)} for n in range(count)]} | keys


@pytest.mark.parametrize(
    ("fits", "breaks", "path"),
    [
        ([row(button())] * 1, [button()], "components.0.type"),
        ([row(button(custom_id="x" * 100))], [row(button(custom_id="x" * 101))], "components.0.components.0.custom_id"),
        ([row(button(label="x" * 80))], [row(button(label="x" * 81))], "components.0.components.0.label"),
        (
            [row(*(button(custom_id=str(n)) for n in range(5)))],
            [row(*(button(custom_id=str(n)) for n in range(6)))],
            "components.0.components",
        ),
        ([row(button()), row(button(custom_id="b"))], [row(button()), row(button())], "components.1.components.0.custom_id"),
        ([row(button(style=5, url="https://x.org", custom_id=None))], [row(button(style=5))], "components.0.components.0.url"),
        ([row(select(25))], [row(select(26))], "components.0.components.0.options"),
        ([row(select())], [row(select(0))], "components.0.components.0.options"),
        ([row(select(placeholder="x" * 150))], [row(select(placeholder="x" * 151))], "components.0.components.0.placeholder"),
    ],
)
def test_components_meet_their_limit_and_not_one_more(fits: list[JSON], breaks: list[JSON], path: str) -> None:
    components.check_components(fits)
    with pytest.raises(WireError) as caught:
        components.check_components(breaks)
    assert refused(caught.value) == {path}


def command(**keys: object) -> JSON:
    return {"name": "ping", "description": "d", "type": 1} | keys


def option(**keys: object) -> JSON:
    return {"type": 3, "name": "o", "description": "d"} | keys


@pytest.mark.parametrize(
    ("breaks", "path"),
    [
        ([command(name="Ping")], "0.name"),
        ([command(name="two words")], "0.name"),
        ([command(name="x" * 33)], "0.name"),
        ([command(description="x" * 101)], "0.description"),
        ([command(description="")], "0.description"),
        ([command(), command()], "_"),
        ([command(options=[option(name=f"o{n}") for n in range(26)])], "0.options"),
        ([command(options=[option(), option(name="p", required=True)])], "0.options.1"),
        ([command(options=[option(), {"type": 1, "name": "sub", "description": "d"}])], "0.options"),
        ([command(options=[option(choices=[{"name": str(n), "value": str(n)} for n in range(26)])])], "0.options.0.choices"),
        (
            [
                command(
                    options=[
                        option(
                            description="d" * 100,
                            name=f"{n}" * 20,
                            choices=[{"name": f"{n}" * 100, "value": "v" * 100} for n in range(9)],
                        )
                        for n in range(5)
                    ]
                )
            ],
            "0",
        ),
    ],
)
def test_commands_over_a_limit_are_refused(breaks: list[JSON], path: str) -> None:
    made = world()
    with pytest.raises(WireError) as caught:
        commands.replace(made, made.guild_id, breaks)
    assert path in refused(caught.value)
    assert commands.of_scope(made, made.guild_id) == []


def test_a_command_keeps_its_id_and_the_guilds_hides_the_global_one() -> None:
    made = world()
    first = commands.replace(made, made.guild_id, [command()])
    second = commands.replace(made, made.guild_id, [command(description="new"), command(name="other")])
    assert second[0]["id"] == first[0]["id"]
    commands.replace(made, None, [command(description="everywhere"), command(name="third")])
    assert [(item["name"], item["description"]) for item in commands.visible(made)] == [
        ("other", "d"),
        ("ping", "new"),
        ("third", "d"),
    ]


def test_errors_nest_as_discord_nests_them() -> None:
    with pytest.raises(WireError) as caught:
        check_message(embed(title="x" * 257, footer={"text": "y" * 2049}), 0)
    body = caught.value.body()
    assert body["code"] == 50035
    assert body["errors"]["embeds"]["0"]["title"]["_errors"][0]["code"] == "BASE_TYPE_MAX_LENGTH"
    assert set(body["errors"]["embeds"]["0"]) == {"title", "footer"}


def test_documented_examples_are_accepted(shared: Path) -> None:
    examples = json.loads((shared / "data" / "fixtures" / "discord" / "docs_payloads.json").read_text())
    seen = {"modal": 0, "message": 0, "command": 0}
    for payload in (example["payload"] for example in examples if isinstance(example["payload"], dict)):
        if payload.get("type") == 9 and "data" in payload:
            components.check_modal(payload["data"])
            seen["modal"] += 1
        elif "components" in payload and "id" not in payload:
            check_message(payload, 0)
            components.check_components(payload["components"], payload.get("flags", 0))
            seen["message"] += 1
        elif {"name", "description", "options"} <= payload.keys():
            made = world()
            assert commands.replace(made, made.guild_id, [payload])[0]["name"] == payload["name"]
            seen["command"] += 1
    assert seen == {"modal": 3, "message": 3, "command": 1}
