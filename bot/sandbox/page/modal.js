// Forms that the bot opens.

import { byId, h, toast } from "./dom.js";
import { markdown } from "./markdown.js";

/** Show a modal; `send(values)` is called with texts by custom id, and throws when something does not fit. */
export function openModal(modal, desk, send) {
  const dialog = byId("dialog");
  const problem = h("p", { class: "problem", role: "alert" });
  const form = h("form", { method: "dialog", class: "modal" },
    h("h2", { id: "modal-title" }, modal.title),
    modal.components.map((part) => field(part, desk)),
    problem,
    h("div", { class: "modal-buttons" },
      h("button", { type: "button", class: "button secondary", onclick: () => dialog.close() }, "Cancel"),
      h("button", { type: "submit", class: "button primary" }, "Submit")));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const values = {};
    for (const control of form.elements) {
      if (!control.name) continue;
      values[control.name] = control.multiple ? [...control.selectedOptions].map((option) => option.value) : control.value;
    }
    try {
      dialog.close();
      await send(values);
    } catch (error) {
      toast(error.message);
    }
  });
  dialog.className = "sheet";
  dialog.onclick = null;
  dialog.setAttribute("aria-labelledby", "modal-title");
  dialog.replaceChildren(form);
  dialog.showModal();
  form.querySelector("input, textarea, select")?.focus();
}

function field(part, desk) {
  if (part.type === 10) return h("div", { class: "content" }, markdown(part.content ?? "", desk.context));
  if (part.type === 18) return labelled(part.label, part.description, part.component, desk);
  if (part.type === 1) return part.components.map((child) => labelled(child.label, null, child, desk));
  return labelled(part.label ?? "", null, part, desk);
}

function labelled(label, description, part, desk) {
  const needed = part.required !== false;
  return h("label", { class: "field-row" },
    h("span", { class: "field-label" }, label, needed ? h("b", { class: "needed", title: "required" }, " *") : null),
    description ? h("small", { class: "quiet" }, description) : null,
    control(part, needed, desk));
}

function control(part, needed, desk) {
  const common = { name: part.custom_id, required: needed, placeholder: part.placeholder };
  if (part.type === 4) {
    const limits = { minlength: part.min_length, maxlength: part.max_length ?? 4000 };
    return part.style === 2
      ? h("textarea", { ...common, ...limits, rows: 4, value: part.value ?? "" })
      : h("input", { ...common, ...limits, type: "text", value: part.value ?? "" });
  }
  const options = part.type === 3 ? part.options : desk.options(part.type);
  return h("select", { ...common, placeholder: null, multiple: (part.max_values ?? 1) > 1 },
    options.map((item) => h("option", { value: item.value, selected: item.default }, item.label)));
}
