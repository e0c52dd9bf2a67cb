"""The second judge: hikari, a stricter library that shares no code with discord.py."""

import asyncio

import hikari

from bot.sandbox.server import Sandbox


async def test_hikari_logs_in_posts_reacts_and_answers_a_slash_command(sandbox: Sandbox) -> None:
    bot = hikari.GatewayBot(
        sandbox.token,
        rest_url=sandbox.api_base,
        intents=hikari.Intents.GUILDS | hikari.Intents.GUILD_MESSAGES | hikari.Intents.GUILD_MESSAGE_REACTIONS,
        banner=None,
        logs=None,
    )
    reactions: asyncio.Queue[hikari.GuildReactionAddEvent] = asyncio.Queue()

    @bot.listen()
    async def reacted(event: hikari.GuildReactionAddEvent) -> None:
        reactions.put_nowait(event)

    @bot.listen()
    async def asked(event: hikari.InteractionCreateEvent) -> None:
        interaction = event.interaction
        assert isinstance(interaction, hikari.CommandInteraction)
        await interaction.create_initial_response(hikari.ResponseType.DEFERRED_MESSAGE_CREATE)
        await interaction.edit_initial_response(f"hello {interaction.user.id}", embed=hikari.Embed(title="Seen by hikari"))

    await bot.start(check_for_updates=False)
    try:
        guild = bot.cache.get_guild(sandbox.guild_id)
        assert guild is not None
        assert {channel.name for channel in guild.get_channels().values()} == set(sandbox.channels)
        command = bot.rest.slash_command_builder("greet", "Say hello")
        await bot.rest.set_application_commands(sandbox.bot_id, [command], sandbox.guild_id)
        message = await bot.rest.create_message(sandbox.channels["signals"], "posted", embed=hikari.Embed(title="Card"))
        await message.add_reaction("✅")
        await sandbox.control.user("owner").react(message.id, "✅")
        seen = {(await asyncio.wait_for(reactions.get(), 5)).user_id for _ in range(2)}
        assert seen == {sandbox.bot_id, sandbox.users["owner"]}
        answer = await sandbox.control.user("owner").slash("greet")
        assert answer.text == f"hello {sandbox.users['owner']}"
        member = await bot.rest.fetch_member(sandbox.guild_id, sandbox.users["owner"])
        assert sandbox.roles["approver"] in member.role_ids
    finally:
        await bot.close()
