// The panel that breaks things on purpose.

import { act } from "./api.js";
import { byId, fill, h, toast } from "./dom.js";

const GROUPS = [
  ["Link", "What happens to the bot's connection.", [
    ["cut", "Cut the line", "The socket dies without a word; the bot resumes", () => act("abort")],
    ["op7", "Ask to reconnect", "Gateway op 7; the bot resumes", () => act("op", { op: 7 })],
    ["op9", "Invalid session", "Op 9: what happened meanwhile is lost to the bot", async () => { await act("forget"); await act("op", { op: 9, d: false }); }],
    ["refuse", "Refuse once", "The next connection gets 503", () => act("refuse", { count: 1 })],
    ["hold", "Hold events", "The bot hears nothing until you let go", () => act("hold", { names: ["*"] })],
    ["release", "Let go", "Held events arrive now", () => act("release")],
    ["double", "Double a reaction", "The next reaction is told twice", () => act("double", { name: "MESSAGE_REACTION_ADD" })],
  ]],
  ["Next request", "What the bot's next call to the server gets.", [
    ["429", "429", "Too many requests; it waits one second and tries again", () => act("rate_limit", { seconds: 1 })],
    ["500", "500", "Fails before it had an effect", () => act("fault", { status: 500 })],
    ["500-after", "500 after", "Fails after it had its effect", () => act("fault", { status: 500, when: "after" })],
    ["503", "503", "Refused at once", () => act("fault", { status: 503 })],
    ["delay", "4 s delay", "Later than an answer may be", () => act("fault", { delay: 4 })],
    ["cut-http", "Cut", "The connection closes without an answer", () => act("fault", { cut: true })],
    ["clear", "Clear", "No more faults wait", () => act("clear_faults")],
  ]],
];

let timer = null;
let last = 0;

/** Wire the toggle and build the panel. */
export function faultPanel() {
  const toggle = byId("faults-toggle");
  const panel = byId("faults");
  const log = h("ol", { class: "log", "aria-label": "Latest requests" });
  fill(panel,
    GROUPS.map(([title, about, items]) => h("section", {}, h("h3", {}, title), h("p", { class: "quiet" }, about), h("div", { class: "fault-grid" }, items.map(faultButton)))),
    h("section", {}, h("h3", {}, "Requests of the bot"), log));
  toggle.addEventListener("click", () => {
    panel.hidden = !panel.hidden;
    toggle.setAttribute("aria-expanded", String(!panel.hidden));
    clearInterval(timer);
    if (!panel.hidden) {
      refresh(log);
      timer = setInterval(() => refresh(log), 1500);
    }
  });
}

function faultButton([name, label, about, work]) {
  return h("button", { type: "button", class: "fault", title: about, dataset: { fault: name }, onclick: async () => {
    try {
      await work();
      toast(`${label}: ${about}.`, "note");
    } catch (error) {
      toast(error.message);
    }
  } }, label);
}

async function refresh(log) {
  const items = await act("log", { since: last, limit: 40 }).catch(() => []);
  for (const item of items) {
    if (!item.status && item.response === null) break;
    last = item.number;
    const kind = item.status >= 400 || item.fault ? "bad" : "good";
    log.prepend(h("li", {}, h("b", { class: kind }, item.status || "cut"), h("span", {}, `${item.method} ${item.path.replace(/\d{15,}/g, "…").replace(/[0-9a-f]{40,}/g, "…")}`)));
  }
  while (log.children.length > 40) log.lastElementChild.remove();
}
