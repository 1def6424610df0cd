// The dashboard's charts; the table beside each has the same figures.

import { colour, draw } from "./charts.js";
import { data } from "./data.js";

document.documentElement.classList.add("js");

/** By how much the scales go beyond the outermost points: a factor, since they are logarithmic. */
const MARGIN = 1.8;

const LOOKS = {
  other: { colour: "bar", style: "circle", radius: 6 },
  front: { colour: "good", style: "rectRot", radius: 8 },
  served: { colour: "accent", style: "rectRot", radius: 10 },
};

function show(name, configure) {
  const figure = document.querySelector(`[data-chart="${name}"]`);
  figure.hidden = false;
  draw(figure.querySelector("canvas"), configure);
}

function pareto({ points, kinds, x, y }) {
  const number = new Intl.NumberFormat(data.lang, { maximumSignificantDigits: 3 });
  const scale = (axis, title) => ({
    type: "logarithmic",
    min: Math.min(...points.map((point) => point[axis])) / MARGIN,
    max: Math.max(...points.map((point) => point[axis])) * MARGIN,
    title: { display: true, text: title },
    ticks: {
      autoSkip: false,
      maxRotation: 0,
      callback: (value) => (isRound(value) ? number.format(value) : null),
    },
  });
  return {
    type: "scatter",
    data: {
      datasets: Object.entries(kinds).map(([kind, label]) => ({
        label,
        data: points.filter((point) => point.kind === kind),
        backgroundColor: colour(LOOKS[kind].colour),
        borderColor: colour("card"),
        pointStyle: LOOKS[kind].style,
        pointRadius: LOOKS[kind].radius,
        pointHoverRadius: LOOKS[kind].radius + 2,
      })),
    },
    options: {
      scales: { x: scale("x", x), y: scale("y", y) },
      plugins: {
        legend: { position: "bottom", labels: { usePointStyle: true } },
        tooltip: {
          callbacks: { label: ({ raw }) => [`${raw.number}. ${raw.name}`, raw.text] },
        },
      },
    },
    plugins: [numbers],
  };
}

/** Say whether a tick is a power of ten; only these have a label and a line. */
function isRound(value) {
  const lead = value / 10 ** Math.floor(Math.log10(value) + 1e-9);
  return Math.abs(lead - 1) < 1e-6;
}

/** Writes each point's number of the table beside it, where no other number or point stands. */
const numbers = {
  id: "numbers",
  afterDatasetsDraw(chart) {
    const { ctx } = chart;
    const shown = chart.data.datasets.flatMap((dataset, i) =>
      chart.isDatasetVisible(i)
        ? chart.getDatasetMeta(i).data.map((element, j) => ({ element, raw: dataset.data[j] }))
        : [],
    );
    const taken = shown.map(({ element }) => square(element.x, element.y, 7));
    ctx.save();
    ctx.font = `600 11px ${getComputedStyle(document.body).fontFamily}`;
    ctx.fillStyle = colour("ink");
    ctx.textAlign = "center";
    ctx.textBaseline = "middle";
    for (const { element, raw } of shown) {
      const spot = places(element).find((place) => !taken.some((other) => overlap(place, other)));
      if (!spot) continue;
      taken.push(spot);
      ctx.fillText(String(raw.number), spot.x, spot.y);
    }
    ctx.restore();
  },
};

const square = (x, y, half) => ({ x, y, half });

const overlap = (one, other) =>
  Math.abs(one.x - other.x) < one.half + other.half &&
  Math.abs(one.y - other.y) < one.half + other.half;

function* around(element) {
  for (const distance of [16, 22, 30]) {
    for (let turn = 0; turn < 12; turn += 1) {
      const angle = (turn * Math.PI) / 6;
      yield square(
        element.x + distance * Math.cos(angle),
        element.y - distance * Math.sin(angle),
        7,
      );
    }
  }
}

const places = (element) => [...around(element)];

function trend({ labels, values, texts, levels, own, x, y, value, level }) {
  return {
    type: "line",
    data: {
      labels,
      datasets: [
        {
          label: value,
          data: values,
          showLine: false,
          pointRadius: own.map((isOwn) => (isOwn ? 7 : 5)),
          pointHoverRadius: 8,
          pointBackgroundColor: own.map((isOwn) => colour(isOwn ? "accent" : "bar")),
          pointBorderColor: colour("card"),
          backgroundColor: colour("bar"),
        },
        {
          label: level,
          data: levels,
          stepped: "middle",
          spanGaps: false,
          pointStyle: "line",
          pointRadius: 0,
          pointHitRadius: 0,
          borderWidth: 2,
          borderColor: colour("soft"),
          backgroundColor: colour("soft"),
        },
      ],
    },
    options: {
      scales: {
        x: { title: { display: true, text: x }, offset: true },
        y: { title: { display: true, text: y }, beginAtZero: true, grace: "10%" },
      },
      plugins: {
        legend: { position: "bottom", labels: { usePointStyle: true } },
        tooltip: {
          filter: ({ datasetIndex }) => datasetIndex === 0,
          callbacks: { label: ({ dataIndex }) => texts[dataIndex] },
        },
      },
    },
  };
}

show("pareto", () => pareto(data.pareto));
if (data.trend) show("trend", () => trend(data.trend));
