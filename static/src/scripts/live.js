/**
 * A part of the page that fetches itself every few seconds (`[data-live]`): it rests while nobody looks
 * and says so while the server does not answer, keeping what it last knew.
 */
export const isLive = (element) => element instanceof Element && element.matches("[data-live]");

document.addEventListener("htmx:beforeRequest", (event) => {
  if (isLive(event.target) && document.hidden) {
    event.preventDefault();
  }
});

function say(reachable) {
  document.querySelector("[data-live]")?.toggleAttribute("data-stale", !reachable);
}

document.addEventListener("htmx:sendError", () => say(false));
document.addEventListener("htmx:responseError", () => say(false));
document.addEventListener("htmx:afterOnLoad", () => say(true));
