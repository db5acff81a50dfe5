// SPDX-License-Identifier: Apache-2.0
// Blocking and tiny: sets the theme before the first paint.
(() => {
  const choice = localStorage.getItem("theme") || "system";
  const dark = choice === "dark" || (choice === "system" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.classList.toggle("dark", dark);
  document.documentElement.dataset.theme = choice;
})();
