// Shows what the API answered: best three, chart, table, and the figures of the model that answered.

import { draw, colour } from "./charts.js";
import { isLow, shares } from "./confidence.js";
import { data, decimal, percent, say } from "./data.js";

const MOST_BARS = 10;
const BEST = 3;
const SVG = "http://www.w3.org/2000/svg";

const element = (id) => document.getElementById(id);

/** Show an answer; return what is said of it in a sentence. */
export function showAnswer(reply) {
  const found = shares(reply.all_scores);
  const rows = found
    .map((share, i) => ({ name: data.classes[i], share, score: reply.all_scores[i] }))
    .sort((one, other) => other.share - one.share);
  const low = isLow(rows.map((row) => row.share));
  element("no-answer").hidden = true;
  element("answer").hidden = false;
  element("unsure").hidden = !low;
  element("best").replaceChildren(...rows.slice(0, BEST).map(item));
  element("scores").replaceChildren(...rows.map(line));
  element("took").textContent = took(reply);
  for (const card of document.querySelectorAll("[data-sha256]")) {
    card.hidden = card.dataset.sha256 !== reply.model.sha256;
  }
  element("chart-figure").hidden = false;
  draw(element("chart"), () => bars(rows.slice(0, MOST_BARS)));
  const values = { name: rows[0].name, percent: percent(rows[0].share) };
  return say(low ? "js.answer_low" : "js.answer", values);
}

/** Take an answer away, since it is not that of the picture that is shown now. */
export function clearAnswer() {
  element("answer").hidden = true;
  element("no-answer").hidden = false;
}

function item({ name, share }) {
  const entry = document.createElement("li");
  entry.append(span("class", name), " ", track(share), " ", span("share", percent(share)));
  return entry;
}

/** Draw a share as a bar; what it shows is written beside it. */
function track(share) {
  const bar = document.createElementNS(SVG, "rect");
  bar.setAttribute("width", 100 * share);
  bar.setAttribute("height", 1);
  const made = document.createElementNS(SVG, "svg");
  made.setAttribute("class", "track");
  made.setAttribute("viewBox", "0 0 100 1");
  made.setAttribute("preserveAspectRatio", "none");
  made.setAttribute("aria-hidden", "true");
  made.append(bar);
  return made;
}

function line({ name, share, score }) {
  const heading = document.createElement("th");
  heading.scope = "row";
  heading.textContent = name;
  const row = document.createElement("tr");
  row.append(heading, cell(percent(share)), cell(decimal(score, 3)));
  return row;
}

function cell(text) {
  const made = document.createElement("td");
  made.className = "number";
  made.textContent = text;
  return made;
}

function span(name, text) {
  const made = document.createElement("span");
  made.className = name;
  made.textContent = text;
  return made;
}

function took(reply) {
  const { decode, wait, inference, total } = reply.timing_ms;
  return say("js.took", {
    name: reply.model.name,
    version: reply.model.version,
    total: decimal(total, 1),
    decode: decimal(decode, 1),
    wait: decimal(wait, 1),
    inference: decimal(inference, 2),
  });
}

function bars(rows) {
  return {
    type: "bar",
    data: {
      labels: rows.map((row) => row.name),
      datasets: [
        {
          data: rows.map((row) => 100 * row.share),
          backgroundColor: rows.map((_, i) => colour(i ? "bar" : "accent")),
          borderRadius: 3,
          minBarLength: 2,
        },
      ],
    },
    options: {
      indexAxis: "y",
      scales: {
        x: { min: 0, max: 100, ticks: { callback: (value) => `${value} %` } },
        y: { grid: { display: false }, ticks: { autoSkip: false } },
      },
      plugins: {
        legend: { display: false },
        tooltip: { callbacks: { label: (context) => percent(context.parsed.x / 100) } },
      },
    },
  };
}
