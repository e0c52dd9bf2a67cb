// The page: who acts, which channel, what is shown.

import { act, follow, read } from "./api.js";
import { Composer } from "./composer.js";
import { byId, fill, h, hex, toast } from "./dom.js";
import { faultPanel } from "./faults.js";
import { avatar, follows, message, refreshTimes, shownName } from "./message.js";
import { openModal } from "./modal.js";

const PAGE = 60;
const KEPT = 150;

class Desk {
  who = "owner";
  channel = null;
  commands = [];
  context = { users: {}, roles: {}, channels: {} };
  unread = new Map();
  newest = new Map();
  messages = new Map();
  dismissed = new Set();
  more = false;

  async start() {
    const [, channel, who] = location.hash.split("/");
    this.who = who || "owner";
    await this.load();
    this.composer = new Composer(this);
    await this.open(this.state.channels.find((item) => item.name === channel)?.id ?? this.state.channels[0].id);
    this.listen();
    faultPanel();
    setInterval(refreshTimes, 10000);
    const stream = byId("stream");
    stream.addEventListener("scroll", () => {
      if (stream.scrollTop < 80) this.older();
      if (stream.scrollHeight - stream.scrollTop - stream.clientHeight < 60) byId("latest").hidden = true;
    });
    byId("latest").addEventListener("click", () => this.end());
  }

  async load() {
    this.state = await read("state", { user: this.who });
    this.me = this.state.me;
    this.commands = this.state.commands;
    const names = (things, name) => Object.fromEntries(Object.entries(things).map(([id, thing]) => [id, name(thing)]));
    this.context = {
      users: names(this.state.users, shownName),
      roles: names(this.state.roles, (role) => role.name),
      channels: Object.fromEntries(this.state.channels.map((item) => [item.id, item.name])),
    };
    for (const item of this.state.channels) if (!this.newest.has(item.id)) this.newest.set(item.id, BigInt(item.last_message_id ?? 0));
    byId("guild").textContent = this.state.guild.name;
    this.linked(this.state.linked);
    this.people();
    this.sidebar();
  }

  listen() {
    this.stop?.();
    this.opened = false;
    this.stop = follow(this.who, {
      open: () => (this.opened ? this.resync() : (this.opened = true)),
      message: (body) => this.changed(body),
      gone: (place) => this.gone(place),
      state: () => this.reload(),
      link: (told) => this.linked(told.linked),
      typing: (told) => this.typing(told),
    });
  }

  async resync() {
    await this.load();
    if (this.channel) await this.open(this.channel);
  }

  async reload() {
    await this.load();
    if (!this.state.channels.some((item) => item.id === this.channel)) await this.open(this.state.channels[0].id);
  }

  linked(on) {
    const chip = byId("link");
    chip.dataset.linked = String(on);
    chip.textContent = on ? "bot online" : "bot offline";
  }

  typing(told) {
    if (told.channel_id !== this.channel || told.user_id === this.me) return;
    const line = byId("typing");
    line.textContent = `${this.context.users[told.user_id] ?? "Somebody"} is typing...`;
    clearTimeout(this.typingEnds);
    this.typingEnds = setTimeout(() => { line.textContent = ""; }, 8000);
  }

  people() {
    fill(byId("people"), this.state.people.map((person) => {
      const user = this.state.users[person.id] ?? { id: person.id, username: person.name, global_name: person.shown };
      return h("button", { type: "button", role: "radio", class: "person", "aria-checked": String(person.name === this.who), dataset: { user: person.name }, onclick: () => this.become(person.name) },
        avatar(user, "small"), h("span", {}, h("b", {}, person.shown ?? person.name), h("small", { class: "quiet" }, person.roles.join(", ") || "no role")));
    }));
  }

  sidebar() {
    const item = (channel) => {
      const count = this.unread.get(channel.id) ?? 0;
      const name = channel.type === 1 ? "direct messages" : channel.name;
      return h("li", { class: channel.type === 11 ? "sub" : "" },
        h("button", { type: "button", class: "channel", "aria-current": channel.id === this.channel ? "page" : null, dataset: { channel: name }, onclick: () => this.open(channel.id) },
          h("span", { class: "hash", "aria-hidden": "true" }, channel.type === 0 ? "#" : channel.type === 1 ? "@" : "↳"), h("span", { class: "cut" }, name),
          count ? h("b", { class: "unread", "aria-label": `${count} new` }, count > 99 ? "99+" : count) : null));
    };
    const children = (parent) => this.state.channels.filter((channel) => channel.parent_id === parent.id && !channel.thread_metadata?.archived);
    fill(byId("channels"), this.state.channels.filter((channel) => channel.type !== 11).flatMap((channel) => [item(channel), ...children(channel).map(item)]));
  }

  async become(name) {
    this.who = name;
    await this.load();
    await this.open(this.state.channels.some((item) => item.id === this.channel) ? this.channel : this.state.channels[0].id);
    this.listen();
  }

  async open(id) {
    this.channel = id;
    const channel = this.state.channels.find((item) => item.id === id);
    this.channelName = channel.name ?? "direct messages";
    this.unread.delete(id);
    byId("channel-name").textContent = this.channelName;
    byId("channel-topic").textContent = channel.topic ?? "";
    document.title = `${this.channelName} · Loopback desk`;
    history.replaceState(null, "", `#/${this.channelName}/${this.who}`);
    this.sidebar();
    this.composer.input && (this.composer.input.placeholder = this.composer.hint());
    const found = await read("messages", { user: this.who, channel: id, limit: PAGE });
    if (this.channel !== id) return;
    this.messages = new Map(found.map((body) => [body.id, body]));
    if (found.length) this.newest.set(id, BigInt(found.at(-1).id));
    this.more = found.length === PAGE;
    this.draw(true);
  }

