/** htmx, set up for a strict content security policy and for pages that name patients. */
import htmx from "htmx.org";

Object.assign(htmx.config, {
  allowEval: false,
  allowScriptTags: false,
  includeIndicatorStyles: false, // they would be an inline <style>; ours are in components.css
  selfRequestsOnly: true,
  historyCacheSize: 0, // no copies of pages in the browser's storage
  refreshOnHistoryMiss: true,
});

/** Django's token against forged requests, which base.html writes into `<meta name="csrf-token">`. */
export function csrfToken() {
  return document.querySelector('meta[name="csrf-token"]')?.content ?? "";
}

document.addEventListener("htmx:configRequest", ({ detail }) => {
  if (detail.verb !== "get") {
    detail.headers["X-CSRFToken"] = csrfToken();
  }
});

export { htmx };
