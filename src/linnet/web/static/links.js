// Where the links of a text are: the rule of src/linnet/domain/links.py, step for step, and tested beside it.
// A text is NFC already. Places are JavaScript's (UTF-16); lengths that have a bound are code points, as on the server.

import { codePoints } from "./characters.js";
import { COUNTRIES, COUNTRIES_USED_AS_GENERIC, GENERIC, OWN_LETTERS } from "./tlds.js";

const MAX_URL = 4096, MAX_HOST = 253, MAX_LABEL = 63;
const SCHEME = /[Hh][Tt][Tt][Pp][Ss]?:\/\//g;
const ANY_HOST = /[\p{L}\p{M}\p{N}\p{So}._\-]{1,254}/uy;
const LATIN_HOST = /[[\p{Script=Latin}&&\p{L}]0-9._\-]+/gv;
// Letters, marks and digits of the scripts that put spaces between words.
const SPACED = String.raw`[[\p{L}\p{M}\p{N}]--[\p{scx=Hani}\p{scx=Hira}\p{scx=Kana}\p{scx=Bopo}\p{scx=Hang}\p{scx=Thai}\p{scx=Laoo}\p{scx=Khmr}\p{scx=Mymr}\p{scx=Tibt}\p{scx=Yiii}\uFE0E\uFE0F\u20E3]]`;
const SPACED_HERE = new RegExp(SPACED, "vy");
const SPACED_LAST = new RegExp(SPACED + "$", "v");
const PATH = new RegExp(String.raw`[${SPACED}\!\#\$%\&'\(\)*+,.\/:;=?@\[\]_\|~\-]+`, "vy");
const TLD = /^(?:[Xx][Nn]--[A-Za-z0-9\-]{1,58}|[A-Za-z]{2,63})/;
const PORT = /^:(\d{1,5})(?!\d)/;
// What a hashtag is made of, and what makes "#http://…" none. A tag that begins before a link and reaches into it wins.
const TAG = String.raw`[[\p{L}\p{M}\p{Nd}\p{Nl}_\u200C\u200D\u05BE\u05F3\u05F4\xB7\u30FB\u30A0\u3003\u309B\u309C\u301C\uFF5E\u0F0B\u0F0C\uA67E]--[\uFE0E\uFE0F\u20E3\u115F\u1160\u3164\uFFA0]]`;
const HASHTAG = new RegExp(`(?<!${TAG}|[\\&\\#＃])[\\#＃](${TAG}+)(?!${TAG}|[\\#＃]|:\\/\\/)`, "gv");

const find = (pattern, text, from) => { pattern.lastIndex = from; return pattern.exec(text); };
const knows = (list, word) => list.includes(word);

// [start, end] of each link, in order.
export const findLinks = (text) => {
  if (!text.includes(".")) return [];
  const links = [], endOfPath = paths(text);
  let scheme = find(SCHEME, text, 0), bare = find(LATIN_HOST, text, 0);
  while (scheme || bare) {
    const withScheme = scheme && (!bare || scheme.index <= bare.index), found = withScheme ? scheme : bare;
    const start = found.index, resume = start + found[0].length;
    const end = (withScheme ? endWithScheme : endBare)(text, start, resume, endOfPath);
    if (withScheme) scheme = find(SCHEME, text, end ?? resume);
    else bare = find(LATIN_HOST, text, end ?? resume);
    if (end === null) continue;
    if (scheme && scheme.index < end) scheme = find(SCHEME, text, end);
    if (bare && bare.index < end) bare = find(LATIN_HOST, text, end);
    if ((withScheme ? 0 : 8) + codePoints(text.slice(start, end)) <= MAX_URL) links.push([start, end]);
  }
  return withoutTagged(text, links);
};

