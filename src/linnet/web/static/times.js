// Times as people say them: src/linnet/web/times.py, kept true while a page is open.

const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");

export const ago = (rfc3339, nowMs) => {
  const then = new Date(rfc3339), seconds = Math.max(0, Math.floor(nowMs / 1000) - Math.floor(then / 1000));
  if (seconds < 60) return "now";
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h`;
  const day = `${then.getUTCDate()} ${MONTHS[then.getUTCMonth()]}`, year = then.getUTCFullYear();
  return year === new Date(nowMs).getUTCFullYear() ? day : `${day} ${year}`;
};

export const refresh = () => {
  for (const time of document.querySelectorAll(".tweet:not(.main) .time:not(.edited) time, .note-item time")) {
    const words = ago(time.dateTime, Date.now());
    if (time.textContent !== words) time.textContent = words;
  }
};

setInterval(() => { if (!document.hidden) refresh(); }, 30_000);
addEventListener("pageshow", refresh);
document.addEventListener("visibilitychange", refresh);
