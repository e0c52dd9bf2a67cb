"""Buttons, selects, rows, layouts and modals: limits, and the form in which they come back."""

from collections.abc import Iterator

from bot.sandbox.errors import JSON
from bot.sandbox.limits import COMPONENTS_V2, Problem, refused, required, too_long

ROW, BUTTON, STRING_SELECT, TEXT_INPUT, TEXT_DISPLAY, LABEL = 1, 2, 3, 4, 10, 18
SELECTS = {3, 5, 6, 7, 8}
LINK_STYLE, PREMIUM_STYLE = 5, 6


def walk(components: list[JSON], path: str = "components") -> Iterator[tuple[str, JSON]]:
    """Give every component with its path, depth first."""
    for number, component in enumerate(components):
        here = f"{path}.{number}"
        yield here, component
        yield from walk(component.get("components") or [], f"{here}.components")
        for name in ("component", "accessory"):
            if component.get(name):
                yield f"{here}.{name}", component[name]


def check_components(components: list[JSON], flags: int = 0) -> None:
    """Check the components of a message.

    Raises
    ------
    WireError
        400 with one error for each field at fault.
    """
    problems: list[Problem] = []
    if flags & COMPONENTS_V2:
        problems.extend(_layout(components))
    else:
        problems.extend(_rows(components))
    problems.extend(_unique(components))
    for path, component in walk(components):
        problems.extend(_component(path, component))
    if problems:
        raise refused(problems)


def check_modal(data: JSON) -> None:
    """Check a modal: title, custom id, one to five rows or labels."""
    problems: list[Problem] = []
    for name, limit in (("title", 45), ("custom_id", 100)):
        text = data.get(name) or ""
        if not 1 <= len(text) <= limit:
            problems.append(too_long(f"data.{name}", limit, 1))
    components = data.get("components") or []
    if not 1 <= len(components) <= 5:
        problems.append(("data.components", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 5 in length."))
    problems.extend((f"data.{path}", code, text) for path, code, text in _unique(components))
    for path, component in walk(components):
        problems.extend((f"data.{place}", code, text) for place, code, text in _component(path, component))
    if problems:
        raise refused(problems)


def find(components: list[JSON], custom_id: str) -> JSON | None:
    """Give the component with this custom id."""
    for _, component in walk(components):
        if component.get("custom_id") == custom_id:
            return component
    return None


def shown(components: list[JSON]) -> list[JSON]:
    """Components as they come back: numbered, defaults filled in, nulls left out."""
    counter = iter(range(1, 1000))
    return [_shown(component, counter) for component in components]


def _shown(component: JSON, counter: Iterator[int]) -> JSON:
    made: JSON = {"type": component["type"], "id": component.get("id") or next(counter)}
    made |= {key: value for key, value in component.items() if value is not None and key not in made}
    kind = component["type"]
    if kind in SELECTS:
        made.setdefault("min_values", 1)
        made.setdefault("max_values", 1)
    if kind in SELECTS or kind == BUTTON:
        made.setdefault("disabled", False)
    if isinstance(made.get("emoji"), dict):
        made["emoji"] = {key: value for key, value in made["emoji"].items() if value is not None}
    for name in ("component", "accessory"):
        if name in made:
            made[name] = _shown(made[name], counter)
    if "components" in made:
        made["components"] = [_shown(child, counter) for child in made["components"]]
    return made


def _rows(components: list[JSON]) -> Iterator[Problem]:
    if len(components) > 5:
        yield "components", "BASE_TYPE_BAD_LENGTH", "Must be 5 or fewer in length."
    for number, row in enumerate(components):
        path = f"components.{number}"
        if row.get("type") != ROW:
            yield f"{path}.type", "BASE_TYPE_CHOICES", "Value must be one of (1,)."
            continue
        children = row.get("components") or []
        wide = sum(5 if child.get("type") in SELECTS else 1 for child in children)
        if not children or wide > 5:
            yield (
                f"{path}.components",
                "COMPONENT_LAYOUT_WIDTH_EXCEEDED" if children else "BASE_TYPE_REQUIRED",
                "A row holds 1 to 5 parts.",
            )


def _layout(components: list[JSON]) -> Iterator[Problem]:
    every = list(walk(components))
    if not 1 <= len(every) <= 40:
        yield "components", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 40 in length."
    if sum(len(part.get("content") or "") for _, part in every if part.get("type") == TEXT_DISPLAY) > 4000:
        yield "components", "COMPONENT_MAX_TOTAL_TEXT_SIZE", "The total text of all components exceeds 4000."


def _unique(components: list[JSON]) -> Iterator[Problem]:
    seen: set[str] = set()
    for path, component in walk(components):
        custom_id = component.get("custom_id")
        if custom_id is None:
            continue
        if custom_id in seen:
            yield f"{path}.custom_id", "COMPONENT_CUSTOM_ID_DUPLICATED", "Component custom id cannot be duplicated"
        seen.add(custom_id)


def _component(path: str, component: JSON) -> Iterator[Problem]:
    custom_id = component.get("custom_id")
    if custom_id is not None and not 1 <= len(custom_id) <= 100:
        yield too_long(f"{path}.custom_id", 100, 1)
    kind = component.get("type")
    if kind == BUTTON:
        yield from _button(path, component)
    elif kind in SELECTS:
        yield from _select(path, component)
    elif kind in {TEXT_INPUT, LABEL} and len(component.get("label") or "") > 45:
        yield too_long(f"{path}.label", 45)


def _button(path: str, button: JSON) -> Iterator[Problem]:
    if len(button.get("label") or "") > 80:
        yield too_long(f"{path}.label", 80)
    style = button.get("style")
    if style == LINK_STYLE:
        if not button.get("url"):
            yield required(f"{path}.url")
        return
    if style not in {1, 2, 3, 4, PREMIUM_STYLE}:
        yield f"{path}.style", "BASE_TYPE_CHOICES", "Value must be one of (1, 2, 3, 4, 5, 6)."
    if style != PREMIUM_STYLE and not button.get("custom_id"):
        yield required(f"{path}.custom_id")
    if style != PREMIUM_STYLE and not button.get("label") and not button.get("emoji"):
        yield required(f"{path}.label")


def _select(path: str, select: JSON) -> Iterator[Problem]:
    if not select.get("custom_id"):
        yield required(f"{path}.custom_id")
    if len(select.get("placeholder") or "") > 150:
        yield too_long(f"{path}.placeholder", 150)
    if select.get("type") != STRING_SELECT:
        return
    options = select.get("options") or []
    if not 1 <= len(options) <= 25:
        yield f"{path}.options", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 25 in length."
    if len({option.get("value") for option in options}) != len(options):
        yield f"{path}.options", "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED", "The specified option value is already used"
    for number, option in enumerate(options):
        yield from _select_option(f"{path}.options.{number}", option)


def _select_option(path: str, option: JSON) -> Iterator[Problem]:
    for name in ("label", "value", "description"):
        text = option.get(name) or ""
        if len(text) > 100 or (name != "description" and not text):
            yield too_long(f"{path}.{name}", 100, 1)
