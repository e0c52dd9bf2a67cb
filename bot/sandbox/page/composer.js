// The line at the bottom: plain messages, or a slash command with its options.

import { act } from "./api.js";
import { Completion } from "./completion.js";
import { byId, fill, h, toast } from "./dom.js";

const TYPES = { 3: "text", 4: "whole number", 5: "yes or no", 6: "user", 7: "channel", 8: "role", 9: "user or role", 10: "number", 11: "file" };

/** Commands with group and subcommand in one path each. */
export function flatten(commands) {
  const made = [];
  const walk = (path, item) => {
    const nested = (item.options ?? []).filter((option) => option.type === 1 || option.type === 2);
    if (nested.length) nested.forEach((option) => walk(`${path} ${option.name}`, option));
    else made.push({ path, about: item.description, options: item.options ?? [] });
  };
  commands.filter((item) => item.type === 1).forEach((item) => walk(item.name, item));
  return made;
}

/** A command typed as plain text, `signals explain symbol:SULA`: its path and options, or an error in one sentence. */
export function parse(text, commands) {
  const found = commands.filter((item) => text === item.path || text.startsWith(`${item.path} `)).sort((a, b) => b.path.length - a.path.length)[0];
  if (!found) return { error: `There is no command /${text}; type / to see them all.` };
  const rest = text.slice(found.path.length);
  const names = found.options.map((option) => option.name);
  const marks = [...rest.matchAll(/(?<=\s)([\w-]+):/g)].filter((mark) => names.includes(mark[1]));
  const before = rest.slice(0, marks[0]?.index).trim();
  if (before) return { error: `/${found.path} ${names.length ? `takes ${names.map((name) => `${name}:...`).join(" ")}` : "takes nothing"}, not ${before}.` };
  const values = marks.map((mark, index) => [mark[1], rest.slice(mark.index + mark[0].length, marks[index + 1]?.index).trim()]);
  const options = Object.fromEntries(values.filter(([, value]) => value));
  const missing = found.options.filter((option) => option.required && !(option.name in options)).map((option) => option.name);
  if (missing.length) return { error: `/${found.path} needs ${missing.map((name) => `${name}:...`).join(" ")}.` };
  for (const option of found.options) if (option.type === 5 && option.name in options) options[option.name] = options[option.name] === "true";
  return { path: found.path, options };
}

export class Composer {
  /** `desk` knows commands, channel, acting user, and takes what comes back. */
  constructor(desk) {
    this.desk = desk;
    this.form = byId("composer");
    this.list = new Completion();
    this.command = null;
    this.form.addEventListener("submit", (event) => { event.preventDefault(); this.send(); });
    this.plain();
  }

  /** A line for text. */
  plain(text = "") {
    this.command = null;
    this.input = h("input", { id: "text", class: "line", type: "text", "aria-label": "Message or slash command", placeholder: this.hint(), value: text, maxlength: 2000, role: "combobox", "aria-controls": "completion", "aria-expanded": "false" });
    this.input.addEventListener("input", () => this.typed());
    this.input.addEventListener("keydown", (event) => this.list.key(event));
    this.input.addEventListener("blur", () => this.left());
    fill(this.form, h("button", { type: "button", class: "slash-start", title: "Slash commands", "aria-label": "Slash commands", onclick: () => { this.input.focus(); this.input.value = "/"; this.typed(); } }, "/"), this.input, h("button", { type: "submit", class: "button primary send" }, "Send"));
  }

  /** Focus went away: close the list unless it went to another field of the line. */
  left() {
    setTimeout(() => {
      if (!this.form.contains(document.activeElement)) this.list.hide();
    }, 150);
  }

  hint() {
    return `Message #${this.desk.channelName ?? ""}, or type / for commands`;
  }

  typed() {
    const text = this.input.value;
    if (!text.startsWith("/")) return this.list.hide();
    const wanted = text.slice(1).toLowerCase();
    const found = flatten(this.desk.commands).filter((item) => item.path.startsWith(wanted) || item.path.includes(wanted.trim()));
    found.sort((a, b) => Number(b.path.startsWith(wanted)) - Number(a.path.startsWith(wanted)));
    const title = this.desk.commands.length ? "Commands" : "No commands are registered; is the bot running?";
    this.list.show(title, found.map((item) => ({ label: `/${item.path}`, value: item.path, about: item.about, note: item.options.map((option) => option.name).join(" "), pick: () => this.choose(item) })));
    if (!found.length && !this.desk.commands.length) toast(title, "note");
    return undefined;
  }

