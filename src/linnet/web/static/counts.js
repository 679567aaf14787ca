// The numbers under tweets, wherever a tweet stands on the page. A button's label holds the exact one.

const compact = (number) =>
  number < 1e4 ? number.toLocaleString("en-US") : number < 1e6 ? `${Math.floor(number / 1000)}k` : `${(number / 1e6).toFixed(1)}M`;

export const articlesOf = (tweetId) => document.querySelectorAll(`.tweet[data-tweet="${tweetId}"]`);

export const countOf = (button) => Number(/\d+$/.exec(button.getAttribute("aria-label"))?.[0] ?? 0);

export const setCount = (button, number) => {
  button.setAttribute("aria-label", button.getAttribute("aria-label").replace(/\d+$/, number));
  button.querySelector("span").textContent = number ? compact(number) : "";
};

const SHOWN = { replies: ".act.reply", retweets: ".act.retweet", likes: ".act.like" };

export const showCounts = (tweetId, counts) => {
  for (const article of articlesOf(tweetId)) {
    for (const [name, selector] of Object.entries(SHOWN)) {
      const button = article.querySelector(`.acts ${selector}`);
      // Where strangers log in to like there is no number in the label.
      if (button && /\d$/.test(button.getAttribute("aria-label"))) setCount(button, counts[name]);
      const tally = article.querySelector(`.tally a[href$="/${name}"]`);
      if (tally) tally.replaceChildren(Object.assign(document.createElement("b"), { textContent: compact(counts[name]) }), ` ${name.slice(0, counts[name] === 1 ? -1 : undefined)}`);
    }
  }
};
