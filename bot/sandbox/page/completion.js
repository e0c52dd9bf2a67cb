// The list above the composer: commands, values, suggestions. Arrow keys, Enter or Tab, Escape.

import { byId, fill, h } from "./dom.js";

export class Completion {
  constructor() {
    this.box = byId("completion");
    this.items = [];
    this.active = 0;
  }

  get open() {
    return !this.box.hidden && this.items.length > 0;
  }

  /** Show items {label, about, note, pick}; the first is marked. */
  show(title, items) {
    this.items = items;
    this.active = 0;
    this.box.hidden = items.length === 0;
    fill(this.box, h("p", { class: "quiet completion-title" }, title), items.map((item, index) =>
      h("button", { type: "button", role: "option", id: `option-${index}`, tabindex: "-1", dataset: { value: item.value ?? item.label }, onmousedown: (event) => event.preventDefault(), onclick: () => this.pick(index) },
        h("span", { class: "completion-label" }, item.label), h("span", { class: "quiet completion-about" }, item.about ?? ""), item.note ? h("span", { class: "completion-note" }, item.note) : null)));
    this.mark();
  }

  hide() {
    this.box.hidden = true;
    this.items = [];
  }

  pick(index = this.active) {
    const item = this.items[index];
    this.hide();
    item?.pick();
  }

  mark() {
    this.box.querySelectorAll("[role=option]").forEach((row, index) => {
      row.setAttribute("aria-selected", String(index === this.active));
      if (index === this.active) row.scrollIntoView({ block: "nearest" });
    });
  }

  /** Handle a key; true when it was for the list. */
  key(event) {
    if (!this.open) return false;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      this.active = (this.active + step + this.items.length) % this.items.length;
      this.mark();
    } else if (event.key === "Enter" || event.key === "Tab") this.pick();
    else if (event.key === "Escape") this.hide();
    else return false;
    event.preventDefault();
    return true;
  }
}
