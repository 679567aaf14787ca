// Times that people choose: a page has them in UTC. Here they are said in the zone of whoever looks, and sent with how far
// that is from UTC at the moment that was chosen.

const two = (number) => String(number).padStart(2, "0");
const local = (date) => `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}T${two(date.getHours())}:${two(date.getMinutes())}`;

for (const field of document.querySelectorAll("input[data-local]")) {
  const note = () => { field.form.elements.zone.value = field.value ? new Date(field.value).getTimezoneOffset() : ""; };
  if (field.value) field.value = local(new Date(`${field.value}Z`));
  field.labels[0]?.querySelector("small")?.remove();
  field.addEventListener("input", note);
  note();
}
for (const time of document.querySelectorAll("time[data-local]")) {
  time.textContent = new Date(time.dateTime).toLocaleString([], { dateStyle: "long", timeStyle: "short" });
}
