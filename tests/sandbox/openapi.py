"""Judge of exchanges: Discord's own OpenAPI document (JSON Schema 2020-12)."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

DOCUMENT = "urn:discord"


class Contract:
    """Finds the operation of an exchange and checks its request and its answer against the document."""

    def __init__(self, document: Path) -> None:
        self._document: dict[str, Any] = json.loads(document.read_text())
        resource: Resource[Any] = Resource.from_contents(self._document, default_specification=DRAFT202012)
        self._registry: Registry[Any] = Registry().with_resource(DOCUMENT, resource)
        templates = sorted(self._document["paths"], key=lambda path: (path.count("{"), path))
        self._paths = [(re.compile(re.sub(r"\{[^}]+\}", "[^/]+", path)), path) for path in templates]
        self._validator = cache(self._make_validator)

    def violations(self, exchange: dict[str, Any]) -> list[str]:
        """What is wrong with one exchange of the server's log."""
        name = f"{exchange['method']} {exchange['path']} {exchange['status']}"
        template = next((path for pattern, path in self._paths if pattern.fullmatch(exchange["path"])), "")
        operation = self._document["paths"].get(template, {}).get(exchange["method"].lower())
        if operation is None:
            return [f"{name}: no such operation"]
        base = ["paths", str(template), exchange["method"].lower()]
        found = self._request(base, operation, exchange) if exchange["status"] < 400 else []
        return [f"{name}: {problem}" for problem in found + self._answer(base, operation, exchange)]

    def _request(self, base: list[str], operation: dict[str, Any], exchange: dict[str, Any]) -> list[str]:
        body = operation.get("requestBody")
        if body is None:
            return [] if not exchange["request"] else ["a body that is not documented"]
        return self._problems([*base, "requestBody", "content", "application/json", "schema"], _snowflakes(exchange["request"]))

    def _answer(self, base: list[str], operation: dict[str, Any], exchange: dict[str, Any]) -> list[str]:
        status = str(exchange["status"])
        known = operation["responses"]
        key = status if status in known else f"{status[0]}XX"
        if key not in known:
            return [f"status is not documented, only {sorted(known)} are"]
        if status == "204":
            return [] if exchange["response"] is None else ["a body with 204"]
        if "$ref" in known[key]:
            base, key = ["components", "responses"], known[key]["$ref"].rsplit("/", 1)[-1]
            return self._problems([*base, key, "content", "application/json", "schema"], exchange["response"])
        return self._problems([*base, "responses", key, "content", "application/json", "schema"], exchange["response"])

    def _problems(self, place: list[str], value: Any) -> list[str]:
        pointer = "/".join(part.replace("~", "~0").replace("/", "~1") for part in place)
        return [_deepest(error) for error in self._validator(pointer).iter_errors(value)]

    def _make_validator(self, pointer: str) -> Draft202012Validator:
        quoted = pointer.replace("{", "%7B").replace("}", "%7D")
        return Draft202012Validator({"$ref": f"{DOCUMENT}#/{quoted}"}, registry=self._registry)


def _snowflakes(body: Any) -> Any:
    """Ids as strings: Discord reads a snowflake (and the index of a file) from a number as well, its document does not say so."""
    if isinstance(body, list):
        return [_snowflakes(item) for item in body]
    if not isinstance(body, dict):
        return body
    made: dict[str, Any] = {
        key: str(value) if key.endswith("_id") and isinstance(value, int) else _snowflakes(value) for key, value in body.items()
    }
    if made.get("attachments"):
        made["attachments"] = [item | {"id": str(item["id"])} for item in made["attachments"]]
    return made


def _deepest(error: Any) -> str:
    """Sentence of the most telling cause inside a failed union."""
    while error.context:
        error = max(error.context, key=lambda cause: len(cause.absolute_path))
    return f"{'.'.join(map(str, error.absolute_path)) or 'body'}: {error.message[:300]}"
