/**
 * A training run's page: its live part brings the curves' new points along, and the log stays open, and at
 * its end, when it was.
 */
import Chart from "chart.js/auto";
import { isLive } from "./live.js";

const logLines = () => document.querySelector("#run-log pre");
let log = { open: false, top: 0, atEnd: true };

document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  const lines = logLines();
  if (isLive(detail.target) && lines) {
    const { scrollTop: top, scrollHeight, clientHeight } = lines;
    log = { open: lines.parentElement.open, top, atEnd: top + clientHeight >= scrollHeight - 4 };
  }
});

document.addEventListener("htmx:afterSwap", () => {
  const live = document.querySelector("[data-live]");
  for (const canvas of document.querySelectorAll("canvas[data-chart]")) {
    const chart = Chart.getChart(canvas);
    const points = live?.dataset[canvas.dataset.chart];
    if (chart && points) {
      chart.data = JSON.parse(points);
      chart.update("none");
    }
  }
  const lines = logLines();
  if (lines) {
    lines.parentElement.open = log.open;
    lines.scrollTop = log.atEnd ? lines.scrollHeight : log.top;
  }
});
