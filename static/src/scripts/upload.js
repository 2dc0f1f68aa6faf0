/** The upload page: files dropped on `[data-drop]` become the files of the form's input inside it. */
const zone = document.querySelector("[data-drop]");
const input = zone?.querySelector("input[type=file]");

for (const kind of ["dragover", "drop"]) {
  zone?.addEventListener(kind, (event) => event.preventDefault());
}
zone?.addEventListener("drop", ({ dataTransfer }) => {
  input.files = dataTransfer.files;
  input.dispatchEvent(new Event("change", { bubbles: true }));
});
