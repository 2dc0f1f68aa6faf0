import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const page = (name) => here(`./static/src/scripts/${name}.js`);

/**
 * Joins the icons named in static/src/icons.json into one file of symbols, `icons.svg`, so that a
 * page carries the few it uses and none of the two thousand others.
 */
function iconSprite() {
  const list = here("./static/src/icons.json");
  return {
    name: "icon-sprite",
    buildStart() {
      this.addWatchFile(list);
    },
    generateBundle() {
      const symbols = JSON.parse(readFileSync(list, "utf8")).map((name) => {
        const svg = readFileSync(here(`./node_modules/bootstrap-icons/icons/${name}.svg`), "utf8");
        const [, box] = svg.match(/viewBox="([^"]+)"/);
        const drawing = svg.replace(/^[\s\S]*?<svg[^>]*>|<\/svg>\s*$/g, "").trim();
        return `<symbol id="${name}" viewBox="${box}" fill="currentColor">${drawing}</symbol>`;
      });
      this.emitFile({
        type: "asset",
        fileName: "icons.svg",
        source: `<svg xmlns="http://www.w3.org/2000/svg">\n${symbols.join("\n")}\n</svg>\n`,
      });
    },
  };
}

export default defineConfig({
  root: here("./static/src"),
  // Relative, so that the files work below any STATIC_URL, a content network's included.
  base: "./",
  publicDir: here("./static/src/public"),
  plugins: [iconSprite()],
  build: {
    outDir: here("./static/dist"),
    emptyOutDir: true,
    manifest: true,
    license: { fileName: "licenses.md" },
    modulePreload: { polyfill: false },
    // Fonts and images stay files: the content security policy need not allow more `data:`.
    assetsInlineLimit: 0,
    rolldownOptions: {
      // htmx holds an `eval` that `allowEval = false` (exchange.js) and the policy keep shut.
      checks: { eval: false },
      input: {
        portal: page("portal"),
        worklist: page("worklist"),
        reading: page("reading"),
        upload: page("upload"),
        training: page("training"),
      },
    },
  },
});
