"""The ledger's side of the line: one question at a time. It can be told to lose answers, for rehearsals of doubt."""

import asyncio
from dataclasses import dataclass, replace
from typing import cast

from brokers.paper.adapter import VERBS
from brokers.paper.ledger import Ledger
from brokers.paper.remote import read, write
from core.model.errors import BadDataError, QuantMatrixError


@dataclass(frozen=True, slots=True)
class Fault:
    """Hang up on the next `times` questions of one verb: "before" doing it, "after" it, or "stall" without ever answering."""

    verb: str = ""
    when: str = ""
    times: int = 0


class Server:
    """Answers for one ledger on loopback."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._fault = Fault()
        self._stalled = asyncio.Event()

    async def start(self, port: int) -> asyncio.Server:
        """Listen on 127.0.0.1; port 0 lets the system choose."""
        return await asyncio.start_server(self._serve, "127.0.0.1", port)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            answer = await self._answer(await read(reader))
            if answer is not None:
                await write(writer, answer)
        except (OSError, EOFError):
            pass  # the asker went away; what was done is on disk
        except BadDataError as error:
            await write(writer, ("BadDataError", str(error)))
        finally:
            writer.close()

    async def _answer(self, question: object) -> tuple[str, object] | None:
        verb, *arguments = cast("tuple[str, *tuple[object, ...]]", question)
        if verb == "fault":
            self._fault = Fault(*cast("tuple[str, str, int]", tuple(arguments)))
            return ("answer", None)
        fault = self._next_fault(verb)
        if fault == "before":
            return None
        answer = self._do(verb, arguments)
        if fault == "stall":
            await self._stalled.wait()
        return None if fault else answer

    def _next_fault(self, verb: str) -> str:
        if verb != self._fault.verb or self._fault.times < 1:
            return ""
        self._fault = replace(self._fault, times=self._fault.times - 1)
        return self._fault.when

    def _do(self, verb: str, arguments: list[object]) -> tuple[str, object]:
        if verb not in VERBS:
            return ("BadDataError", f"the paper ledger has no verb {verb!r}")
        try:
            return ("answer", VERBS[verb](self._ledger, *arguments))
        except QuantMatrixError as error:
            return (type(error).__name__, str(error))
