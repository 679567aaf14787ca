// Pictures beside a text that is being written: shown as soon as they are chosen, one field after the other.

export const setUp = (extras) => {
  const slots = [...extras.querySelectorAll("div.slot")];
  const fileOf = (slot) => slot.querySelector("input[type=file]");

  const show = (slot) => {
    const field = fileOf(slot), [file] = field.files;
    const before = slot.querySelector("img");
    if (before) URL.revokeObjectURL(before.src);
    before?.remove();
    const tooLarge = file && file.size > field.dataset.max;
    field.setCustomValidity(tooLarge ? `This picture is too large. It may have up to ${Math.floor(field.dataset.max / 1048576)} MB.` : "");
    if (tooLarge) field.reportValidity();
    else if (file) {
      const image = new Image();
      image.alt = "";
      image.src = URL.createObjectURL(file);
      slot.prepend(image);
    }
  };
  // The first that is empty invites; the others behind it wait.
  const tidy = () => {
    const first = slots.findIndex((slot) => !fileOf(slot).files.length);
    slots.forEach((slot, at) => { slot.hidden = first >= 0 && at > first && !fileOf(slot).files.length; });
  };
  for (const slot of slots) fileOf(slot).addEventListener("change", () => { show(slot); tidy(); });
  slots.forEach(show);
  tidy();
};

// When it is posted.
export const clear = (extras) => {
  for (const field of extras.querySelectorAll("input")) {
    if (field.type === "checkbox") field.checked = false;
    else field.value = "";
    field.dispatchEvent(new Event("change"));
  }
  for (const kept of extras.querySelectorAll("label.slot")) kept.remove();
  extras.open = false;
};
