// Writing: what is left to say, and posting without leaving the page. Whatever happens, nothing typed is lost.

import { countChars, learnLinks } from "./characters.js";
import { countOf, setCount } from "./counts.js";
import { put } from "./feed.js";
import { element, say } from "./say.js";
import { send } from "./send.js";

const me = document.body.dataset.me ?? "";
const NEAR = 20;

const once = () => Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, "0")).join("");

const setUp = (form) => {
  const extras = form.querySelector(".extras"), { text: area, warning } = form.elements;
  const count = form.querySelector(".count"), button = form.querySelector("button");
  // What is edited is sent as any form is, and typed words are kept by nobody but the page.
  const isEdit = form.matches(".editor");
  const draft = `draft:${me}:${form.elements.reply_to?.value ?? ""}`;
  const spoken = element("span", "sr");
  spoken.setAttribute("role", "status");
  // Each number would be read out while one types; what matters is said when one stops.
  count.after(spoken);
  let pause;

  const show = () => {
    const left = form.dataset.max - countChars(area.value) - countChars(warning.value.trim());
    count.textContent = left;
    count.classList.toggle("near", left < NEAR);
    clearTimeout(pause);
    pause = setTimeout(() => {
      spoken.textContent = left >= NEAR ? "" : left >= 0 ? `${left} characters left` : `${-left} characters too many`;
    }, 900);
  };
  const complain = (sentence) => {
    form.querySelector(".wrong")?.remove();
    area.toggleAttribute("aria-invalid", Boolean(sentence));
    area.removeAttribute("aria-describedby");
    if (!sentence) return;
    const wrong = element("p", "wrong", sentence);
    wrong.id = `wrong-${form.id}`;
    wrong.setAttribute("role", "alert");
    area.setAttribute("aria-invalid", "true");
    area.setAttribute("aria-describedby", wrong.id);
    area.after(wrong);
  };

  // Should it not come, a link counts as it is typed, and the server has the last word anyway.
  const learn = () => learnLinks().then(show, () => {});
  area.addEventListener("focus", learn, { once: true });
  if (area === document.activeElement || area.value) learn();
  const keep = () => isEdit || (area.value ? sessionStorage.setItem(draft, area.value) : sessionStorage.removeItem(draft));
  area.addEventListener("input", () => { show(); keep(); });
  warning.addEventListener("input", show);
  const pictures = () => import("./pictures.js");
  const unfold = () => { if (extras.open) pictures().then(({ setUp }) => setUp(extras), () => {}); };
  extras.open ? unfold() : extras.addEventListener("toggle", unfold, { once: true });
  area.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
  form.addEventListener("submit", async (event) => {
    if (isEdit) return;
    event.preventDefault();
    if (button.disabled) return;
    button.disabled = true;
    try {
      const posted = await send("/fragments/tweets", form);
      if (posted.later) {
        sessionStorage.removeItem(draft);
        return location.assign(posted.later);
      }
      area.value = "";
      if (extras.open) (await pictures()).clear(extras);
      sessionStorage.removeItem(draft);
      form.elements.once.value = once();
      complain("");
      arrive(form, posted);
    } catch (refused) {
      // Without an answer the same form is sent again, and is the same tweet. One that came through after all is told by
      // the server when the text has changed since.
      if (refused.code === "idempotency_key_reused") form.elements.once.value = once();
      complain(refused.code === "idempotency_key_reused" ? "What you sent before came through after all. Send again to post this, too." : refused.message);
      area.focus();
    }
    button.disabled = false;
    show();
  });
  addEventListener("pageshow", () => { button.disabled = false; show(); });
  // A link that says "reply" means the field, not the place where it is.
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a");
    if (link?.hash !== `#${form.id}` || link.pathname !== location.pathname || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    area.focus();
  });
  // The browser takes the focus away when it goes to the place by itself.
  if (location.hash === `#${form.id}`) document.readyState === "complete" ? area.focus() : addEventListener("load", () => area.focus());
  if (!area.value && !isEdit) area.value = sessionStorage.getItem(draft) ?? "";
  // Typed while the page was coming.
  else if (area.value !== area.defaultValue) keep();
  show();
};

const arrive = (form, posted) => {
  const feed = document.querySelector(".feed");
  // On the page for writing there is no list to put it in.
  if (!feed) return location.assign(form.elements.reply_to ? form.elements.back.value : "/");
  put(feed, posted.html);
  const answers = form.elements.reply_to && document.querySelector(".tweet.main .act.reply");
  if (answers) setCount(answers, countOf(answers) + 1);
  say(form.elements.reply_to ? "Your answer is there." : "Posted.");
};

for (const form of document.querySelectorAll(".composer")) setUp(form);
