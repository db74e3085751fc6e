// Draws the dashboard from what a Prometheus answers:
//   node draw.mjs http://127.0.0.1:9090 FROM TO page.html      (FROM and TO in seconds since 1970)
//   chromium --headless --window-size=1500,2730 --screenshot=dashboard.png file://$PWD/page.html
// Install its one library before, with `npm ci`. A daemon to read: `leadsync demo --metrics 127.0.0.1:9464`.
// Grafana itself is not needed: template.html draws panels by their type, unit, legend, thresholds and value mappings.
import { readFileSync, writeFileSync } from "node:fs";

const here = new URL(".", import.meta.url);
const [base, from, to, out] = process.argv.slice(2);
const dashboard = JSON.parse(readFileSync(new URL("../../monitoring/grafana-dashboard.json", here)));
const step = Math.max(1, Math.round((to - from) / 300));
const interval = `${Math.max(4 * step, 15)}s`;

const filled = (query) =>
  query.replaceAll("$__rate_interval", interval).replaceAll("$__range", `${to - from}s`).replaceAll(/\$(instance|destination|source)/g, ".*");

async function ask(target) {
  const parameters = new URLSearchParams({ query: filled(target.expr) });
  if (target.instant) parameters.set("time", to);
  else for (const [key, value] of [["start", from], ["end", to], ["step", step]]) parameters.set(key, value);
  const path = target.instant ? "query" : "query_range";
  const answer = await (await fetch(`${base}/api/v1/${path}?${parameters}`)).json();
  if (answer.status !== "success") throw new Error(`${target.expr}: ${JSON.stringify(answer)}`);
  return answer.data.result.map(({ metric, values, value }) => ({
    name: target.legendFormat.replaceAll(/\{\{(\w+)\}\}/g, (_, label) => metric[label] ?? ""),
    points: (values ?? [value]).map(([at, number]) => [at, Number(number)]),
  }));
}

const panels = [];
for (const panel of dashboard.panels) {
  const series = panel.targets ? (await Promise.all(panel.targets.map(ask))).flat() : [];
  panels.push({ ...panel, series: series.sort((a, b) => a.name.localeCompare(b.name)) });
}

const uplot = new URL("node_modules/uplot/dist/", here);
const page = readFileSync(new URL("template.html", here), "utf8")
  .replace("{STYLE}", () => readFileSync(new URL("uPlot.min.css", uplot), "utf8"))
  .replace("{UPLOT}", () => readFileSync(new URL("uPlot.iife.min.js", uplot), "utf8"))
  .replace("{DATA}", () => JSON.stringify({ title: dashboard.title, from: Number(from), to: Number(to), step, panels }));
writeFileSync(out, page);
