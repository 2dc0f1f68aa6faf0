/** The worklist: `j` and `k` move through its rows (`[data-row]`, each with one link), Enter opens. */
import { addKey } from "./keyboard.js";

function move(step) {
  const links = [...document.querySelectorAll("[data-row] a[href]")];
  const at = links.indexOf(document.activeElement);
  const next = at < 0 ? 0 : Math.min(Math.max(at + step, 0), links.length - 1);
  links[next]?.focus();
}

addKey("j", "next study", () => move(1));
addKey("k", "previous study", () => move(-1));
