// Chart.js in the page's colours, drawn again when the reader changes between light and dark.

import { data } from "./data.js";

const drawn = new Map();

/** Return a colour of the style sheet. */
export function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

/** Draw a chart on a canvas; `configure` is called for its configuration, with the colours of now. */
export function draw(canvas, configure) {
  drawn.get(canvas)?.chart.destroy();
  const { Chart } = window;
  Chart.defaults.animation = false;
  Chart.defaults.maintainAspectRatio = false;
  Chart.defaults.locale = data.lang;
  Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
  Chart.defaults.color = colour("soft");
  Chart.defaults.borderColor = colour("line");
  drawn.set(canvas, { configure, chart: new Chart(canvas, configure()) });
}

window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  for (const [canvas, { configure }] of drawn) draw(canvas, configure);
});
