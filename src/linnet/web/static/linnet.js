// Makes the pages quicker. Every one of them works without this: forms, links, redirects.

import "./acts.js";
import "./feed.js";
import "./install.js";
import "./keys.js";
import "./times.js";

// What not every page needs comes when it is.
if (document.querySelector(".composer")) import("./composer.js");
if (document.body.dataset.me) import("./live.js");
if (document.querySelector("[data-preview]")) import("./picture.js");
