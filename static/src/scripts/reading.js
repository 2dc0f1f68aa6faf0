/** The reading page: the image and its tools, the evidence laid over it, the lung outline. */
import { Viewer } from "./viewer.js";

const find = (selector) => document.querySelector(selector);
const canvas = find("[data-image]");
const note = find("[data-stage-note]");
const readout = find("[data-window-readout]");
const saliency = find("[data-saliency]");
const lungs = find("[data-lungs]");
const opacity = find("[data-saliency-opacity]");
const choice = find("[data-saliency-choice]");
const exact = find("[data-exact-window]");
let exactText = "";

const viewer = new Viewer(find("[data-stage]"), find("[data-layers]"), canvas, {
  onWindow({ center, width }, inverted) {
    const stretched = `C ${Math.round((center / 255) * 100)} % W ${Math.round((width / 255) * 100)} %`;
    readout.textContent = [exactText, stretched, inverted ? "inverted" : ""].filter(Boolean).join(" · ");
  },
});

async function show(address, saying = "Loading the image") {
  note.textContent = saying;
  try {
    await viewer.draw(address);
    note.textContent = "";
    document.body.dataset.picture = "shown"; // what a browser test waits for
  } catch (error) {
    note.textContent = `No picture: ${error.message}`;
    document.body.dataset.picture = "missing";
  }
}

show(canvas.dataset.source);

/* Tools */
const button = (action) => find(`[data-action="${action}"]`);
const press = (action, pressed) => button(action)?.setAttribute("aria-pressed", String(pressed));

for (const tool of document.querySelectorAll("[data-tool]:is(button)")) {
  tool.addEventListener("click", () => {
    viewer.setTool(tool.dataset.tool);
    for (const other of document.querySelectorAll("[data-tool]:is(button)")) {
      other.setAttribute("aria-pressed", String(other === tool));
    }
  });
}
button("zoom-in").addEventListener("click", () => viewer.zoom(1.4));
button("zoom-out").addEventListener("click", () => viewer.zoom(1 / 1.4));
button("invert").addEventListener("click", () => press("invert", viewer.invert()));
button("reset").addEventListener("click", async () => {
  if (exactText) {
    exactText = "";
    await show(canvas.dataset.source);
  }
  viewer.reset();
  press("invert", false);
});
exact.addEventListener("submit", async (event) => {
  event.preventDefault();
  const { center, width } = Object.fromEntries(new FormData(exact));
  const address = new URL(canvas.dataset.source, location.href);
  address.searchParams.set("window", `${center},${width}`);
  exactText = `C ${center} W ${width}`;
  await show(address, "The server draws this window");
  exact.closest("details").open = false;
});

/* Evidence */
function fade() {
  saliency.style.opacity = opacity.value / opacity.max;
  find("[data-saliency-readout]").textContent = `${opacity.value} %`;
}

function showEvidence(on) {
  saliency.hidden = !on;
  press("saliency", on);
}

if (saliency) {
  saliency.src = choice.value;
  showEvidence(true);
  fade();
  opacity.addEventListener("input", () => {
    showEvidence(true);
    fade();
  });
  choice.addEventListener("change", () => {
    saliency.src = choice.value;
    showEvidence(true);
  });
  button("saliency").addEventListener("click", () => showEvidence(saliency.hidden));
}
if (lungs) {
  button("lungs").addEventListener("click", () => {
    lungs.src ||= lungs.dataset.source;
    lungs.hidden = !lungs.hidden;
    press("lungs", !lungs.hidden);
  });
}

/* Correcting: the key opens the choices and moves there. */
const correct = find(".correct");
correct?.addEventListener("toggle", () => {
  if (correct.open) {
    correct.querySelector("input[type=radio]").focus({ preventScroll: true });
    correct.scrollIntoView({ block: "nearest", behavior: "smooth" });
  }
});
