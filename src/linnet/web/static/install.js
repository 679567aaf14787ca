// Pages that work without a connection (worker.js), and the word above one that was kept.

import { element } from "./say.js";

const { kept } = document.documentElement.dataset;
if (kept) {
  const then = new Date(kept), sameDay = then.toDateString() === new Date().toDateString();
  const when = then.toLocaleString([], { hour: "2-digit", minute: "2-digit", ...(sameDay ? {} : { day: "numeric", month: "short" }) });
  const again = Object.assign(element("a", "", "Try again"), { href: location.href });
  again.addEventListener("click", (event) => { event.preventDefault(); location.reload(); });
  const word = element("p", "stale", `There is no connection. This is how it was at ${when}. `, again);
  word.setAttribute("role", "status");
  document.querySelector("main")?.prepend(word);
}

// After everything that this page needs itself.
addEventListener("load", () => navigator.serviceWorker?.register("/worker.js", { updateViaCache: "none" }).catch(() => {}));
