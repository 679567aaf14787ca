// What is new while a page is open: told by a stream, or asked for now and then where there is none. Nothing that one
// reads is moved: new tweets wait behind a button.

import { hide, showRead } from "./acts.js";
import { articlesOf, showCounts } from "./counts.js";
import { parse, put } from "./feed.js";
import { element, say } from "./say.js";
import { ask } from "./send.js";

const MOST_WATCHED = 100, HIDDEN_MS = 5_000, PATIENCE_MS = 20_000, POLL_MS = 60_000, MOST_MS = 15 * POLL_MS;
const LOOK_MS = 30_000;
const { me } = document.body.dataset;
const home = document.querySelector("[data-bookmark]"), feed = home && document.querySelector(".feed");
const waiting = new Set();
let missed = false;
// What the server knows that this page has.
let last = home?.dataset.bookmark ?? "";

// Lists that are no timeline say where this goes, and which of theirs is the newest.
const news = document.querySelector(".news") ?? element("div", "news"), { newest, ask: address, own } = news.dataset;
news.setAttribute("role", "status");
feed?.before(news);

const showNews = () => {
  if (!missed && !waiting.size) return news.replaceChildren();
  const words = missed ? "Show what is new" : waiting.size === 1 ? "1 new tweet" : `${waiting.size} new tweets`;
  const shown = news.querySelector("button");
  if (shown) return void (shown.textContent = words);
  const button = element("button", "button", words);
  button.addEventListener("click", take);
  news.replaceChildren(button);
};

const take = async () => {
  if (missed) return location.assign(location.pathname);
  const oldest = [...waiting].map(BigInt).reduce((one, other) => (one < other ? one : other));
  try {
    const { html, more } = await ask(`/fragments/newer?after=${oldest - 1n}`);
    if (more) return location.assign(location.pathname);
    waiting.clear();
    put(feed, html);
  } catch (refused) {
    return say(refused.message);
  }
  scrollTo(0, 0);
  feed.querySelector(".tweet:not([hidden])")?.focus({ preventScroll: true });
};

const showUnread = (unread) => {
  const place = document.querySelector('.place[href="/notifications"]');
  place?.querySelector(".badge")?.remove();
  if (!unread) return;
  place?.append(element("b", "badge new", element("span", "sr", ", "), unread > 99 ? "99+" : unread, element("span", "sr", " new")));
};

const miss = () => {
  missed = true;
  showNews();
};
const isNews = (id) => newest !== undefined && id && BigInt(id) > BigInt(newest);

const peeksOf = (id) => document.querySelectorAll(`.peek[href$="/${id}"]`);
const takeAway = (found, ids) => {
  const gone = found.filter((tweet) => tweet && !tweet.matches(".main"));
  if (found.some((tweet) => tweet?.matches(".main"))) say("This tweet is not here any more.");
  for (const id of ids) for (const peek of peeksOf(id)) peek.remove();
  hide(gone, true);
  for (const tweet of gone) tweet.remove();
};

// What a stream would begin with. The answer of somebody who is not logged in any more is null.
const glance = async (query) => {
  const answer = await fetch(`/fragments/news?${query}`, { headers: { Accept: "text/event-stream" } });
  if (answer.status === 401) return null;
  if (!answer.ok) throw answer;
  const events = (await answer.text()).split("\n\n");
  return events.map((event) => Object.fromEntries(event.split("\n").map((line) => line.split(/: (.*)/s)))).filter((event) => event.event);
};

// What left the timeline (muted, say) is not gone from other pages: there it is asked whether it is.
const lookAfter = async (ids) => {
  const here = ids.filter((id) => articlesOf(id).length || peeksOf(id).length);
  const events = here.length ? await glance(new URLSearchParams({ watched: here.join(",") })).catch(() => null) : null;
  for (const { event, data } of events ?? []) {
    const gone = event === "gone" ? JSON.parse(data).ids : [];
    takeAway(gone.flatMap((id) => [...articlesOf(id)]), gone);
  }
};

// What somebody edited takes the place of what it said, wherever it stands; folds that are open stay open.
const replaceWords = async (items) => {
  const isOld = ({ id, edited_at }) => [...articlesOf(id)].some((tweet) => tweet.querySelector(".edited time")?.dateTime !== edited_at);
  const ids = items.filter(isOld).map(({ id }) => id);
  if (!ids.length) return;
  const { html } = await ask(`/fragments/edited?${new URLSearchParams({ ids: ids.join(","), context: feed ? "home" : "" })}`);
  for (const now of parse(html).querySelectorAll(".tweet")) {
    for (const tweet of articlesOf(now.dataset.tweet)) {
      const words = now.querySelector(".words").cloneNode(true), mark = now.querySelector(".edited").cloneNode(true);
      const open = tweet.querySelector(".words details")?.open;
      const poll = tweet.querySelector(".words .poll");
      // What is about to be chosen stays so: a poll never changes.
      if (poll) words.querySelector(".poll")?.replaceWith(poll);
      if (open) words.querySelector("details")?.setAttribute("open", "");
      tweet.querySelector(".words").replaceWith(words);
      tweet.querySelector(".edited")?.remove();
      const time = tweet.querySelector(".when .time, .who .time");
      if (time.closest(".when")) mark.firstChild.textContent = mark.firstChild.title.replace("Edited", "edited");
      time.after(" ", mark);
    }
  }
};

