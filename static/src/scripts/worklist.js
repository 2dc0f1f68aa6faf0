/**
 * The worklist: `j` and `k` move through its rows, Enter opens the one that holds the focus. The list
 * fetches itself every few seconds (`[data-live]`); htmx gives the focus back to the link with the
 * same id, and what has not changed is not put in again.
 */
import { addKey } from "./keyboard.js";
import { isLive } from "./live.js";

let last = "";

const links = () => [...document.querySelectorAll("[data-row] .row-link")];

function move(step) {
  const all = links();
  const at = all.indexOf(document.activeElement);
  const next = at < 0 ? 0 : Math.min(Math.max(at + step, 0), all.length - 1);
  all[next]?.focus();
  all[next]?.scrollIntoView({ block: "nearest" });
}

addKey("j", "next study", () => move(1));
addKey("k", "previous study", () => move(-1));

document.addEventListener("htmx:beforeSwap", (event) => {
  const { detail } = event;
  if (!isLive(detail.target)) {
    return;
  }
  detail.shouldSwap &&= detail.serverResponse !== last;
  last = detail.serverResponse;
});

/* On a phone the views scroll sideways: the open one is in sight, and a refresh does not move them. */
const views = () => document.querySelector(".views");
let scrolled = 0;

views()?.querySelector("[aria-current]")?.scrollIntoView({ inline: "center", block: "nearest" });
document.addEventListener("htmx:beforeSwap", () => {
  scrolled = views()?.scrollLeft ?? 0;
});
document.addEventListener("htmx:afterSwap", () => {
  if (views()) {
    views().scrollLeft = scrolled;
  }
});
