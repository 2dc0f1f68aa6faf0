/**
 * The upload page: files dropped or chosen go one by one to REST's `POST studies/`, each with its own
 * progress bar; then the page asks every second what became of them.
 */
import { csrfToken } from "./exchange.js";

const AT_ONCE = 2;
const WATCH_MS = 1000;
const form = document.querySelector("[data-upload]");
const input = form.querySelector("input[type=file]");
const list = document.querySelector("[data-list]");
const summary = document.querySelector("[data-summary]");
const maxBytes = Number(form.dataset.maxBytes);
const files = [];

const MARKS = { done: "✓", refused: "⊘", failed: "!", error: "!", sent: "…", sending: "↑", waiting: "·" };
const ENDED = ["done", "refused", "failed", "error", "cancelled"];

function size(bytes) {
  const units = ["bytes", "KB", "MB", "GB"];
  const unit = Math.min(Math.floor(Math.log(Math.max(bytes, 1)) / Math.log(1024)), 3);
  return `${(bytes / 1024 ** unit).toFixed(unit ? 1 : 0)} ${units[unit]}`;
}

/** One file on its way: `waiting → sending → sent → done | refused | failed`, or `error`, `cancelled`. */
class Sending {
  constructor(file) {
    this.file = file;
    this.row = document.querySelector("#upload-row").content.firstElementChild.cloneNode(true);
    this.part("name").textContent = file.name;
    this.part("size").textContent = size(file.size);
    this.part("cancel").addEventListener("click", () => this.cancel());
    this.part("retry").addEventListener("click", () => this.again());
    list.append(this.row);
    this.set("waiting", "Waiting");
  }

  part(name) {
    return this.row.querySelector(`[data-${name}]`);
  }

  set(state, outcome) {
    this.state = state;
    this.row.dataset.state = state;
    this.part("outcome").textContent = outcome;
    this.part("mark").textContent = MARKS[state] ?? "";
    this.part("cancel").hidden = !["waiting", "sending"].includes(state);
    this.part("retry").hidden = !(state === "error" && this.retriable) && state !== "cancelled";
    tally();
  }

  again() {
    this.part("bar").value = 0;
    this.set("waiting", "Waiting");
    sendNext();
  }

  cancel() {
    this.request?.abort();
    this.set("cancelled", "Cancelled");
    sendNext();
  }

  send() {
    this.retriable = true;
    if (this.file.size > maxBytes) {
      this.fail(`Larger than the ${size(maxBytes)} that are accepted.`, false);
      return;
    }
    const request = new XMLHttpRequest();
    const body = new FormData();
    body.append("files", this.file, this.file.name);
    request.upload.addEventListener("progress", ({ loaded, total }) => {
      this.part("bar").value = loaded / total;
      this.part("outcome").textContent =
        loaded < total ? `Sending, ${Math.floor((100 * loaded) / total)} %` : "Sent; being stored";
    });
    request.addEventListener("load", () => this.answered(request));
    request.addEventListener("error", () => this.fail("The server could not be reached. Retry when the network is back."));
    request.open("POST", form.dataset.action);
    request.setRequestHeader("X-CSRFToken", csrfToken());
    request.setRequestHeader("Accept", "application/json");
    this.request = request;
    this.set("sending", "Sending");
    request.send(body);
  }

  answered(request) {
    let answer = {};
    try {
      answer = JSON.parse(request.responseText);
    } catch {
      // not from REST: a proxy's page, say; the status tells enough
    }
    const kept = answer.instances?.[0];
    const problem = answer.errors?.[0];
    if (kept) {
      this.kept(kept);
    } else if (problem?.code === "conflict" || request.status === 409) {
      this.fail("Conflict: other bytes came under the same identity. Both are kept; an administrator decides.", false);
    } else if (problem) {
      this.fail(`${problem.detail || "Not a radiograph that can be read."} (${problem.code})`, false);
    } else if (request.status === 401 || request.status === 403) {
      this.fail("You were signed out. Sign in again in another tab, then retry.");
    } else {
      this.fail(answer.detail || `The server answered ${request.status}. Retry in a moment.`, request.status !== 400);
    }
    sendNext();
  }

