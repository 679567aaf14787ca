// Like, retweet, follow, mute, block and delete without leaving the page. What one did shows at once, and is taken back,
// with a word about it, when the server does not agree.

import { articlesOf, countOf, setCount } from "./counts.js";
import { confirmed, say } from "./say.js";
import { send } from "./send.js";

const formsOf = (kind, id, verb) => document.querySelectorAll(`form[action$="/${kind}/${id}/${verb}"], form[action$="/${kind}/${id}/un${verb}"]`);

const showPressed = (form, on) => {
  const button = form.querySelector("button"), was = button.getAttribute("aria-pressed") === "true";
  if (was !== on) setCount(button, Math.max(0, countOf(button) + (on ? 1 : -1)));
  button.setAttribute("aria-pressed", on);
};
const showFollowing = (form, on) => {
  const button = form.querySelector("button"), name = button.getAttribute("aria-label").replace(/^(Un)?follow /i, "");
  button.setAttribute("aria-label", `${on ? "Unfollow" : "Follow"} ${name}`);
  button.className = on ? "button quiet following" : "button";
  button.replaceChildren(Object.assign(document.createElement("span"), { textContent: on ? "Following" : "Follow" }));
};
const showMuted = (form, on) => {
  const button = form.querySelector("button");
  const turn = (words) => words.replace(/^(Unm|M)ute/, on ? "Unmute" : "Mute");
  button.textContent = turn(button.textContent);
  if (button.hasAttribute("aria-label")) button.setAttribute("aria-label", turn(button.getAttribute("aria-label")));
};
const SHOWS = { like: showPressed, retweet: showPressed, follow: showFollowing, mute: showMuted };

// One wish at a time is on its way for each thing; the last one counts, however fast a finger is.
const wishes = new Map();
const toggle = async (form, kind, id, verb, on) => {
  const key = `${kind}/${id}/${verb}`, all = () => formsOf(kind, id, verb);
  const show = (state) => {
    for (const each of all()) {
      SHOWS[verb](each, state);
      each.action = `/${kind}/${id}/${state ? "un" : ""}${verb}`;
    }
  };
  const busy = wishes.has(key), wish = wishes.get(key) ?? { known: !on };
  wish.on = on;
  show(on);
  if (busy) return;
  wishes.set(key, wish);
  while (wish.on !== wish.known) {
    const sent = wish.on;
    try {
      await send(`/${kind}/${id}/${sent ? "" : "un"}${verb}`, form);
      wish.known = sent;
    } catch (refused) {
      wish.on = wish.known;
      show(wish.known);
      say(refused.message);
    }
  }
  wishes.delete(key);
};

// Somebody one does not want to see goes from the list at once. On their own page everything stays.
const turnAway = async (form, id, said) => {
  const gone = [...document.querySelectorAll(".feed .tweet")].filter((tweet) => tweet.dataset.people?.split(" ").includes(id));
  form.closest("details")?.removeAttribute("open");
  hide(gone, true);
  try {
    await send(form.action, form);
    say(said);
    for (const tweet of gone) tweet.remove();
  } catch (refused) {
    hide(gone, false);
    say(refused.message);
  }
};

// Whoever stands on something that goes stands on what comes after it.
export const hide = (tweets, away) => {
  const standing = document.activeElement?.closest(".tweet");
  for (const tweet of tweets) tweet.hidden = away;
  if (!away || !tweets.includes(standing)) return;
  const left = [...document.querySelectorAll(".tweet")].filter((tweet) => !tweet.hidden);
  const next = left.find((tweet) => standing.compareDocumentPosition(tweet) & Node.DOCUMENT_POSITION_FOLLOWING) ?? left.at(-1);
  next?.focus({ preventScroll: true });
};

const erase = async (form, id) => {
  if (!(await confirmed("Delete this tweet? It cannot be brought back.", "Delete"))) return;
  const gone = [...articlesOf(id)];
  // The tweet that the page is about goes with the page.
  if (gone.some((tweet) => tweet.classList.contains("main"))) {
    form.append(Object.assign(document.createElement("input"), { type: "hidden", name: "sure", value: "yes" }));
    return form.submit();
  }
  hide(gone, true);
  try {
    await send(form.action, form);
    for (const tweet of gone) tweet.remove();
    say("Deleted.");
  } catch (refused) {
    hide(gone, false);
    say(refused.message);
  }
};

document.addEventListener("submit", (event) => {
  const form = event.target, found = /^\/(tweets|users)\/(\d+)\/(un)?(like|retweet|follow|mute|block|delete)$/.exec(new URL(form.action, location).pathname);
  // A page that asks whether one is sure has asked.
  if (!found || event.defaultPrevented || form.elements.sure) return;
  const [, kind, id, un, verb] = found, name = form.querySelector("button")?.textContent.match(/@\S+/)?.[0];
  const away = form.closest(".tweet") && !form.closest(".main") && !document.querySelector(".profile");
  if (verb === "delete") event.preventDefault(), erase(form, id);
  else if (verb === "block" || (verb === "mute" && away)) {
    if (un || !away) return;
    event.preventDefault();
    turnAway(form, id, `You will not see ${name} any more.`);
  } else {
    event.preventDefault();
    form.closest("details")?.removeAttribute("open");
    toggle(form, kind, id, verb, !un);
  }
});

// One menu is open at a time; it closes when one looks elsewhere.
const menus = () => document.querySelectorAll("details.menu[open]");
document.addEventListener("click", (event) => {
  // A question about something in a menu brings the focus back there.
  if (event.target.closest("dialog")) return;
  for (const menu of menus()) if (!menu.contains(event.target)) menu.open = false;
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of menus()) {
    menu.open = false;
    if (menu.contains(document.activeElement)) menu.querySelector("summary").focus();
  }
});
