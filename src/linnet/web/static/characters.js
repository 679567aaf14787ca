// How long a text is: the rule of src/linnet/domain/text.py. What nobody may post is left for the server to say.

const LINK_CHARS = 23;

export const codePoints = (text) => [...text].length;

export const normalise = (raw) =>
  raw.replace(/\r\n|[\r\x85\u2028\u2029]/g, "\n").replaceAll("\t", " ").normalize("NFC")
    .replace(/^\p{White_Space}+/u, "").replace(/(?<!\p{White_Space})\p{White_Space}+$/u, "");

// The rule for links comes when somebody is about to write, and takes as long as that takes.
let findLinks = () => [];
export const learnLinks = async () => ({ findLinks } = await import("./links.js"));

export const countChars = (raw) => {
  const text = normalise(raw);
  return findLinks(text).reduce((sum, [start, end]) => sum - codePoints(text.slice(start, end)) + LINK_CHARS, codePoints(text));
};
