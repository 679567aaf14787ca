// The service worker: files without asking, pages from the network, and without a connection what was last seen.
//
// Whose pages these are is said by each (Linnet-Viewer). Pages of one person alone are kept: another one's page, a
// log-in and a log-out drop all of them, and what was asked for before that is not kept when it comes later. Settings are
// not kept at all. Nothing here loads a page anew, so a new version never makes a page go round.
//
// The server puts a line above this: `self.linnet`, the version and the addresses of all files.

const { version, files } = self.linnet;
const FILES = `files-${version}`, PAGES = "pages", SHELL = "/offline", MOST_PAGES = 30;
const CHANGES_VIEWER = /^\/(logout|login|signup|settings\/)/, NOT_KEPT = /^\/(settings|login|signup)/;
let viewers = 0;

self.addEventListener("install", (event) => event.waitUntil((async () => {
  const cache = await caches.open(FILES);
  await cache.addAll(files);
  // As nobody: there must be nobody's name on it.
  const shell = await fetch(SHELL, { credentials: "omit", cache: "no-store" });
  if (shell.ok) await cache.put(SHELL, shell);
  await self.skipWaiting();
})()));

self.addEventListener("activate", (event) => event.waitUntil((async () => {
  const old = (await caches.keys()).filter((name) => name.startsWith("files-") && name !== FILES);
  await Promise.all(old.map((name) => caches.delete(name)));
  await self.registration.navigationPreload?.enable();
  await self.clients.claim();
})()));

self.addEventListener("fetch", (event) => {
  const { request } = event, { origin, pathname } = new URL(request.url);
  if (origin !== self.location.origin) return;
  if (request.method === "POST" && CHANGES_VIEWER.test(pathname)) {
    viewers += 1;
    event.waitUntil(caches.delete(PAGES));
    if (pathname === "/logout") event.waitUntil(hush().catch(() => {}));
  }
  if (request.method !== "GET") return;
  if (/^\/static\/[^\/]+\//.test(pathname)) event.respondWith(findFile(request, pathname));
  else if (request.mode === "navigate") event.respondWith(findPage(event, pathname));
});

// What is told while no page is open. All of it is text to the browser, and leads to this site or nowhere.
const here = (address) => {
  const { origin } = self.location;
  const found = typeof address === "string" && URL.canParse(address, origin) && new URL(address, origin);
  return found && found.origin === origin ? found.href : undefined;
};
const pageOf = (address) => here(address) ?? here("/notifications");

self.addEventListener("push", (event) => {
  let told;
  try {
    told = event.data.json();
  } catch {
    // Browsers want to see something for each message.
  }
  const { title, body, icon, url, tag } = told ?? {};
  event.waitUntil(self.registration.showNotification(String(title ?? "Something is new"), {
    body: String(body ?? ""), icon: here(icon), tag: String(tag ?? ""), data: pageOf(url),
  }));
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(goTo(pageOf(event.notification.data)));
});

// A page that shows something else is left alone: somebody may be writing on it.
const goTo = async (address) => {
  const open = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  const there = open.find(({ url }) => url === address);
  return there ? there.focus() : self.clients.openWindow(address);
};

// Whoever logs out is told nothing here any more, also of what is on its way.
const hush = async () => {
  for (const shown of await self.registration.getNotifications()) shown.close();
  await (await self.registration.pushManager?.getSubscription())?.unsubscribe();
};

const findFile = async (request, pathname) => {
  const cache = await caches.open(FILES), kept = await cache.match(pathname, { ignoreVary: true });
  if (kept) return kept;
  try {
    return await fetch(request);
  } catch {
    // A page that was kept names files of its time; today's are better than none.
    return (await cache.match(pathname.replace(/^\/static\/[^\/]+/, `/static/${version}`), { ignoreVary: true })) ?? Response.error();
  }
};

const findPage = async (event, pathname) => {
  const asked = viewers;
  try {
    const answer = (await event.preloadResponse) ?? (await fetch(event.request));
    if (answer.ok && answer.headers.has("Linnet-Viewer") && !NOT_KEPT.test(pathname)) event.waitUntil(keep(event.request.url, answer.clone(), asked));
    return answer;
  } catch {
    return (await findKept(event.request)) ?? (await caches.match(SHELL, { ignoreVary: true })) ?? Response.error();
  }
};

const keep = async (address, answer, asked) => {
  const body = await answer.text(), headers = new Headers(answer.headers), viewer = headers.get("Linnet-Viewer");
  headers.delete("Content-Encoding");
  headers.set("Linnet-Kept", new Date().toISOString());
  let pages = await caches.open(PAGES);
  const [first] = await pages.keys();
  if (first && (await pages.match(first)).headers.get("Linnet-Viewer") !== viewer) {
    await caches.delete(PAGES);
    pages = await caches.open(PAGES);
  }
  if (asked !== viewers) return;
  await pages.put(address, new Response(body, { headers }));
  const kept = await pages.keys();
  for (const old of kept.slice(0, Math.max(0, kept.length - MOST_PAGES))) await pages.delete(old);
  // Whoever left while this was written did not mean it to be here.
  if (asked !== viewers) await caches.delete(PAGES);
};

const findKept = async (request) => {
  const pages = await caches.open(PAGES), kept = await pages.match(request, { ignoreVary: true });
  if (!kept) return null;
  // The page says by itself how old it is, see install.js.
  const page = (await kept.text()).replace("<html", `<html data-kept="${kept.headers.get("Linnet-Kept")}"`);
  return new Response(page, { headers: kept.headers });
};
