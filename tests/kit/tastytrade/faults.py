"""Spoiling answers by a seeded plan: which request, how, how often, with what probability."""

import asyncio
import gzip
import json
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.kit.tastytrade.books import JSON

MEBIBYTE = 1024 * 1024
READS = frozenset({"live", "history", "order", "positions", "balances", "transactions", "status", "accounts"})
HTML = "<html><head><title>Sign in to the hotel network</title></head><body>Welcome</body></html>"
Answer = Callable[[], Awaitable[web.StreamResponse]]


@dataclass(slots=True)
class Rule:
    """One fault.

    Attributes
    ----------
    on : str
        Name of a request (``submit``, ``cancel``, ``live`` …), ``read`` for every read, ``*`` for all.
    kind : str
        ``lose``, ``stall``, ``status``, ``html``, ``body``, ``truncated``, ``slow``, ``huge``, ``bomb``, ``redirect``, ``patch``,
        ``delay``.
    after : bool
        The broker acts on the request first.
    times, chance : int, float
        How often at most, and how probable each time.
    """

    on: str
    kind: str
    after: bool = True
    times: int = 1
    chance: float = 1.0
    seconds: float = 0.0
    status: int = 500
    retry_after: str | None = None
    body: str = ""
    content_type: str = "application/json"
    patch: JSON = field(default_factory=dict)

    def meets(self, name: str) -> bool:
        return self.times > 0 and (self.on in (name, "*") or (self.on == "read" and name in READS))


class Faults:
    """The plan. `hits` names what was spoiled, in order."""

    def __init__(self) -> None:
        self.rules: list[Rule] = []
        self.hits: list[str] = []
        self._draw = random.Random(0)

    def plan(self, rows: list[dict[str, Any]], seed: int = 0) -> None:
        self.rules = [Rule(**row) for row in rows]
        self._draw = random.Random(seed)

    def add(self, **rule: Any) -> None:
        self.rules.append(Rule(**rule))

    def pick(self, name: str) -> Rule | None:
        for rule in self.rules:
            if rule.meets(name) and self._draw.random() < rule.chance:
                rule.times -= 1
                self.hits.append(f"{rule.kind} {name}")
                return rule
        return None

    async def serve(self, name: str, request: web.Request, answer: Answer) -> web.StreamResponse:
        """Answer a request, or spoil it."""
        rule = self.pick(name)
        if rule is None:
            return await answer()
        if rule.kind == "delay":
            await asyncio.sleep(rule.seconds)
            return await answer()
        told: web.StreamResponse | None = await answer() if rule.after else None
        return await _spoiled(rule, request, told)


async def _spoiled(rule: Rule, request: web.Request, told: web.StreamResponse | None) -> web.StreamResponse:
    good = told.body if isinstance(told, web.Response) and isinstance(told.body, bytes) else b"{}"
    if rule.kind in ("lose", "stall"):
        return await _mute(rule, request)
    if rule.kind in ("huge", "slow"):
        return await _drawn_out(rule, request, good)
    return _written(rule, request, good)


async def _mute(rule: Rule, request: web.Request) -> web.Response:
    if rule.kind == "stall":
        await asyncio.sleep(rule.seconds or 3600)
    elif request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)


async def _drawn_out(rule: Rule, request: web.Request, good: bytes) -> web.StreamResponse:
    """More bytes than anybody wants, or one a second."""
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(request)
    for piece in [b" " * MEBIBYTE] * 1024 if rule.kind == "huge" else [bytes([byte]) for byte in good]:
        await response.write(piece)
        await asyncio.sleep(0.0 if rule.kind == "huge" else 1.0)
    return response


def _written(rule: Rule, request: web.Request, good: bytes) -> web.Response:
    if rule.kind == "html":
        return web.Response(text=HTML, content_type="text/html", status=200)
    if rule.kind == "bomb":
        packed = gzip.compress(b" " * (64 * MEBIBYTE) + good)
        return web.Response(body=packed, content_type="application/json", headers={"Content-Encoding": "gzip"})
    if rule.kind == "redirect":
        return web.Response(status=307, headers={"Location": str(request.url)})
    if rule.kind == "patch":
        return _patched(rule, good)
    if rule.kind == "status":
        return _refused(rule)
    body = {"body": rule.body.encode(), "truncated": good[: len(good) // 2]}[rule.kind]
    return web.Response(body=body, content_type=rule.content_type, status=200)


def _refused(rule: Rule) -> web.Response:
    headers = {"Retry-After": rule.retry_after} if rule.retry_after else {}
    if rule.body:
        return web.Response(body=rule.body.encode(), content_type=rule.content_type, status=rule.status, headers=headers)
    body = {"error": {"code": f"fault_{rule.status}", "message": "The loopback was told to say so"}}
    return web.json_response(body, status=rule.status, headers=headers)


def _patched(rule: Rule, good: bytes) -> web.Response:
    """Fields of every item (or of the order, or of the data) set to other values; None takes a field away."""
    body = json.loads(good)
    data = body["data"]
    for item in data.get("items", [data.get("order", data)]):
        for path, value in rule.patch.items():
            _set(item, path.split("/"), value)
    return web.Response(text=json.dumps(body), content_type="application/json")


def _set(item: Any, path: list[str], value: object) -> None:
    *way, last = path
    for step in way:
        item = item[int(step)] if isinstance(item, list) else item[step]
    if value is None:
        item.pop(last, None)
    else:
        item[last] = value