const withoutTagged = (text, links) => {
  if (!links.length || !/[#＃]/.test(text)) return links;
  const tags = [...text.matchAll(HASHTAG)].map((tag) => [tag.index, tag.index + 1 + tag[1].replace(/[\u200C\u200D]+$/, "").length, tag[1]]);
  const both = [...links, ...tags.filter(([, , word]) => /\p{L}/u.test(word))].sort((one, other) => one[0] - other[0]);
  let last = 0;
  return both.filter(([start, end]) => start >= last && (last = end)).filter((piece) => piece.length === 2);
};

// Where path, query and fragment end. The sentence's own punctuation and brackets stay outside.
const paths = (text) => {
  const closedBy = new Map(), opened = [];
  for (const { 0: bracket, index } of text.matchAll(/[()]/g)) {
    if (bracket === "(") opened.push(index);
    else if (opened.length) closedBy.set(opened.pop(), index);
  }
  let runEnd = 0;
  return (start) => {
    if (!"/?#".includes(text[start] ?? " ")) return start;
    if (start >= runEnd) runEnd = start + (find(PATH, text, start)?.[0].length ?? 0);
    let end = start, at = start;
    while (at < runEnd && text[at] !== ")") {
      if (text[at] === "(") {
        const closing = closedBy.get(at);
        if (closing === undefined || closing >= runEnd) break;
        end = at = closing + 1;
      } else if (/[A-Za-z0-9+\-=_#\/]|[^\x00-\x7F]/.test(text[at++])) end = at;
    }
    return end;
  };
};

const endWithScheme = (text, start, hostStart, endOfPath) => {
  if (start && /[@＠#＃$A-Za-z0-9]/.test(text[start - 1])) return null;
  const run = find(ANY_HOST, text, hostStart);
  const host = run && findHost(text, hostStart, hostStart + run[0].length, false);
  if (!host) return null;
  const end = endOfPort(text, host.end);
  return text[end] === "@" ? null : endOfPath(end);
};

const endBare = (text, start, runEnd, endOfPath) => {
  if (/[@＠]/.test(text[runEnd] ?? "")) return null;
  if (start && (/[@＠#＃$\/]/.test(text[start - 1]) || SPACED_LAST.test(text.slice(Math.max(0, start - 2), start)))) return null;
  const run = text.slice(start, runEnd);
  if (codePoints(run) > MAX_HOST || !run.includes(".")) return null;
  const host = findHost(text, start, runEnd, true);
  if (!host) return null;
  const end = endOfPort(text, host.end);
  // "setup.py" and "e.g.is" are no links: two parts that end in a country need a path.
  const needsPath = host.labels === 2 && knows(COUNTRIES, host.tld) && !knows(COUNTRIES_USED_AS_GENERIC, host.tld);
  return needsPath && text[end] !== "/" ? null : endOfPath(end);
};

// The longest host at the start of a run of its characters, which may have swallowed the words behind it.
const findHost = (text, start, runEnd, knownOnly) => {
  let found = null, at = start;
  const labels = text.slice(start, runEnd).split(".");
  for (const [position, label] of labels.entries()) {
    if (position && !labels[position - 1].includes("_")) {
      const end = endOfTld(text, at, label, knownOnly), host = text.slice(start, end ?? start);
      if (end !== null && codePoints(host) <= MAX_HOST && host.normalize("NFKC") === host) {
        found = { end, tld: text.slice(at, end).toLowerCase(), labels: position + 1 };
      }
    }
    if (!label || codePoints(label) > MAX_LABEL || /^[-_]|[-_]$/.test(label)) break;
    at += label.length + 1;
  }
  return found;
};

const endOfTld = (text, start, label, knownOnly) => {
  let tld = TLD.exec(label)?.[0];
  if (tld) {
    const known = tld.toLowerCase();
    if (knownOnly && !knows(GENERIC, known) && !knows(COUNTRIES, known) && !known.startsWith("xn--")) return null;
  } else if (!knownOnly) tld = OWN_LETTERS.find((own) => label.startsWith(own));
  return !tld || find(SPACED_HERE, text, start + tld.length) ? null : start + tld.length;
};

const endOfPort = (text, start) => {
  const port = PORT.exec(text.slice(start, start + 7));
  return port && port[1] >= 1 && port[1] <= 65535 ? start + port[0].length : start;
};