  /** A command was chosen: a chip and a field for each required option; the others can be added. */
  choose(command) {
    this.command = command;
    this.fields = new Map();
    this.chips = h("span", { class: "option-list" });
    this.more = h("span", { class: "option-more" });
    const send = h("button", { type: "submit", class: "button primary send" }, "Send");
    const away = h("button", { type: "button", class: "ghost", "aria-label": "Leave the command", onclick: () => { this.plain(); this.input.focus(); } }, "✕");
    fill(this.form, h("span", { class: "command-chip", title: command.about }, `/${command.path}`), this.chips, this.more, away, send);
    command.options.filter((option) => option.required).forEach((option) => this.add(option));
    this.offer();
    (this.form.querySelector(".option input") ?? send).focus();
    this.form.onkeydown = (event) => {
      if (event.key === "Escape" && !this.list.open && this.command) {
        this.plain();
        this.input.focus();
      }
    };
  }

  offer() {
    const left = this.command.options.filter((option) => !this.fields.has(option.name));
    fill(this.more, left.map((option) => h("button", { type: "button", class: "ghost option-add", title: option.description, dataset: { option: option.name }, onclick: () => { this.add(option); this.offer(); this.fields.get(option.name).focus(); } }, `+ ${option.name}`)));
  }

  add(option) {
    const input = h("input", { type: "text", placeholder: TYPES[option.type], "aria-label": option.name, name: option.name, required: option.required, autocomplete: "off" });
    input.addEventListener("focus", () => this.suggest(option, input));
    input.addEventListener("input", () => { delete input.dataset.value; this.suggest(option, input); });
    input.addEventListener("keydown", (event) => this.list.key(event));
    input.addEventListener("blur", () => this.left());
    this.fields.set(option.name, input);
    this.chips.append(h("label", { class: "option", title: option.description }, h("span", {}, option.name), input));
  }

  async suggest(option, input) {
    const typed = input.value.toLowerCase();
    const items = option.autocomplete ? await this.ask(option, input) : this.known(option);
    const moved = document.activeElement !== input || this.fields.get(option.name) !== input || input.value.toLowerCase() !== typed;
    if (moved) return;
    const fitting = option.autocomplete ? items : items.filter((item) => item.name.toLowerCase().includes(typed));
    const take = (item) => { input.value = item.name; input.dataset.value = JSON.stringify(item.value); };
    const title = option.description || option.name;
    this.list.show(title, fitting.slice(0, 25).map((item) => ({ label: item.name, value: String(item.value), about: item.name === String(item.value) ? "" : String(item.value), pick: () => take(item) })));
  }

  known(option) {
    if (option.choices) return option.choices;
    if (option.type === 5) return [{ name: "true", value: true }, { name: "false", value: false }];
    return this.desk.options({ 6: 5, 7: 8, 8: 6, 9: 7 }[option.type]).map((item) => ({ name: item.label, value: item.value }));
  }

  async ask(option, input) {
    const asked = (this.asked = (this.asked ?? 0) + 1);
    const values = Object.fromEntries([...this.fields].map(([name, field]) => [name, field.value]).filter(([, value]) => value));
    values[option.name] = input.value;
    const told = await act("autocomplete", { user: this.desk.who, channel: this.desk.channel, command: this.command.path, option: option.name, options: values }).catch(() => null);
    return asked === this.asked ? told?.choices ?? [] : [];
  }

  values() {
    const made = {};
    for (const [name, input] of this.fields) {
      if (!input.value) continue;
      const option = this.command.options.find((item) => item.name === name);
      const plain = option.type === 5 ? input.value === "true" : input.value;
      made[name] = input.dataset.value ? JSON.parse(input.dataset.value) : plain;
    }
    return made;
  }

  async send() {
    this.list.hide();
    if (this.command) {
      const { path } = this.command;
      const options = this.values();
      this.plain();
      this.input.focus();
      await this.desk.slash(path, options);
      return undefined;
    }
    const text = this.input.value.trim();
    if (!text) return undefined;
    if (text.startsWith("/")) {
      const read = parse(text.slice(1), flatten(this.desk.commands));
      if (read.error) return toast(read.error);
      this.plain();
      await this.desk.slash(read.path, read.options);
      return undefined;
    }
    this.input.value = "";
    await this.desk.say(text);
    return undefined;
  }
}
