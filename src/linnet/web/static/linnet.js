// Makes the pages quicker. Every one of them works without this: forms, links, redirects.

import "./acts.js";
import "./composer.js";
import "./feed.js";
import "./install.js";
import "./keys.js";
import "./live.js";
import "./times.js";