  async older() {
    if (!this.more || this.loading || !this.messages.size) return;
    this.loading = true;
    const first = this.messages.keys().next().value;
    const found = await read("messages", { user: this.who, channel: this.channel, limit: PAGE, before: first });
    const stream = byId("stream");
    const below = stream.scrollHeight - stream.scrollTop;
    this.messages = new Map([...found.map((body) => [body.id, body]), ...this.messages]);
    this.more = found.length === PAGE;
    this.draw(false);
    stream.scrollTop = stream.scrollHeight - below;
    this.loading = false;
  }

  changed(body) {
    if (body.channel_id !== this.channel) {
      if (BigInt(body.id) <= (this.newest.get(body.channel_id) ?? 0n)) return undefined;
      this.newest.set(body.channel_id, BigInt(body.id));
      this.unread.set(body.channel_id, (this.unread.get(body.channel_id) ?? 0) + 1);
      return this.sidebar();
    }
    if (body.author.id !== this.me) byId("typing").textContent = "";
    const known = this.messages.has(body.id);
    this.messages.set(body.id, body);
    if (!known) this.newest.set(this.channel, BigInt(body.id));
    const stream = byId("stream");
    const atEnd = stream.scrollHeight - stream.scrollTop - stream.clientHeight < 120;
    if (known) this.redraw(body);
    else this.append(body);
    if (atEnd) this.end();
    byId("latest").hidden = atEnd;
    return undefined;
  }

  gone(place) {
    if (this.messages.delete(place.id)) this.draw(false);
  }

  dismiss(body) {
    this.dismissed.add(body.id);
    this.messages.delete(body.id);
    this.draw(false);
  }

  redraw(body) {
    const old = byId("stream").querySelector(`[data-message="${CSS.escape(body.id)}"]`);
    old?.replaceWith(message(body, this, old.classList.contains("grouped")));
  }

  /** A message with the line of its day above it where one begins. */
  nodes(before, body) {
    const date = new Date(body.timestamp);
    const newDay = !before || new Date(before.timestamp).toDateString() !== date.toDateString();
    const line = newDay ? [h("h3", { class: "day" }, date.toLocaleDateString("en-GB", { dateStyle: "full" }))] : [];
    return [...line, message(body, this, !newDay && follows(before, body))];
  }

  append(body) {
    const every = [...this.messages.values()];
    if (every.length < 2 || every.at(-1) !== body || every.length > 2 * KEPT) {
      if (every.length > 2 * KEPT) {
        this.messages = new Map(every.slice(-KEPT).map((item) => [item.id, item]));
        this.more = true;
      }
      this.draw(false);
    } else byId("stream").append(...this.nodes(every.at(-2), body));
  }

  draw(toEnd) {
    const made = [];
    let before = null;
    for (const body of this.messages.values()) {
      if (this.dismissed.has(body.id)) continue;
      made.push(...this.nodes(before, body));
      before = body;
    }
    if (!made.length) made.push(h("div", { class: "empty" }, h("b", {}, `#${this.channelName}`), h("p", { class: "quiet" }, "Nothing has been said here yet.")));
    fill(byId("stream"), made);
    if (toEnd) this.end();
  }

  end() {
    const stream = byId("stream");
    stream.scrollTop = stream.scrollHeight;
    for (const image of stream.querySelectorAll("img:not([data-seen])")) {
      image.dataset.seen = "";
      if (!image.complete) image.addEventListener("load", () => { stream.scrollTop = stream.scrollHeight; }, { once: true });
    }
  }

  colour(id) {
    const roles = Object.entries(this.state.roles).filter(([, role]) => role.color);
    const person = this.state.people.find((item) => item.id === id);
    const held = roles.find(([, role]) => person?.roles.includes(role.name));
    return held ? hex(held[1].color) : null;
  }

  /** Choices of a user, role, mentionable or channel menu (component types 5 to 8). */
  options(type) {
    const users = Object.values(this.state.users).map((user) => ({ label: shownName(user), value: user.id }));
    const roles = Object.entries(this.state.roles).map(([id, role]) => ({ label: role.name, value: id }));
    const channels = this.state.channels.filter((item) => item.name).map((item) => ({ label: `#${item.name}`, value: item.id }));
    return { 5: users, 6: roles, 7: [...users, ...roles], 8: channels }[type] ?? [];
  }

  /** Names of those who reacted, for the tip of a reaction. */
  async reactors(body, emoji) {
    const told = await act("reactors", { message: body.id, emoji }).catch(() => ({ names: [], more: 0 }));
    return told.names.join(", ") + (told.more ? ` and ${told.more.toLocaleString("en-GB")} more` : "");
  }

  react(body, emoji, on) {
    return this.try(() => act(on ? "react" : "unreact", { user: this.who, message: body.id, emoji }));
  }

  say(text) {
    return this.try(() => act("say", { user: this.who, channel: this.channel, text }));
  }

  click(body, customId, values) {
    return this.try(async () => this.answered(await act("click", { user: this.who, message: body.id, custom_id: customId, values, patience: 0 }), "This interaction failed"));
  }

  slash(command, options) {
    return this.try(async () => this.answered(await act("slash", { user: this.who, channel: this.channel, command, options, patience: 0 }), "The application did not respond"));
  }

  answered(seen, sentence) {
    if (seen.state === "failed") toast(`${sentence}: there was no answer within 3 seconds.`);
    if (seen.state === "modal") {
      openModal(seen.modal, this, async (values) => this.answered(await act("submit", { user: this.who, interaction: seen.interaction, values, patience: 0 }), sentence));
    }
  }

  async try(work) {
    try {
      await work();
    } catch (error) {
      toast(error.message);
    }
  }
}

new Desk().start().catch((error) => toast(error.message));
