// Notifications on this device, in the settings. The browser asks for leave on a click, and never by itself.

import { Refused, ask, send } from "./send.js";

const form = document.querySelector("[data-push]"), word = form.querySelector("[role=status]"), button = form.querySelector("button");
const CAN = "PushManager" in window && "Notification" in window && "serviceWorker" in navigator;
let isOn = false;

const show = (sentence) => {
  word.textContent = sentence ?? (isOn ? "It is told what concerns you, also while no page is open." : "It can be told what concerns you, also while no page is open. Your browser asks you first.");
  button.textContent = isOn ? "Turn off" : "Turn on";
  button.classList.toggle("quiet", isOn);
  button.parentElement.hidden = false;
};

const turnOn = async () => {
  const leave = await Notification.requestPermission();
  if (leave === "denied") throw new Refused("Your browser does not let this site show notifications. Allow it in the browser's settings for this site, then try again.");
  if (leave !== "granted") throw new Refused("Nothing is turned on: your browser was not told yes.");
  await navigator.serviceWorker.register("/worker.js", { updateViaCache: "none" });
  const { pushManager } = await navigator.serviceWorker.ready;
  // One that another log-in made here goes to an address that is told nothing any more.
  await (await pushManager.getSubscription())?.unsubscribe();
  const made = await pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: form.dataset.push });
  const { endpoint, keys } = made.toJSON();
  try {
    await ask("/settings/push", { method: "POST", body: new URLSearchParams({ csrf: form.elements.csrf.value, endpoint, ...keys }) });
  } catch (error) {
    await made.unsubscribe();
    throw error;
  }
};

const findSubscription = async () => (await navigator.serviceWorker.getRegistration())?.pushManager.getSubscription();

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  button.disabled = true;
  try {
    if (isOn) {
      await send("/settings/push/off", form);
      await (await findSubscription())?.unsubscribe();
    } else await turnOn();
    isOn = !isOn;
    show();
  } catch (error) {
    show(error instanceof Refused ? error.message : "This browser cannot be reached by a push service. Please try again later.");
  }
  button.disabled = false;
});

if (CAN) {
  // The server knows of this log-in, and the browser whether it still has an address.
  isOn = "on" in form.dataset && Notification.permission === "granted" && Boolean(await findSubscription());
  show();
} else if (!("on" in form.dataset)) word.textContent = "This browser cannot be told of anything while no page is open. On a phone it may be able to when this place is on the home screen.";