const HEARD = {
  tweets: ({ items }) => {
    for (const { id } of feed ? items : []) if (!document.getElementById(`t${id}`)) waiting.add(id);
    // What one posted elsewhere belongs on one's own page, but for answers to others.
    const isMine = ({ author, reply_to }) => author.id === me && (!reply_to || reply_to.user_id === me);
    own !== undefined && items.some((item) => isMine(item) && isNews(item.id)) ? miss() : showNews();
  },
  edited: ({ items }) => void replaceWords(items).catch(() => {}),
  gone: ({ ids }) => {
    if (!feed) return void lookAfter(ids);
    takeAway(ids.map((id) => feed.querySelector(`:scope > #t${id}`)), ids);
    for (const id of ids) waiting.delete(id);
    showNews();
  },
  counts: ({ items }) => { for (const { id, counts } of items) showCounts(id, counts); },
  notifications: ({ unread, newest: last }) => {
    showUnread(unread);
    if (unread === 0) showRead();
    if (document.querySelector(".notes") && isNews(last)) miss();
  },
  gap: () => { if (feed) miss(); },
};
const hear = (name, id, data) => {
  last = id || last;
  HEARD[name]?.(JSON.parse(data));
};

// The tweets that are nearest to what one sees.
const wish = () => {
  const tweets = [...document.querySelectorAll("main .tweet[data-tweet]")];
  const seen = Math.max(0, tweets.findIndex((tweet) => tweet.getBoundingClientRect().bottom > 0) - 30);
  const small = [...document.querySelectorAll(".peek")].flatMap((peek) => /^\/@.+\/(\d+)$/.exec(peek.pathname)?.[1] ?? []);
  const watched = [...new Set([...tweets.slice(seen).map((tweet) => tweet.dataset.tweet), ...small])].slice(0, MOST_WATCHED);
  return new URLSearchParams({ ...(feed && last ? { last_event_id: last } : {}), watched: watched.join(",") });
};

let source = null, timer, delay = POLL_MS, polls = 0;
const stop = () => {
  source?.close();
  source = null;
  clearTimeout(timer);
};
const listen = () => {
  stop();
  if (!me || document.hidden) return;
  source = new EventSource(`/stream?${wish()}`);
  timer = setTimeout(askInstead, PATIENCE_MS);
  for (const name of Object.keys(HEARD)) {
    source.addEventListener(name, (event) => {
      clearTimeout(timer);
      hear(name, event.lastEventId, event.data);
    });
  }
  // A lost connection comes back by itself; a refusal does not.
  source.addEventListener("error", () => { if (source?.readyState === EventSource.CLOSED) askInstead(); });
};

// The same question and the same answer without a stream; now and then it is tried again whether there is one.
const askInstead = async () => {
  stop();
  if (document.hidden) return;
  try {
    const events = await glance(wish());
    if (!events) return;
    for (const { event, id, data } of events) hear(event, id, data);
    delay = POLL_MS;
  } catch {
    delay = Math.min(2 * delay, MOST_MS);
  }
  polls += 1;
  timer = setTimeout(polls % 5 ? askInstead : listen, delay * (0.8 + 0.4 * Math.random()));
};

// There is no stream of everybody's tweets. While one sees the page it asks now and then which is the newest of them.
let lookedAt = performance.now(), looking;
const look = async () => {
  clearTimeout(looking);
  if (!address || missed || document.hidden) return;
  const wait = lookedAt + LOOK_MS - performance.now();
  if (wait <= 0) {
    lookedAt = performance.now();
    const answer = await fetch(address, { headers: { Accept: "application/json" } }).catch(() => null);
    if (answer?.status === 401) return;
    if (answer?.ok && isNews((await answer.json().catch(() => ({}))).newest)) return miss();
  }
  clearTimeout(looking);
  looking = setTimeout(look, wait > 0 ? wait : LOOK_MS);
};
look();

let closing;
document.addEventListener("visibilitychange", look);
document.addEventListener("visibilitychange", () => {
  clearTimeout(closing);
  if (document.hidden) closing = setTimeout(stop, HIDDEN_MS);
  else if (!source) listen();
});
// The browser keeps a page for going back only when nothing is open.
addEventListener("pagehide", stop);
addEventListener("pageshow", (event) => { if (event.persisted) listen(); });
// Longer lists have more to watch. One's own tweet may be told of before the answer that brings it.
document.addEventListener("feedgrown", () => {
  for (const id of waiting) if (document.getElementById(`t${id}`)) waiting.delete(id);
  showNews();
  clearTimeout(closing);
  closing = setTimeout(() => { if (source) listen(); }, 3000);
});
listen();
