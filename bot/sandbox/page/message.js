// One message as nodes: who, what, embeds, files, reactions, components.

import { components } from "./components.js";
import { h, hex, hue, isLocal, safeUrl } from "./dom.js";
import { emoji } from "./emoji.js";
import { markdown, inline, relative } from "./markdown.js";

const EPHEMERAL = 64;
const LOADING = 128;
const GROUP_MS = 7 * 60 * 1000;
export const QUICK = ["✅", "❌", "👍", "👎", "👀", "❤️", "⚠️", "❓", "📈", "📉", "📊", "⏸️", "🛑", "⏳", "🔔", "🟢"];

export const shownName = (user) => user.global_name || user.username;

/** A round avatar with initials. */
export function avatar(user, size = "") {
  const words = shownName(user).split(/[\s-]+/);
  const letters = user.bot ? "QM" : words.slice(0, 2).map((word) => word[0].toUpperCase()).join("");
  return h("span", { class: `avatar ${user.bot ? "bot" : ""} ${size}`, colour: user.bot ? null : hue(user.username), "aria-hidden": "true" }, letters);
}

/** Whether a message goes below the one before it without a head of its own. */
export function follows(before, message) {
  if (!before || message.interaction || message.referenced_message) return false;
  const gap = new Date(message.timestamp) - new Date(before.timestamp);
  const private_ = (item) => Boolean(item.flags & EPHEMERAL);
  return before.author.id === message.author.id && gap < GROUP_MS && private_(before) === private_(message);
}

/** The whole message; `desk` gives names, the acting user and what clicks do. */
export function message(body, desk, grouped) {
  const private_ = Boolean(body.flags & EPHEMERAL);
  const mentioned = body.mentions.some((user) => user.id === desk.me);
  const classes = ["message", grouped ? "grouped" : "", private_ ? "private" : "", mentioned ? "mentioned" : ""];
  return h("article", { class: classes.filter(Boolean).join(" "), dataset: { message: body.id, author: body.author.username }, "aria-label": `Message from ${shownName(body.author)}` },
    replyLine(body, desk),
    h("div", { class: "row" },
      grouped ? h("time", { class: "gutter", datetime: body.timestamp }, clock(body.timestamp)) : avatar(body.author),
      h("div", { class: "column" },
        grouped ? null : head(body, desk),
        content(body, desk),
        body.embeds.map((item) => embed(item, desk.context)),
        body.edited_timestamp && !body.content ? edited(body) : null,
        attachments(body.attachments),
        components(body, desk),
        reactions(body, desk),
        body.thread ? h("p", { class: "thread" }, h("button", { type: "button", class: "ghost", onclick: () => desk.open(body.thread.id) }, `${body.thread.name} · ${body.thread.message_count} messages`)) : null,
        private_ ? privateLine(body, desk) : null),
      h("div", { class: "tools" }, h("button", { type: "button", class: "tool", title: "Add a reaction", "aria-label": "Add a reaction", onclick: (event) => picker(event.currentTarget, body, desk) }, "☺"))));
}

const clock = (stamp) => new Date(stamp).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });

function head(body, desk) {
  const date = new Date(body.timestamp);
  const today = date.toDateString() === new Date().toDateString();
  const when = today ? `today at ${clock(body.timestamp)}` : date.toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" });
  return h("header", { class: "head" },
    h("strong", { class: "name", colour: desk.colour(body.author.id) }, shownName(body.author)),
    body.author.bot ? h("span", { class: "tag" }, "BOT") : null,
    h("time", { class: "quiet", datetime: body.timestamp }, when));
}

function replyLine(body, desk) {
  if (body.interaction) {
    return h("p", { class: "reply" }, avatar(body.interaction.user, "tiny"), h("strong", {}, shownName(body.interaction.user)), " used ", h("span", { class: "mention" }, `/${body.interaction.name}`));
  }
  if (!body.referenced_message) return null;
  const source = body.referenced_message;
  const words = source.content || (source.embeds[0]?.title ?? "a picture");
  return h("p", { class: "reply" }, avatar(source.author, "tiny"), h("strong", {}, shownName(source.author)), " ", h("span", { class: "cut" }, inline(words.slice(0, 120), desk.context)));
}

function content(body, desk) {
  if (body.flags & LOADING) {
    return h("p", { class: "thinking" }, h("span", { class: "dots", "aria-hidden": "true" }, h("i"), h("i"), h("i")), `${shownName(body.author)} is thinking...`);
  }
  if (!body.content) return null;
  const big = /^(\p{Extended_Pictographic}\uFE0F?\s*){1,8}$/u.test(body.content);
  const made = h("div", { class: big ? "content big" : "content" }, markdown(body.content, desk.context));
  if (body.edited_timestamp) {
    (made.lastElementChild?.matches("p.para") ? made.lastElementChild : made).append(edited(body));
  }
  return made;
}

const edited = (body) => h("small", { class: "edited", title: new Date(body.edited_timestamp).toLocaleString("en-GB") }, " (edited)");

