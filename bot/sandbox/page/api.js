// Talking to the server: verbs, data and the stream of changes.

const token = document.querySelector("meta[name=control-token]").content;
const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json" };

async function answer(response) {
  const told = await response.json().catch(() => ({ error: `the server answered ${response.status}` }));
  if (told && told.error) throw new Error(told.error);
  return told;
}

/** Do something: a verb of the control room with its arguments. */
export async function act(verb, args = {}) {
  const told = await answer(await fetch(`/_control/${verb}`, { method: "POST", headers, body: JSON.stringify(args) }));
  return told.result;
}

/** Read something as a user. */
export async function read(what, query) {
  return answer(await fetch(`/_page/${what}?${new URLSearchParams(query)}`, { headers }));
}

/** Follow what changes for a user; gives a function that stops. */
export function follow(user, handlers) {
  const source = new EventSource(`/_page/events?${new URLSearchParams({ user, token })}`);
  for (const [name, handle] of Object.entries(handlers)) {
    source.addEventListener(name, (event) => handle(event.data ? JSON.parse(event.data) : null));
  }
  return () => source.close();
}
