// A quiet line at the foot of the page, which a screen reader reads when it gets to it; and a question that needs a yes.

const region = document.createElement("div");
region.setAttribute("role", "status");
document.body.append(region);
let timer;

export const say = (sentence) => {
  const line = document.createElement("p");
  line.className = "live";
  line.textContent = sentence;
  region.replaceChildren(line);
  clearTimeout(timer);
  timer = setTimeout(() => region.replaceChildren(), 6000);
};

export const element = (name, className, ...children) => {
  const made = document.createElement(name);
  made.className = className;
  made.append(...children);
  return made;
};

// Whether somebody says yes. Escape and the other button say no, and the focus goes back to where it was.
export const confirmed = (sentence, yes) => new Promise((resolve) => {
  const no = element("button", "button quiet", "Cancel"), sure = element("button", "button danger", yes), words = element("p", "", sentence);
  const form = element("form", "", words, element("p", "row", no, sure)), dialog = element("dialog", "dialog", form);
  form.method = "dialog";
  words.id = "question";
  sure.value = "yes";
  dialog.setAttribute("aria-labelledby", "question");
  dialog.addEventListener("close", () => { dialog.remove(); resolve(dialog.returnValue === "yes"); });
  document.body.append(dialog);
  dialog.showModal();
});
