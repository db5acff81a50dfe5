// SPDX-License-Identifier: Apache-2.0
// Copies the few files the portal needs from node_modules to static/vendor, with a manifest of versions and licences.
import { cpSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";

const ICONS = ["activity", "badge-check", "bell", "boxes", "chart-column", "check", "chevrons-up-down",
  "circle-check", "clock", "coins", "cpu", "download", "file-text", "flame", "info", "key-round", "layout-dashboard",
  "leaf", "list", "log-out", "mail", "menu", "octagon-alert", "plus", "receipt", "rocket", "scroll-text", "server", "shield-check",
  "square", "sun-moon", "tag", "triangle-alert", "user", "users", "wallet", "webhook", "zap", "orbit", "book-open", "copy", "x"];
const target = "static/vendor";
rmSync(target, { recursive: true, force: true });
for (const folder of ["lucide", "fonts", "uplot"]) mkdirSync(`${target}/${folder}`, { recursive: true });
const have = new Set(readdirSync("node_modules/lucide-static/icons"));
for (const icon of ICONS.filter((name) => have.has(`${name}.svg`))) {
  const svg = readFileSync(`node_modules/lucide-static/icons/${icon}.svg`, "utf8");
  writeFileSync(`${target}/lucide/${icon}.svg`, svg.replace(/<!--[\s\S]*?-->\s*/g, "").replace(/\s*\n\s*/g, " ").replace(/ class="[^"]*"/, ""));
}
const strip = (text) => text.replace(/^\/[/*]# sourceMappingURL=.*$/gm, "");
cpSync("node_modules/@fontsource-variable/geist/files/geist-latin-wght-normal.woff2", `${target}/fonts/geist.woff2`);
cpSync("node_modules/@fontsource-variable/geist-mono/files/geist-mono-latin-wght-normal.woff2", `${target}/fonts/geist-mono.woff2`);
writeFileSync(`${target}/uplot/uplot.js`, strip(readFileSync("node_modules/uplot/dist/uPlot.iife.min.js", "utf8")));
writeFileSync(`${target}/uplot/uplot.css`, strip(readFileSync("node_modules/uplot/dist/uPlot.min.css", "utf8")));
const manifest = ["basecoat-css", "tailwindcss", "uplot", "lucide-static", "@fontsource-variable/geist", "@fontsource-variable/geist-mono"].map((name) => {
  const { version, license } = JSON.parse(readFileSync(`node_modules/${name}/package.json`, "utf8"));
  return `${name} ${version} (${license})`;
});
writeFileSync(`${target}/NOTICE`, `Vendored by \`npm run vendor\`:\n${manifest.join("\n")}\n`);

// For tests only, so outside static/: nothing of it is ever served.
const tests = "tests/vendor";
mkdirSync(tests, { recursive: true });
const axe = JSON.parse(readFileSync("node_modules/axe-core/package.json", "utf8"));
writeFileSync(`${tests}/axe.min.js`, strip(readFileSync("node_modules/axe-core/axe.min.js", "utf8")));
writeFileSync(`${tests}/NOTICE`, `Vendored by \`npm run vendor\`, used by tests only:\naxe-core ${axe.version} (${axe.license})\n`);
