// Makes the pages quicker. Every one of them works without this: forms, links, redirects.

import "./acts.js";
import "./feed.js";
import "./install.js";
import "./keys.js";
import "./times.js";

// Who is logged in has composer.js and live.js too, which the page names: what is typed must not be typed before them.
const when = () => import("./when.js");
if (document.querySelector("time[data-local], [open] [data-local]")) when();
document.addEventListener("toggle", (event) => { if (event.target.querySelector("[data-local]")) when(); }, true);
if (document.querySelector("[data-preview]")) import("./picture.js");
if (document.querySelector("[data-push]")) import("./pushes.js");
