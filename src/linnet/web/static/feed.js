// Lists that go on: the next page comes before one gets to the end, and its real link lies underneath. Whoever comes
// back is where they were.

const ITEMS = "article.tweet, article.note-item, .person";
const MOST_PAGES = 10;
const MOST_PLACES = 20;

export const parse = (html) => new DOMParser().parseFromString(html, "text/html");
const isNewer = (one, other) => BigInt(one) > BigInt(other);

const comeBackHere = (item) => {
  for (const field of item.querySelectorAll('input[name="back"]')) field.value = `${location.pathname}${location.search}#${item.id}`;
};

// Puts tweets into their places: newest first, each once. What one does with them goes through this page's own form.
export const put = (feed, html) => {
  feed.querySelector(".empty")?.remove();
  const arrived = [];
  for (const tweet of parse(html).querySelectorAll("article.tweet")) {
    if (document.getElementById(tweet.id)) continue;
    const there = [...feed.querySelectorAll(":scope > .tweet")], older = there.find((other) => isNewer(tweet.dataset.id, other.dataset.id));
    const below = older ?? (there.length ? feed.querySelector(":scope > .older, :scope > .end") : feed.firstChild);
    feed.insertBefore(tweet, below);
    arrived.push(tweet);
  }
  document.dispatchEvent(new Event("feedgrown"));
  return arrived;
};

const link = () => document.querySelector("main .older a");
let loading = null, pages = 0;

// The next page goes where its link was. False: there is none, or it could not be had; then the link is still there.
const loadOlder = (more) => loading ??= (async () => {
  const end = more.closest(".older"), standing = document.activeElement === more;
  more.textContent = "Loading…";
  end.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(more.href);
    if (!answer.ok || answer.redirected) throw answer;
    const next = parse(await answer.text()).querySelector("main .older, main .end");
    // After the last item comes nothing, not even an end.
    const items = next ? [...next.parentElement.children].filter((item) => item.matches(ITEMS)) : [];
    const arrived = items.filter((item) => !item.id || !document.getElementById(item.id));
    arrived.forEach(comeBackHere);
    end.before(...arrived);
    end.replaceWith(...(next ? [next] : []));
    pages += 1;
    history.scrollRestoration = "manual";
    document.dispatchEvent(new Event("feedgrown"));
    if (standing) (arrived[0]?.matches("[tabindex]") ? arrived[0] : arrived[0]?.querySelector("a:not([tabindex])"))?.focus({ preventScroll: true });
    return true;
  } catch {
    more.textContent = "That did not come. Try again";
    end.removeAttribute("aria-busy");
    return false;
  } finally {
    loading = null;
  }
})();

let observer;
const watch = () => {
  const more = link();
  observer?.disconnect();
  if (!more) return;
  observer = new IntersectionObserver(async (entries) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    observer.disconnect();
    // What failed is not tried again by itself: the link is there.
    if (await loadOlder(more)) watch();
  }, { rootMargin: "900px" });
  observer.observe(more);
};

let failed = false;
document.addEventListener("click", async (event) => {
  const more = link();
  if (!more || event.target !== more || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  // What failed twice is asked for as a page of its own, which then says what is wrong.
  if (failed) return;
  event.preventDefault();
  failed = !(await loadOlder(more));
  if (!failed) watch();
});

// A place in a list: how many pages were loaded, which item was on top, and how far below the edge. It is kept for this
// entry of the history, for pages that the browser does not keep whole.
const key = history.state?.place ?? crypto.getRandomValues(new Uint32Array(2)).join("-");
if (!history.state?.place) history.replaceState({ ...history.state, place: key }, "");
const stored = `place:${key}`;

addEventListener("pagehide", () => {
  if (!pages) return sessionStorage.removeItem(stored);
  const top = [...document.querySelectorAll("main [id].tweet, main .note-item, main .person")].find((item) => item.getBoundingClientRect().bottom > 0);
  if (!top) return;
  const places = Object.keys(sessionStorage).filter((name) => name.startsWith("place:") && name !== stored);
  for (const old of places.slice(0, Math.max(0, places.length - MOST_PLACES))) sessionStorage.removeItem(old);
  const items = [...document.querySelectorAll("main .tweet, main .note-item, main .person")];
  sessionStorage.setItem(stored, JSON.stringify({ pages, id: top.id, at: items.indexOf(top), offset: top.getBoundingClientRect().top }));
});

const restore = async () => {
  const place = JSON.parse(sessionStorage.getItem(stored) ?? "null");
  if (!place) return watch();
  const find = () => (place.id ? document.getElementById(place.id) : document.querySelectorAll("main .tweet, main .note-item, main .person")[place.at]);
  history.scrollRestoration = "manual";
  // Newer tweets push what one read to a later page.
  const most = Math.min(place.pages + 2, MOST_PAGES);
  // There, and with enough below it to be scrolled to.
  const isThere = () => find() && scrollY + find().getBoundingClientRect().top - place.offset + innerHeight <= document.documentElement.scrollHeight;
  while (!isThere() && pages < most && link() && (await loadOlder(link())));
  const item = find(), path = location.pathname;
  if (item) scrollTo(0, scrollY + item.getBoundingClientRect().top - place.offset);
  // Too deep to load all that lies above: the page that begins there is an address like any other.
  else if (/^t\d+$/.test(place.id) && link()) {
    sessionStorage.removeItem(stored);
    return location.replace(`${path}?before=${BigInt(place.id.slice(1)) + 1n}#${place.id}`);
  }
  watch();
};
restore();