function privateLine(body, desk) {
  return h("p", { class: "only" }, "Only you can see this · ", h("button", { type: "button", class: "as-link", onclick: () => desk.dismiss(body) }, "dismiss"));
}

/** An embed: bar, author, title, text, fields, pictures, footer. */
export function embed(item, context) {
  const fields = (item.fields ?? []).map((field) =>
    h("div", { class: field.inline ? "field inline" : "field" }, h("dt", {}, inline(field.name, context)), h("dd", {}, markdown(field.value, context))));
  const url = item.url ? safeUrl(item.url) : null;
  const title = item.title ? inline(item.title, context) : null;
  const foot = [item.footer?.text, item.timestamp ? new Date(item.timestamp).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" }) : null];
  return h("section", { class: "embed", colour: item.color === undefined ? null : hex(item.color), "aria-label": item.title ?? "Embed" },
    item.thumbnail ? picture(item.thumbnail, "thumbnail", "Thumbnail") : null,
    item.author ? h("p", { class: "embed-author" }, item.author.name) : null,
    title ? h("h4", { class: "embed-title" }, url ? h("a", { href: url, target: "_blank", rel: "noreferrer noopener" }, title) : title) : null,
    item.description ? h("div", { class: "embed-text" }, markdown(item.description, context)) : null,
    fields.length ? h("dl", { class: "fields" }, fields) : null,
    item.image ? picture(item.image, "embed-image", item.title ? `Picture: ${item.title}` : "Picture") : null,
    foot.some(Boolean) ? h("footer", { class: "embed-foot quiet" }, foot.filter(Boolean).join(" · ")) : null);
}

function picture(image, kind, label) {
  const url = safeUrl(image.url);
  if (url === null) return null;
  if (!isLocal(url)) return h("a", { href: url, target: "_blank", rel: "noreferrer noopener", class: "outside" }, "picture elsewhere");
  const size = image.width ? { width: image.width, height: image.height } : {};
  return h("button", { type: "button", class: `picture ${kind}`, "aria-label": `Enlarge ${label}`, onclick: () => enlarge(url, label) }, h("img", { src: url, alt: label, loading: "lazy", ...size }));
}

function enlarge(url, label) {
  const dialog = document.getElementById("dialog");
  dialog.className = "lightbox";
  dialog.replaceChildren(h("img", { src: url, alt: label }));
  dialog.onclick = () => dialog.close();
  dialog.showModal();
}

function attachments(items) {
  return items.map((item) =>
    item.content_type?.startsWith("image/")
      ? h("div", { class: "attachment" }, picture(item, "attached", item.description ?? item.filename))
      : h("p", { class: "attachment file" }, h("a", { href: item.url, download: item.filename }, item.filename), h("span", { class: "quiet" }, ` ${bytes(item.size)}`)));
}

const bytes = (size) => (size < 1024 ? `${size} bytes` : size < 1048576 ? `${(size / 1024).toFixed(1)} kB` : `${(size / 1048576).toFixed(1)} MB`);

function reactions(body, desk) {
  if (!body.reactions?.length) return null;
  return h("div", { class: "reactions", role: "group", "aria-label": "Reactions" },
    body.reactions.map((item) =>
      h("button", { type: "button", class: "reaction", "aria-pressed": String(item.me), "aria-label": `${item.emoji.name} ${item.count}`, dataset: { emoji: item.emoji.name }, onmouseenter: async (event) => { const { currentTarget } = event; currentTarget.title = await desk.reactors(body, item.emoji.name); }, onclick: () => desk.react(body, item.emoji.name, !item.me) },
        emoji(item.emoji.name), h("span", { class: "count" }, item.count.toLocaleString("en-GB")))),
    h("button", { type: "button", class: "reaction add", "aria-label": "Add a reaction", onclick: (event) => picker(event.currentTarget, body, desk) }, "+"));
}

function picker(anchor, body, desk) {
  document.querySelector(".picker")?.remove();
  const made = h("div", { class: "picker", role: "menu", "aria-label": "Choose a reaction" },
    QUICK.map((name) => h("button", { type: "button", role: "menuitem", "aria-label": name, onclick: () => { made.remove(); desk.react(body, name, true); } }, emoji(name))));
  document.body.append(made);
  const box = anchor.getBoundingClientRect();
  made.style.left = `${Math.max(8, Math.min(box.left - 120, innerWidth - made.offsetWidth - 8))}px`;
  made.style.top = `${box.top > 160 ? box.top - made.offsetHeight - 6 : box.bottom + 6}px`;
  made.firstElementChild.focus();
  setTimeout(() => document.addEventListener("click", (event) => made.contains(event.target) || made.remove(), { once: true }));
  made.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      made.remove();
      anchor.focus();
    }
  });
}

/** Keep "in 4 minutes" true. */
export function refreshTimes() {
  for (const item of document.querySelectorAll("time[data-relative]")) item.textContent = relative(new Date(Number(item.dataset.relative)));
}
