// Markdown of chat messages, to nodes. Every text ends up in a text node.

import { h, safeUrl } from "./dom.js";
import { DRAWN, emoji } from "./emoji.js";

const INLINE = [
  [/^\\([\\*_~`|>#[\]()<:-])/, (m) => m[1]],
  [/^``(.+?)``|^`([^`]+)`/, (m) => h("code", {}, (m[1] ?? m[2]).trim())],
  [/^\*\*\*([^]+?)\*\*\*(?!\*)/, (m, c) => h("strong", {}, h("em", {}, inline(m[1], c)))],
  [/^\*\*([^]+?)\*\*(?!\*)/, (m, c) => h("strong", {}, inline(m[1], c))],
  [/^__([^]+?)__(?!_)/, (m, c) => h("u", {}, inline(m[1], c))],
  [/^~~([^]+?)~~/, (m, c) => h("s", {}, inline(m[1], c))],
  [/^\|\|([^]+?)\|\|/, (m, c) => spoiler(inline(m[1], c))],
  [/^\*(?!\s)([^*]+?)\*/, (m, c) => h("em", {}, inline(m[1], c))],
  [/^_(?!\s)([^_]+?)_(?!\w)/, (m, c) => h("em", {}, inline(m[1], c))],
  [/^\[([^\]]+)\]\(<?(\S+?)>?\)/, (m, c) => link(m[2], inline(m[1], c), m[0])],
  [/^<(https?:\/\/[^>\s]+)>/, (m) => link(m[1], m[1], m[0])],
  [/^https?:\/\/[^\s<>]+[^\s<>.,;:!?'")\]]/, (m) => link(m[0], m[0], m[0])],
  [/^<t:(-?\d{1,13})(?::([tTdDfFRsS]))?>/, (m) => time(Number(m[1]), m[2] ?? "f")],
  [/^<@!?(\d+)>/, (m, c) => mention("@" + (c.users[m[1]] ?? "unknown"))],
  [/^<@&(\d+)>/, (m, c) => mention("@" + (c.roles[m[1]] ?? "unknown role"))],
  [/^<#(\d+)>/, (m, c) => mention("#" + (c.channels[m[1]] ?? "unknown"))],
  [/^<\/([-\w ]+):\d+>/, (m) => mention("/" + m[1])],
  [/^<a?:(\w+):\d+>/, (m) => h("span", { class: "emoji" }, `:${m[1]}:`)],
  [/^@(everyone|here)/, (m) => mention(m[0])],
  [DRAWN, (m) => emoji(m[0])],
];

/** Nodes of a text inside one paragraph; `context` names users, roles and channels by id. */
export function inline(text, context) {
  const made = [];
  let plain = "";
  let before = "";
  while (text) {
    const word = /\w/.test(before) && /^[_h]/.test(text);
    const hit = word ? null : first(text);
    if (hit) {
      if (plain) made.push(plain);
      plain = "";
      made.push(hit.rule[1](hit.match, context));
      before = hit.match[0].at(-1);
      text = text.slice(hit.match[0].length);
    } else {
      const step = text.match(/^[\w ,.]*[ ,.](?=[A-Za-gi-z])|^[A-Za-gi-z0-9 ]+/)?.[0] ?? String.fromCodePoint(text.codePointAt(0));
      plain += step;
      before = step.at(-1);
      text = text.slice(step.length);
    }
  }
  if (plain) made.push(plain);
  return made;
}

function first(text) {
  for (const rule of INLINE) {
    const match = text.match(rule[0]);
    if (match) return { rule, match };
  }
  return null;
}

const mention = (text) => h("span", { class: "mention" }, text);

function spoiler(children) {
  const made = h("button", { class: "spoiler", type: "button", "aria-label": "Show spoiler" }, children);
  made.addEventListener("click", () => made.classList.add("shown"));
  return made;
}

function link(address, children, source) {
  const url = safeUrl(address);
  return url === null ? source : h("a", { href: url, target: "_blank", rel: "noreferrer noopener" }, children);
}

const STYLES = {
  t: { timeStyle: "short" },
  T: { timeStyle: "medium" },
  d: { dateStyle: "short" },
  D: { dateStyle: "long" },
  f: { dateStyle: "long", timeStyle: "short" },
  F: { dateStyle: "full", timeStyle: "short" },
  s: { dateStyle: "short", timeStyle: "short" },
  S: { dateStyle: "short", timeStyle: "medium" },
};

/** A time in the reader's zone; style R counts. */
export function time(seconds, style) {
  const date = new Date(seconds * 1000);
  if (Number.isNaN(date.getTime())) return String(seconds);
  const full = date.toLocaleString("en-GB", STYLES.F);
  const text = style === "R" ? relative(date) : date.toLocaleString("en-GB", STYLES[style]);
  return h("time", { class: "stamp", datetime: date.toISOString(), title: full, dataset: style === "R" ? { relative: date.getTime() } : {} }, text);
}

/** "in 4 minutes", "2 hours ago". */
export function relative(date) {
  const seconds = (date.getTime() - Date.now()) / 1000;
  const format = new Intl.RelativeTimeFormat("en-GB", { numeric: "auto" });
  const units = [["year", 31557600], ["month", 2629800], ["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];
  const [unit, size] = units.find(([, length]) => Math.abs(seconds) >= length) ?? units.at(-1);
  return format.format(Math.round(seconds / size), unit);
}

/** Nodes of a whole text: code blocks, headings, lists, quotes, paragraphs. */
export function markdown(text, context) {
  const made = [];
  const fence = /```(?:([\w+-]+)\n)?\n?([^]*?)```/;
  for (let hit = text.match(fence); hit; hit = text.match(fence)) {
    made.push(...blocks(text.slice(0, hit.index).replace(/\n$/, ""), context));
    made.push(h("pre", { class: "code" }, h("code", {}, hit[2].replace(/\n$/, ""))));
    text = text.slice(hit.index + hit[0].length).replace(/^\n/, "");
  }
  made.push(...blocks(text, context));
  return made;
}

const LINES = [
  [/^(#{1,3}) (.+)$/, (m, c) => h(`h${m[1].length + 2}`, { class: "heading" }, inline(m[2], c))],
  [/^-# (.+)$/, (m, c) => h("p", { class: "subtext" }, inline(m[1], c))],
];

function blocks(text, context) {
  if (!text) return [];
  const made = [];
  let lines = [];
  const flush = () => {
    if (lines.length) made.push(h("p", { class: "para" }, inline(lines.join("\n"), context)));
    lines = [];
  };
  for (const line of text.split("\n")) {
    const special = LINES.map(([pattern, build]) => [line.match(pattern), build]).find(([match]) => match);
    const item = line.match(/^(\s*)(?:[-*]|(\d+)\.) (.+)$/);
    if (special || item || /^> /.test(line)) flush();
    if (special) made.push(special[1](special[0], context));
    else if (item) listItem(made, item, context);
    else if (/^> /.test(line)) quote(made, line.slice(2), context);
    else lines.push(line);
  }
  flush();
  return made;
}

function listItem(made, [, indent, number, text], context) {
  const tag = number ? "ol" : "ul";
  let list = made.at(-1);
  if (!(list instanceof HTMLElement) || list.tagName.toLowerCase() !== tag) {
    list = h(tag, number ? { start: number } : {});
    made.push(list);
  }
  list.append(h("li", indent.length > 1 ? { class: "deeper" } : {}, inline(text, context)));
}

function quote(made, text, context) {
  let block = made.at(-1);
  if (!(block instanceof HTMLElement) || block.tagName !== "BLOCKQUOTE") {
    block = h("blockquote");
    made.push(block);
  }
  block.append(h("p", { class: "para" }, inline(text, context)));
}
