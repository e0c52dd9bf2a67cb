// Buttons, menus and layouts below a message.

import { h, hex, safeUrl } from "./dom.js";
import { emoji as drawn } from "./emoji.js";
import { markdown } from "./markdown.js";

const STYLES = { 1: "primary", 2: "secondary", 3: "success", 4: "danger", 5: "link" };
const EMOJI = (emoji) => (emoji?.name ? drawn(emoji.name) : null);

/** All components of a message. */
export function components(body, desk) {
  if (!body.components?.length) return null;
  return h("div", { class: "components" }, body.components.map((part) => component(part, body, desk)));
}

function component(part, body, desk) {
  const inner = () => (part.components ?? []).map((child) => component(child, body, desk));
  switch (part.type) {
    case 1: return h("div", { class: "action-row" }, inner());
    case 2: return button(part, body, desk);
    case 3: case 5: case 6: case 7: case 8: return menu(part, body, desk);
    case 9: return h("div", { class: "section" }, h("div", {}, inner()), part.accessory ? component(part.accessory, body, desk) : null);
    case 10: return h("div", { class: "content" }, markdown(part.content ?? "", desk.context));
    case 14: return h("hr", { class: part.divider === false ? "gap" : "" });
    case 17: return h("section", { class: "embed", colour: part.accent_color ? hex(part.accent_color) : null }, inner());
    default: return h("p", { class: "quiet" }, `a part of type ${part.type} is not shown here`);
  }
}

function button(part, body, desk) {
  const label = [EMOJI(part.emoji), part.label ? h("span", {}, part.label) : null];
  if (part.style === 5) {
    return h("a", { class: "button link", href: safeUrl(part.url), target: "_blank", rel: "noreferrer noopener" }, label, h("span", { "aria-hidden": "true" }, "↗"));
  }
  return h("button", { type: "button", class: `button ${STYLES[part.style] ?? "secondary"}`, disabled: part.disabled, dataset: { customId: part.custom_id }, onclick: (event) => busy(event.currentTarget, () => desk.click(body, part.custom_id)) }, label);
}

/** Hold a control while the bot works on it. */
async function busy(control, work) {
  control.setAttribute("aria-busy", "true");
  control.disabled = true;
  try {
    await work();
  } finally {
    control.removeAttribute("aria-busy");
    control.disabled = false;
  }
}

function menu(part, body, desk) {
  const options = part.type === 3 ? part.options : desk.options(part.type);
  const choose = (values) => desk.click(body, part.custom_id, values);
  if ((part.max_values ?? 1) === 1) return single(part, options, choose);
  return several(part, options, choose);
}

function single(part, options, choose) {
  const made = h("select", { class: "menu", disabled: part.disabled, "aria-label": part.placeholder ?? "Make a choice", dataset: { customId: part.custom_id } },
    h("option", { value: "", disabled: true, hidden: true, selected: !options.some((item) => item.default) }, part.placeholder ?? "Make a choice"),
    options.map((item) => h("option", { value: item.value, selected: item.default }, `${item.emoji?.name ? item.emoji.name + " " : ""}${item.label}${item.description ? " · " + item.description : ""}`)));
  made.addEventListener("change", () => busy(made, () => choose([made.value])));
  return made;
}

function several(part, options, choose) {
  const boxes = options.map((item) => {
    const box = h("input", { type: "checkbox", value: item.value, checked: item.default });
    return [box, h("label", { class: "check" }, box, EMOJI(item.emoji), h("span", {}, item.label, item.description ? h("small", { class: "quiet" }, item.description) : null))];
  });
  const send = h("button", { type: "button", class: "button primary" }, "Choose");
  const chosen = () => boxes.filter(([box]) => box.checked).map(([box]) => box.value);
  const check = () => {
    const count = chosen().length;
    send.disabled = count < part.min_values || count > part.max_values;
  };
  const made = h("details", { class: "menu many", dataset: { customId: part.custom_id } },
    h("summary", {}, part.placeholder ?? "Make a choice", h("small", { class: "quiet" }, ` up to ${part.max_values}`)),
    h("div", { class: "many-list" }, boxes.map(([, label]) => label), send));
  made.addEventListener("change", check);
  send.addEventListener("click", () => { made.open = false; busy(send, () => choose(chosen())); });
  check();
  return made;
}
