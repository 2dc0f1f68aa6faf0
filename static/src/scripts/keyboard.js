/**
 * Keys beside actions. An element that can be pressed or filled in names its key by `data-key`
 * ("/", "a", …): the key then clicks it, or moves the cursor there. "?" opens
 * `<dialog id="keyboard-help">`, whose `<dl>` is filled from the page itself, so that the help
 * cannot disagree with what the keys do.
 */
const typing = (target) =>
  target.isContentEditable || (target.matches("input, textarea, select") && !target.matches("[type=range], [type=checkbox]"));

const shown = (element) => element.checkVisibility();

const keyed = () => [...document.querySelectorAll("[data-key]")].filter(shown);

const nameOf = (element) =>
  element.dataset.keyName ?? element.ariaLabel ?? element.placeholder ?? element.textContent.trim().replace(/\s+/g, " ");

/** Keys that belong to no element, as moving through a list: `{key, name, run}`. */
const pageKeys = new Map();

export function addKey(key, name, run) {
  pageKeys.set(key, { name, run });
}

function fillHelp(list) {
  list.replaceChildren();
  const rows = [
    ...[...pageKeys].map(([key, { name }]) => [key, name]),
    ...keyed().map((element) => [element.dataset.key, nameOf(element)]),
  ];
  for (const [key, name] of rows) {
    const term = document.createElement("dt");
    const cap = document.createElement("kbd");
    cap.textContent = key;
    term.append(cap);
    const description = document.createElement("dd");
    description.textContent = name;
    list.append(term, description);
  }
}

function press(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || typing(event.target)) {
    return;
  }
  const help = document.querySelector("#keyboard-help");
  if (event.key === "?" && help) {
    event.preventDefault();
    fillHelp(help.querySelector("dl"));
    help.showModal();
    return;
  }
  if (document.querySelector("dialog[open], .modal.show")) {
    return;
  }
  const pageKey = pageKeys.get(event.key);
  const element = pageKey ? null : keyed().find((candidate) => candidate.dataset.key === event.key);
  if (!pageKey && !element) {
    return;
  }
  event.preventDefault();
  if (pageKey) {
    pageKey.run();
  } else if (element.matches("input:not([type=checkbox], [type=radio]), textarea, select")) {
    element.focus();
  } else {
    element.click();
  }
}

export function listenForKeys() {
  document.addEventListener("keydown", press);
}
