// Makes the pages quicker. Every one of them works without this: forms, links, redirects.

const say = (sentence) => {
  const line = Object.assign(document.createElement("p"), { className: "live", textContent: sentence });
  line.setAttribute("role", "status");
  document.body.append(line);
  setTimeout(() => line.remove(), 5000);
};

// How long a text is for the server: code points after normalising, a link as 23 whatever its length.
const LINK = /(^|[^\p{L}\p{N}_@#$.\/-])(https?:\/\/[^\s<>"]+)/giu;
const charsOf = (text) => {
  let extra = 0;
  const plain = text.replace(/\r\n?/g, "\n").normalize("NFC").trim();
  for (const found of plain.matchAll(LINK)) extra += 23 - [...found[2].replace(/[.,!?:;'")\]]+$/u, "")].length;
  return [...plain].length + extra;
};

for (const form of document.querySelectorAll(".composer")) {
  const [area, count, button] = ["textarea", ".count", "button"].map((name) => form.querySelector(name));
  const show = () => {
    const left = form.dataset.max - charsOf(area.value);
    count.textContent = left;
    count.classList.toggle("near", left < 20);
    // A count here is a hint: the server's rule for links knows more, and has the last word.
    button.disabled = !area.value.trim() || left < -200;
  };
  area.addEventListener("input", show);
  area.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
  form.addEventListener("submit", () => { button.disabled = true; });
  addEventListener("pageshow", show);
  show();
}

// Like and retweet answer at once, and take it back when the server does not agree.
const flip = (form, pressed) => {
  const button = form.querySelector("button"), number = button.querySelector("span");
  const verb = form.dataset.verb;
  if (/^\d*$/.test(number.textContent)) number.textContent = Math.max(0, Number(number.textContent) + (pressed ? 1 : -1)) || "";
  button.setAttribute("aria-pressed", pressed);
  form.action = form.action.replace(/\/(un)?\w+$/, "/" + (pressed ? "un" : "") + verb);
};
document.addEventListener("submit", async (event) => {
  const form = event.target.closest("form.verb");
  if (!form) return;
  event.preventDefault();
  if (form.dataset.busy) return;
  form.dataset.busy = "yes";
  const pressed = form.querySelector("button").getAttribute("aria-pressed") !== "true", address = form.action;
  const body = new URLSearchParams(new FormData(form));
  flip(form, pressed);
  try {
    const answer = await fetch(address, { method: "POST", body, redirect: "manual" });
    if (answer.type !== "opaqueredirect" && !answer.ok) throw answer;
  } catch {
    flip(form, !pressed);
    say("That did not work. Please try again.");
  }
  delete form.dataset.busy;
});

// The next page is there before one gets to the end; the link underneath is a real one.
const watch = () => {
  const more = document.querySelector(".older a");
  if (!more) return;
  new IntersectionObserver(async (entries, observer) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    observer.disconnect();
    try {
      const answer = await fetch(more.href);
      if (!answer.ok) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const items = page.querySelectorAll(".feed > .tweet"), next = page.querySelector(".feed .older, .feed .end");
      const end = more.closest(".older");
      if (!end.closest(".feed") || !items.length) return;
      end.before(...items);
      end.replaceWith(...(next ? [next] : []));
      watch();
    } catch { /* offline: the link is still there */ }
  }, { rootMargin: "900px" }).observe(more);
};
watch();

// j and k walk, l likes, r answers, n writes, / searches, . goes up.
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea")) return;
  const tweets = [...document.querySelectorAll(".tweet")], at = tweets.indexOf(document.activeElement.closest(".tweet"));
  const go = (step) => { const next = tweets[Math.max(0, at + step)]; next?.focus(); next?.scrollIntoView({ block: "nearest" }); };
  const keys = {
    j: () => go(1),
    k: () => go(-1),
    l: () => tweets[at]?.querySelector('form[data-verb="like"] button')?.click(),
    t: () => tweets[at]?.querySelector('form[data-verb="retweet"] button')?.click(),
    r: () => tweets[at]?.querySelector('a.act[href$="#reply"]')?.click(),
    Enter: () => tweets[at] === document.activeElement && tweets[at].querySelector(".time")?.click(),
    n: () => { const area = document.querySelector(".composer textarea"); area ? area.focus() : location.assign("/compose"); },
    "/": () => document.querySelector('input[type="search"]')?.focus(),
    ".": () => scrollTo(0, 0),
  };
  if (keys[event.key]) { keys[event.key](); if (event.key !== "Enter") event.preventDefault(); }
});

// One menu is open at a time, and closes when one looks elsewhere.
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
});