  kept({ study_instance_uid: uid, known }) {
    this.uid = uid;
    this.known = known;
    this.part("bar").value = 1;
    const open = this.part("open");
    open.href = `${form.dataset.study}?uid=${encodeURIComponent(uid)}`;
    open.hidden = false;
    this.set("sent", `${this.prefix()}Waiting for its result`);
    watch();
  }

  prefix() {
    return this.known ? "Already known. " : "Stored. ";
  }

  fail(reason, retriable = true) {
    this.retriable = retriable;
    this.set("error", reason);
  }

  /** Take what the worklist knows about the study. */
  learn({ state, status, finding, note, probability }) {
    if (["waiting", "running"].includes(state)) {
      this.part("outcome").textContent = `${this.prefix()}${note}`;
      return;
    }
    const result = finding ? [finding, note || probability].filter(Boolean).join(", ") : note || status;
    this.set(state, `${this.prefix()}${result}`);
  }
}

function sendNext() {
  const busy = files.filter(({ state }) => state === "sending").length;
  for (const next of files.filter(({ state }) => state === "waiting").slice(0, AT_ONCE - busy)) {
    next.send();
  }
}

function tally() {
  const count = (...states) => files.filter(({ state }) => states.includes(state)).length;
  const ended = count(...ENDED);
  const wrong = count("error", "failed");
  summary.hidden = files.length === 0;
  const parts = [`${ended} of ${files.length} finished`];
  if (wrong) {
    parts.push(`${wrong} with an error`);
  }
  summary.querySelector("[data-summary-text]").textContent = parts.join(", ");
  summary.querySelector("[data-retry-failed]").hidden = !files.some((one) => one.state === "error" && one.retriable);
  summary.querySelector("[data-cancel-all]").hidden = count("waiting", "sending") === 0;
  summary.querySelector("[data-clear-done]").hidden = ended === 0;
}

let watching = null;

/** Ask what became of the stored files until each has an end. */
function watch() {
  watching ??= setInterval(async () => {
    const open = files.filter(({ state }) => state === "sent");
    if (!open.length) {
      clearInterval(watching);
      watching = null;
      return;
    }
    const query = new URLSearchParams([...new Set(open.map(({ uid }) => uid))].slice(0, 100).map((uid) => ["uid", uid]));
    try {
      const answer = await fetch(`${form.dataset.progress}?${query}`, { headers: { "X-Live-Poll": "1" } });
      const studies = answer.ok && !answer.redirected ? await answer.json() : {};
      for (const one of open) {
        if (studies[one.uid]) {
          one.learn(studies[one.uid]);
        }
      }
    } catch {
      // the network is away for a moment: the next second asks again
    }
  }, WATCH_MS);
}

function add(chosen) {
  files.push(...[...chosen].map((file) => new Sending(file)));
  tally();
  sendNext();
}

input.addEventListener("change", () => {
  add(input.files);
  input.value = "";
});
form.addEventListener("submit", (event) => event.preventDefault());

for (const kind of ["dragenter", "dragover"]) {
  form.addEventListener(kind, (event) => {
    event.preventDefault();
    form.classList.add("over");
  });
}
form.addEventListener("dragleave", (event) => {
  if (!form.contains(event.relatedTarget)) {
    form.classList.remove("over");
  }
});
form.addEventListener("drop", (event) => {
  event.preventDefault();
  form.classList.remove("over");
  add(event.dataTransfer.files);
});
// A file dropped beside the zone would otherwise replace the page.
for (const kind of ["dragover", "drop"]) {
  window.addEventListener(kind, (event) => event.preventDefault());
}

summary.querySelector("[data-retry-failed]").addEventListener("click", () => {
  for (const one of files.filter(({ state, retriable }) => state === "error" && retriable)) {
    one.set("waiting", "Waiting");
  }
  sendNext();
});
summary.querySelector("[data-cancel-all]").addEventListener("click", () => {
  for (const one of files.filter(({ state }) => ["waiting", "sending"].includes(state)).reverse()) {
    one.cancel();
  }
});
summary.querySelector("[data-clear-done]").addEventListener("click", () => {
  for (const one of files.filter(({ state }) => ENDED.includes(state))) {
    one.row.remove();
    files.splice(files.indexOf(one), 1);
  }
  tally();
});
window.addEventListener("beforeunload", (event) => {
  if (files.some(({ state }) => ["waiting", "sending"].includes(state))) {
    event.preventDefault();
  }
});
