// Our own drawings of the emoji that decide things, so that they look the same on machines without an emoji font.

import { h } from "./dom.js";

const SPACE = "http://www.w3.org/2000/svg";
const box = (fill) => ["rect", { x: 1.5, y: 1.5, width: 17, height: 17, rx: 4.5, fill }];
const dot = (fill) => ["circle", { cx: 10, cy: 10, r: 8, fill }];
const line = (d, stroke, width = 2.4) => ["path", { d, stroke, fill: "none", "stroke-width": width, "stroke-linecap": "round", "stroke-linejoin": "round" }];
const GREEN = "#2fa56f";
const RED = "#e0524f";
const AMBER = "#f0b03f";
const BLUE = "#5b9be0";
const PAPER = "#f4f1e8";

const THUMB = "M2.6 9H5.8V17H2.6ZM7 9.2 10.2 2.8C12 2.8 12.7 4.2 12.3 5.8L11.7 8.2H15.8C17.1 8.2 17.8 9.3 17.5 10.4L15.9 15.8C15.7 16.5 15.1 17 14.3 17H7Z";

const DRAWINGS = {
  "✅": [box(GREEN), line("M5.6 10.4 8.7 13.5 14.6 6.9", "#fff", 2.5)],
  "❌": [line("M4.5 4.5 15.5 15.5M15.5 4.5 4.5 15.5", RED, 3.6)],
  "✔": [line("M4 10.6 8.2 15 16 5.4", GREEN, 3)],
  "✖": [line("M5 5 15 15M15 5 5 15", RED, 3)],
  "⚠": [["path", { d: "M10 2 18.6 17.4H1.4Z", fill: AMBER, stroke: AMBER, "stroke-width": 1.6, "stroke-linejoin": "round" }], line("M10 7.6V11.8M10 14.7V14.8", "#3a2600", 2)],
  "❓": [line("M6.6 6.6C6.6 2.4 13.4 2.4 13.4 6.8 13.4 9.6 10 9.4 10 12.4M10 16.6V16.7", RED, 2.7)],
  "❗": [line("M10 3V11.8M10 16.4V16.5", RED, 3.2)],
  "ℹ": [box(BLUE), line("M10 9.4V14M10 6V6.1", "#fff", 2.3)],
  "📈": [box(PAPER), line("M4.4 14.2 8 10 11 12.2 15.6 6", GREEN, 2), line("M12.4 5.6H15.8V9", GREEN, 2)],
  "📉": [box(PAPER), line("M4.4 5.8 8 10 11 7.8 15.6 14", RED, 2), line("M12.4 14.4H15.8V11", RED, 2)],
  "📊": [box(PAPER), line("M6 14.4V10M10 14.4V5.6M14 14.4V8", BLUE, 2.3)],
  "⏸": [box(BLUE), line("M7.5 6.4V13.6M12.5 6.4V13.6", "#fff", 2.4)],
  "▶": [box(BLUE), ["path", { d: "M7.4 5.8 14.2 10 7.4 14.2Z", fill: "#fff" }]],
  "⏹": [box(BLUE), ["rect", { x: 6.2, y: 6.2, width: 7.6, height: 7.6, fill: "#fff" }]],
  "🛑": [["path", { d: "M6.5 1.8H13.5L18.2 6.5V13.5L13.5 18.2H6.5L1.8 13.5V6.5Z", fill: RED }], line("M6 10H14", "#fff", 2.4)],
  "🟢": [dot(GREEN)],
  "🔴": [dot(RED)],
  "🟡": [dot(AMBER)],
  "🔵": [dot(BLUE)],
  "⚪": [dot("#d9d6cc")],
  "⏳": [line("M5 2.6H15M5 17.4H15M6.4 2.8C6.4 8 13.6 12 13.6 17.2M13.6 2.8C13.6 8 6.4 12 6.4 17.2", AMBER, 1.9)],
  "🔔": [["path", { d: "M10 2C6.6 2 5.2 4.6 5.2 7.6 5.2 12 3.6 12.6 3 14.4H17C16.4 12.6 14.8 12 14.8 7.6 14.8 4.6 13.4 2 10 2Z", fill: AMBER }], line("M8.6 17.2H11.4", AMBER, 2.2)],
  "👍": [["path", { d: THUMB, fill: AMBER }]],
  "👎": [["path", { d: THUMB, fill: AMBER, transform: "rotate(180 10 10)" }]],
  "❤": [["path", { d: "M10 17.2C10 17.2 2 12.4 2 7.2A4.1 4.1 0 0 1 10 5.6 4.1 4.1 0 0 1 18 7.2C18 12.4 10 17.2 10 17.2Z", fill: RED }]],
  "👀": [["ellipse", { cx: 5.8, cy: 10, rx: 3.9, ry: 5.4, fill: PAPER }], ["ellipse", { cx: 14.2, cy: 10, rx: 3.9, ry: 5.4, fill: PAPER }], ["circle", { cx: 6.8, cy: 11, r: 1.9, fill: "#2b2b2b" }], ["circle", { cx: 15.2, cy: 11, r: 1.9, fill: "#2b2b2b" }]],
  "⬆": [box(BLUE), line("M10 14.4V6M6.6 9.2 10 5.8 13.4 9.2", "#fff", 2)],
  "⬇": [box(BLUE), line("M10 5.6V14M6.6 10.8 10 14.2 13.4 10.8", "#fff", 2)],
};

const plain = (text) => text.replace(/\uFE0F/g, "");

/** Matches one drawn emoji at the start of a text. */
export const DRAWN = new RegExp(`^(?:${Object.keys(DRAWINGS).join("|")})\uFE0F?`, "u");

/** An emoji as a picture where we have one, as text otherwise. */
export function emoji(text) {
  const parts = DRAWINGS[plain(text)];
  if (!parts) return h("span", { class: "emoji" }, text);
  const made = document.createElementNS(SPACE, "svg");
  for (const [name, value] of Object.entries({ class: "glyph", viewBox: "0 0 20 20", role: "img", "aria-label": text })) made.setAttribute(name, value);
  for (const [tag, attributes] of parts) {
    const part = document.createElementNS(SPACE, tag);
    for (const [name, value] of Object.entries(attributes)) part.setAttribute(name, value);
    made.append(part);
  }
  return made;
}
