// SPDX-License-Identifier: Apache-2.0
// Theme switch, charts, live figures and dialogs. Prices and permissions are never computed here.
(() => {
  const apply = (choice) => {
    localStorage.setItem("theme", choice);
    const dark = choice === "dark" || (choice === "system" && matchMedia("(prefers-color-scheme: dark)").matches);
    document.documentElement.classList.toggle("dark", dark);
    document.documentElement.dataset.theme = choice;
    drawAll();
  };
  const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const charts = new Map();

  function draw(element) {
    const source = document.getElementById(element.dataset.chart);
    if (!source || !window.uPlot) return;
    const data = JSON.parse(source.textContent);
    charts.get(element)?.destroy();
    const axis = { stroke: token("--muted-foreground"), grid: { stroke: token("--border"), width: 1 }, ticks: { show: false }, font: "12px Geist Variable" };
    // A dashed series goes on with what the series before it began, in its colour.
    const series = data.series.map((one, index) => {
      const stroke = token(`--chart-${((one.dashed ? index - 1 : index) % 5) + 1}`);
      return data.kind === "bars"
        ? { label: one.label, stroke, fill: stroke, paths: uPlot.paths.bars({ size: [0.6, 48] }), points: { show: false } }
        : { label: one.label, stroke, width: 2, dash: one.dashed ? [6, 4] : undefined, points: { show: false },
            fill: one.dashed ? undefined : `color-mix(in oklch, ${stroke} 12%, transparent)` };
    });
    const lang = document.documentElement.lang;
    const day = new Intl.DateTimeFormat(lang, { day: "numeric", month: "short", timeZone: "UTC" });
    const stacked = data.kind === "bars" ? stack(data.values) : data.values;
    charts.set(element, new uPlot({
      width: element.clientWidth, height: element.clientHeight, cursor: { show: false }, legend: { show: false },
      scales: { x: { time: true }, y: { range: (_, low, high) => [0, high > 0 ? high * 1.08 : 1] } },
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
      axes: [
        { ...axis, grid: { show: false }, size: 28, space: 64, incrs: [1, 2, 7, 14, 28, 91].map((days) => days * 86400), values: (_, ticks) => ticks.map((tick) => day.format(tick * 1000)) },
        { ...axis, size: 64, values: (_, ticks) => ticks.map((tick) => tick.toLocaleString(lang)) },
      ],
      series: [{}, ...(data.kind === "bars" ? series.reverse() : series)],
    }, [data.times, ...(data.kind === "bars" ? stacked.reverse() : stacked)], element));
  }
  const stack = (rows) => rows.map((_, index) => rows[index].map((__, at) => rows.slice(0, index + 1).reduce((sum, row) => sum + (row[at] || 0), 0)));
  const drawAll = (root = document) => root.querySelectorAll("[data-chart]").forEach(draw);

  // A figure that went stale says so; polling takes over until the stream is back.
  function live(element) {
    let stream, timer;
    const poll = () => window.htmx && htmx.ajax("GET", element.dataset.live, { target: element, swap: "innerHTML" });
    const label = () => document.getElementById("live-label");
    const open = () => {
      stream = new EventSource(element.dataset.stream);
      stream.addEventListener("figures", (event) => {
        clearInterval(timer); timer = undefined;
        element.innerHTML = event.data;
        if (label()) label().textContent = label().dataset.on;
      });
      stream.onerror = () => {
        if (label()) label().textContent = `${label().dataset.off} ${new Date().toLocaleTimeString(document.documentElement.lang, { hour: "2-digit", minute: "2-digit" })}`;
        if (!timer) timer = setInterval(poll, 30000);
      };
    };
    if (window.EventSource) open(); else timer = setInterval(poll, 30000);
    addEventListener("pagehide", () => { stream?.close(); clearInterval(timer); });
  }

  document.addEventListener("click", (event) => {
    const theme = event.target.closest("[data-theme-choice]");
    if (theme) { const order = ["system", "light", "dark"]; apply(order[(order.indexOf(document.documentElement.dataset.theme) + 1) % 3]); }
    const opener = event.target.closest("[data-opens]");
    if (opener) document.getElementById(opener.dataset.opens)?.showModal();
    const closer = event.target.closest("[data-closes]");
    if (closer) closer.closest("dialog")?.close();
    const copier = event.target.closest("[data-copies]");
    if (copier) navigator.clipboard?.writeText(document.getElementById(copier.dataset.copies).textContent.trim()).then(() => { copier.querySelector("span").textContent = copier.dataset.done; });
    event.target.closest("[data-dismisses]")?.closest(".toast").remove();
  });
  // The name of what is lost must be typed; without JavaScript the dialog's own button is the confirmation.
  const typed = (field) => { field.form.querySelector("button:not([type=button])").disabled = field.value !== field.dataset.typed; };
  document.addEventListener("input", (event) => { if (event.target.matches("[data-typed]")) typed(event.target); });
  const toast = (name) => {
    const place = document.querySelector("[data-toasts]");
    const template = place?.querySelector(`template[data-toast="${name}"]`);
    if (template && !place.querySelector(".toast")) place.append(template.content.cloneNode(true));
  };
  for (const failure of ["htmx:sendError", "htmx:responseError"]) document.addEventListener(failure, () => toast("failed"));
  document.addEventListener("change", (event) => { if (event.target.matches("[data-submits]")) event.target.form.requestSubmit(); });
  document.addEventListener("DOMContentLoaded", () => {
    drawAll();
    document.querySelectorAll("[data-typed]").forEach(typed);
    document.querySelectorAll("[data-stream]").forEach(live);
    document.querySelector("[data-focus]")?.focus();
  });
  document.addEventListener("htmx:afterSwap", (event) => drawAll(event.target));
  let resizing;
  addEventListener("resize", () => { clearTimeout(resizing); resizing = setTimeout(() => drawAll(), 150); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => apply(document.documentElement.dataset.theme));
})();
