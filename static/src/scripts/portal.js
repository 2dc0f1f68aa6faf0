/** Every page of the portal loads this first. */
import "../styles/portal.css";
import "bootstrap/js/dist/alert";
import "bootstrap/js/dist/collapse";
import "bootstrap/js/dist/dropdown";
import "bootstrap/js/dist/modal";
import "./exchange.js";
import { listenForKeys } from "./keyboard.js";
import { offerThemes } from "./theme.js";

offerThemes();
listenForKeys();

if (document.querySelector("canvas[data-chart]")) {
  import("./charts.js").then(({ drawCharts }) => drawCharts());
}
