// The picture that somebody chose, shown where it will be before it is sent; and a word when it is too large for that.

for (const shown of document.querySelectorAll("[data-preview]")) {
  const field = document.getElementById(shown.dataset.preview), before = shown.getAttribute("src");
  let address = "";
  const show = () => {
    URL.revokeObjectURL(address);
    const [file] = field.files;
    address = file ? URL.createObjectURL(file) : "";
    shown.src = address || before;
    const tooLarge = file && file.size > field.dataset.max;
    field.setCustomValidity(tooLarge ? `This picture is too large. It may have up to ${Math.floor(field.dataset.max / 1048576)} MB.` : "");
    if (tooLarge) field.reportValidity();
  };
  field.addEventListener("change", show);
  // What cannot be shown may still be a picture: the server has the last word.
  shown.addEventListener("error", () => { if (shown.src === address) shown.src = before; });
  // Whoever comes back finds the file still chosen.
  if (field.files.length) show();
}
