// Building elements. Text goes in as text nodes only; there is no way to pass HTML.

/** Make an element: attributes (on… are listeners, class, dataset, booleans) and children (nodes or text). */
export function h(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name === "dataset") Object.assign(made.dataset, value);
    else if (name === "value") made.value = value;
    else if (name === "colour") made.style.setProperty("--colour", value);
    else made.setAttribute(name, value === true ? "" : String(value));
  }
  made.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

export const byId = (id) => document.getElementById(id);

/** Replace all children. */
export function fill(parent, ...children) {
  parent.replaceChildren(...children.flat(Infinity).filter(Boolean));
  return parent;
}

/** Only addresses that a browser may safely follow; everything else becomes null. */
export function safeUrl(text) {
  try {
    const url = new URL(text, location.href);
    return ["http:", "https:"].includes(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

/** Pictures are shown from this server alone; others become a link. */
export function isLocal(text) {
  const url = safeUrl(text);
  return url !== null && new URL(url).origin === location.origin;
}

/** A sentence that goes away. */
export function toast(text, kind = "bad") {
  const made = h("p", { class: `toast ${kind}` }, text);
  byId("toasts").append(made);
  setTimeout(() => made.remove(), 7000);
}

export const hex = (colour) => `#${Number(colour).toString(16).padStart(6, "0")}`;

/** A stable, readable colour for a name or id. */
export function hue(text) {
  let sum = 2166136261;
  for (const letter of String(text)) sum = Math.imul(sum ^ letter.charCodeAt(0), 16777619) >>> 0;
  return `hsl(${sum % 360} 40% 43%)`;
}
