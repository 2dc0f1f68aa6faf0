/**
 * Light or dark. The choice lies in a cookie, so that the server writes `data-bs-theme` into the
 * page and nothing flickers; a button `[data-theme-toggle]` changes it.
 */
const YEAR = 365 * 24 * 3600;
const root = document.documentElement;

function choose(theme) {
  root.dataset.bsTheme = theme;
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `theme=${theme}; Path=/; Max-Age=${YEAR}; SameSite=Lax${secure}`;
}

export function offerThemes() {
  for (const button of document.querySelectorAll("[data-theme-toggle]")) {
    button.addEventListener("click", () => choose(root.dataset.bsTheme === "dark" ? "light" : "dark"));
  }
}
