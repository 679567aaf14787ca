// Keys for who has a keyboard: shown by "?", and never taken from a field, a dialog or a combination with another key.

import { element } from "./say.js";

const OFF = "keys-off";
const tweets = () => [...document.querySelectorAll("main .tweet")].filter((tweet) => !tweet.hidden);
const here = () => document.activeElement?.closest(".tweet");
// On a tweet's own page that tweet is meant, when one stands on none.
const press = (selector) => (here() ?? document.querySelector(".tweet.main"))?.querySelector(`.acts ${selector}`)?.click();

const stand = (tweet) => {
  tweet?.focus({ preventScroll: true });
  tweet?.scrollIntoView({ block: "nearest" });
};
const walk = (step) => {
  const all = tweets(), at = all.indexOf(here());
  // Who stands nowhere begins with what they see.
  if (at < 0) return stand(all.find((tweet) => tweet.getBoundingClientRect().top >= 0) ?? all.at(-1));
  stand(all[Math.min(all.length - 1, Math.max(0, at + step))]);
};
const write = () => {
  const area = document.querySelector(".composer textarea");
  area ? area.focus() : document.body.dataset.me && location.assign("/compose");
};
const goUp = () => {
  const news = document.querySelector(".news button");
  if (news) return news.click();
  scrollTo(0, 0);
  tweets()[0]?.focus({ preventScroll: true });
};

const KEYS = {
  j: ["next tweet", () => walk(1)],
  k: ["tweet before", () => walk(-1)],
  Enter: ["open the tweet", () => document.activeElement === here() && here().querySelector(".time").click()],
  l: ["like", () => press(".like")],
  t: ["retweet", () => press(".retweet")],
  r: ["answer", () => press(".reply")],
  n: ["write", write],
  "/": ["search", () => [...document.querySelectorAll('input[type="search"]')].find((field) => field.offsetParent)?.focus()],
  ".": ["up to what is new", goUp],
  "?": ["these keys", () => help()],
};

const help = () => {
  const rows = Object.entries(KEYS).flatMap(([key, [what]]) => [element("dt", "", element("kbd", "", key)), element("dd", "", what)]);
  const close = element("button", "button quiet", "Close"), off = Object.assign(document.createElement("input"), { type: "checkbox" });
  const heading = element("h2", "", "Keys"), form = element("form", "", heading, element("dl", "keys", ...rows), element("label", "", off, " Turn keys off, but for “?”"), element("p", "row", close));
  const dialog = element("dialog", "dialog", form);
  form.method = "dialog";
  heading.id = "keys";
  dialog.setAttribute("aria-labelledby", "keys");
  off.checked = Boolean(localStorage.getItem(OFF));
  off.addEventListener("change", () => (off.checked ? localStorage.setItem(OFF, "yes") : localStorage.removeItem(OFF)));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
};

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, textarea, select, [contenteditable], dialog") || document.querySelector("dialog[open]")) return;
  if (localStorage.getItem(OFF) && event.key !== "?") return;
  // Enter belongs to whatever link or button has the focus.
  if (!Object.hasOwn(KEYS, event.key) || (event.key === "Enter" && !event.target.matches(".tweet"))) return;
  event.preventDefault();
  KEYS[event.key][1]();
});
