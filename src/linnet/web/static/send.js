// Sends a form without leaving the page. The server answers scripts with a sentence where it would show people a page.

export class Refused extends Error {
  constructor(sentence, code) {
    super(sentence);
    this.code = code;
  }
}

// Whoever is logged out, or in anew as somebody else, finds the way back here.
const goLogIn = () => location.assign(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);

export const ask = async (address, options = {}) => {
  let answer;
  try {
    answer = await fetch(address, { redirect: "manual", ...options, headers: { Accept: "application/json" } });
  } catch {
    throw new Refused("There is no connection. Please try again.", "offline");
  }
  // A form that worked leads somewhere, and we stay here.
  if (answer.type === "opaqueredirect") return {};
  const body = await answer.json().catch(() => ({}));
  if (answer.ok) return body;
  if (body.code === "not_logged_in" || body.code === "strange_form") goLogIn();
  throw new Refused(body.sentence ?? "That did not work. Please try again.", body.code ?? "");
};

export const send = (address, form) => {
  const data = new FormData(form), entries = [...data];
  const hasFile = entries.some(([, value]) => value.size);
  if (!hasFile) for (const [name, value] of entries) if (typeof value !== "string") data.delete(name);
  return ask(address, { method: "POST", body: hasFile ? data : new URLSearchParams(data) });
};
