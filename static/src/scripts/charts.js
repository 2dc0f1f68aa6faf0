/**
 * Charts from data in the page: `<canvas data-chart="trend">` draws what Django's `json_script`
 * wrote under the id "trend", a Chart.js configuration without functions.
 */
import Chart from "chart.js/auto";

export function drawCharts() {
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  Chart.defaults.color = colour("--ink-2");
  Chart.defaults.borderColor = colour("--line");
  Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
  for (const canvas of document.querySelectorAll("canvas[data-chart]")) {
    const source = document.getElementById(canvas.dataset.chart);
    new Chart(canvas, JSON.parse(source.textContent));
  }
}
