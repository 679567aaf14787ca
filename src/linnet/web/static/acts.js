// Like, retweet, follow, mute, block, pin, delete and mark as read without leaving the page. What one did shows at once,
// and is taken back, with a word about it, when the server does not agree.

import { articlesOf, countOf, setCount } from "./counts.js";
import { parse } from "./feed.js";
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
const addressOf = (sender) => sender.getAttribute(attributeOf(sender)) ?? "";

const showPressed = (button, on) => {
  const was = button.getAttribute("aria-pressed") === "true";
  if (was !== on) setCount(button, Math.max(0, countOf(button) + (on ? 1 : -1)));
  button.setAttribute("aria-pressed", on);
};
const showFollowing = (button, on) => {
  const name = button.getAttribute("aria-label").replace(/^(Un)?follow |: you asked to follow$/gi, "");
  // Some want to be asked first.
  const asks = on && "asks" in button.dataset;
  button.setAttribute("aria-label", `${on ? "Unfollow" : "Follow"} ${name}${asks ? ": you asked to follow" : ""}`);
  button.className = on ? "button quiet following" : "button";
  button.replaceChildren(Object.assign(document.createElement("span"), { textContent: asks ? "Asked" : on ? "Following" : "Follow" }));
};
const showAway = (verb) => (button, on) => {
  const turn = (words) => words.replace(/^\w+/, on ? `Un${verb}` : verb[0].toUpperCase() + verb.slice(1));
  button.textContent = turn(button.textContent);
  if (button.hasAttribute("aria-label")) button.setAttribute("aria-label", turn(button.getAttribute("aria-label")));
};
const showBookmarked = (button, on) => { button.textContent = on ? "Remove bookmark" : "Bookmark"; };
const showSilenced = (button, on) => { button.textContent = on ? "Unmute conversation" : "Mute conversation"; };
const SHOWS = { like: showPressed, retweet: showPressed, bookmark: showBookmarked, silence: showSilenced, follow: showFollowing, mute: showAway("mute"), block: showAway("block") };

// One wish at a time is on its way for each thing; the last one counts, however fast a finger is.
const wishes = new Map();
const toggle = async (form, kind, id, verb, on) => {
  const key = `${kind}/${id}/${verb}`;
  const show = (state) => {
    for (const each of sendersOf(kind, id, verb)) {
      SHOWS[verb](buttonOf(each), state);
      each.setAttribute(attributeOf(each), `/${kind}/${id}/${state ? "un" : ""}${verb}`);
    }
    if (verb === "mute") for (const badge of document.querySelectorAll(`[data-muted="${id}"]`)) badge.hidden = !state;
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

// One tweet is pinned at a time. It keeps its place while one looks, and stands first from the next visit on.
const showPinned = (id, on) => {
  const senders = [...document.querySelectorAll('form[action$="pin"], button[formaction$="pin"]')], was = senders.map(addressOf);
  const show = (sender, address) => {
    const pinned = address.endsWith("/unpin"), word = sender.closest(".tweet").querySelector(".pinned");
    sender.setAttribute(attributeOf(sender), address);
    buttonOf(sender).textContent = pinned ? "Unpin" : "Pin to my page";
    if (word) word.hidden = !pinned;
  };
  for (const sender of senders) show(sender, addressOf(sender).replace(/(un)?pin$/, on && addressOf(sender).includes(`/${id}/`) ? "unpin" : "pin"));
  return () => senders.forEach((sender, at) => show(sender, was[at]));
};
let pinning = false;
const pin = async (form, address, id, on) => {
  if (pinning) return;
  pinning = true;
  const takeBack = showPinned(id, on);
  try {
    await send(address, form);
    say(on ? "It stands first on your page now." : "It is not pinned any more.");
  } catch (refused) {
    takeBack();
    say(refused.message);
  }
  pinning = false;
};

// What one has seen looks like it, wherever one said so.
export const showRead = () => {
  const unread = [...document.querySelectorAll(".note-item.unread")];
  const words = [...document.querySelectorAll(".note-item .sentence > .sr, .head > .seen")].filter((word) => !word.hidden);
  const show = (read) => {
    for (const item of unread) item.classList.toggle("unread", !read);
    for (const word of words) word.hidden = read;
  };
  show(true);
  return () => show(false);
};
const markRead = async (form) => {
  const takeBack = showRead();
  try {
    await send(form.action, form);
  } catch (refused) {
    takeBack();
    say(refused.message);
  }
};

// A vote is given once: what was counted comes into the place of what could be chosen.
const vote = async (form, id) => {
  try {
    const { html } = await send(`/fragments/tweets/${id}/vote`, form);
    for (const poll of document.querySelectorAll(`.poll[data-poll="${id}"]`)) {
      const held = poll.contains(document.activeElement), voted = parse(html).querySelector(".poll");
      poll.replaceWith(voted);
      if (held) voted.focus({ preventScroll: true });
    }
  } catch (refused) {
    say(refused.message);
  }
};

document.addEventListener("submit", (event) => {
  const form = event.target, sender = event.submitter?.hasAttribute("formaction") ? event.submitter : form;
  const address = addressOf(sender);
  if (address === "/notifications/read") return event.preventDefault(), void markRead(form);
  const ballot = /^\/tweets\/(\d+)\/vote$/.exec(address);
  if (ballot) return event.preventDefault(), void vote(form, ballot[1]);
  const found = /^\/(tweets|users)\/(\d+)\/(un)?(like|retweet|bookmark|silence|follow|mute|block|pin|delete)$/.exec(address);
  // A page that asks whether one is sure has asked.
  if (!found || event.defaultPrevented || form.elements.sure) return;
  const [, kind, id, un, verb] = found, name = buttonOf(sender)?.textContent.match(/@\S+/)?.[0];
  // In the list of those whom one blocks one may think twice; elsewhere a block makes another page of it.
  const isList = location.pathname.startsWith("/settings");
  const away = sender.closest(".tweet") && !sender.closest(".main") && !document.querySelector(".profile");
  const close = () => sender.closest("details")?.removeAttribute("open");
  if (verb === "delete") event.preventDefault(), erase(form, address, id);
  else if (verb === "pin") {
    event.preventDefault();
    close();
    pin(form, address, id, !un);
  } else if ((verb === "block" && !isList) || (verb === "mute" && away)) {
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
