/** The reading page: a slider (`[data-saliency-opacity]`) fades the saliency overlay. */
const slider = document.querySelector("[data-saliency-opacity]");
const overlay = document.querySelector("[data-saliency]");

slider?.addEventListener("input", () => {
  overlay.style.opacity = slider.value / slider.max;
});
