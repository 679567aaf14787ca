// Like, retweet, follow, mute, block and delete without leaving the page. What one did shows at once, and is taken back,
// with a word about it, when the server does not agree.

import { articlesOf, countOf, setCount } from "./counts.js";
import { confirmed, say } from "./say.js";
import { send } from "./send.js";

// What sends a verb is a form of its own or, on tweets, a button that sends the page's one form somewhere.
const sendersOf = (kind, id, verb) => {
  const ends = [`/${kind}/${id}/${verb}`, `/${kind}/${id}/un${verb}`];
  return document.querySelectorAll(ends.map((end) => `form[action$="${end}"], button[formaction$="${end}"]`).join());
};
const isForm = (sender) => sender.matches("form");
const buttonOf = (sender) => (isForm(sender) ? sender.querySelector("button") : sender);
const attributeOf = (sender) => (isForm(sender) ? "action" : "formaction");

const showPressed = (button, on) => {
  const was = button.getAttribute("aria-pressed") === "true";
  if (was !== on) setCount(button, Math.max(0, countOf(button) + (on ? 1 : -1)));
  button.setAttribute("aria-pressed", on);
};
const showFollowing = (button, on) => {
  const name = button.getAttribute("aria-label").replace(/^(Un)?follow /i, "");
  button.setAttribute("aria-label", `${on ? "Unfollow" : "Follow"} ${name}`);
  button.className = on ? "button quiet following" : "button";
  button.replaceChildren(Object.assign(document.createElement("span"), { textContent: on ? "Following" : "Follow" }));
};
const showMuted = (button, on) => {
  const turn = (words) => words.replace(/^(Unm|M)ute/, on ? "Unmute" : "Mute");
  button.textContent = turn(button.textContent);
  if (button.hasAttribute("aria-label")) button.setAttribute("aria-label", turn(button.getAttribute("aria-label")));
};
const SHOWS = { like: showPressed, retweet: showPressed, follow: showFollowing, mute: showMuted };

// One wish at a time is on its way for each thing; the last one counts, however fast a finger is.
const wishes = new Map();
const toggle = async (form, kind, id, verb, on) => {
  const key = `${kind}/${id}/${verb}`;
  const show = (state) => {
    for (const each of sendersOf(kind, id, verb)) {
      SHOWS[verb](buttonOf(each), state);
      each.setAttribute(attributeOf(each), `/${kind}/${id}/${state ? "un" : ""}${verb}`);
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
const turnAway = async (form, address, id, said) => {
  const gone = [...document.querySelectorAll(".feed .tweet")].filter((tweet) => tweet.dataset.people?.split(" ").includes(id));
  hide(gone, true);
  try {
    await send(address, form);
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

const erase = async (form, address, id) => {
  if (!(await confirmed("Delete this tweet? It cannot be brought back.", "Delete"))) return;
  const gone = [...articlesOf(id)];
  // The tweet that the page is about goes with the page.
  if (gone.some((tweet) => tweet.classList.contains("main"))) {
    const sure = Object.assign(document.createElement("input"), { type: "hidden", name: "sure", value: "yes" });
    form.append(sure);
    form.action = address;
    form.submit();
    // Whoever comes back finds the form as it was.
    return sure.remove();
  }
  hide(gone, true);
  try {
    await send(address, form);
    for (const tweet of gone) tweet.remove();
    say("Deleted.");
  } catch (refused) {
    hide(gone, false);
    say(refused.message);
  }
};

document.addEventListener("submit", (event) => {
  const form = event.target, sender = event.submitter?.hasAttribute("formaction") ? event.submitter : form;
  const address = sender.getAttribute(attributeOf(sender)) ?? "";
  const found = /^\/(tweets|users)\/(\d+)\/(un)?(like|retweet|follow|mute|block|delete)$/.exec(address);
  // A page that asks whether one is sure has asked.
  if (!found || event.defaultPrevented || form.elements.sure) return;
  const [, kind, id, un, verb] = found, name = buttonOf(sender)?.textContent.match(/@\S+/)?.[0];
  const away = sender.closest(".tweet") && !sender.closest(".main") && !document.querySelector(".profile");
  const close = () => sender.closest("details")?.removeAttribute("open");
  if (verb === "delete") event.preventDefault(), erase(form, address, id);
  else if (verb === "block" || (verb === "mute" && away)) {
    if (un || !away) return;
    event.preventDefault();
    close();
    turnAway(form, address, id, `You will not see ${name} any more.`);
  } else {
    event.preventDefault();
    close();
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
