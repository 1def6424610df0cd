// How sure a model is: the same rule as confidence.py, whose limits the page is given.

import { data } from "./data.js";

/** Return scores as shares: as they are if they are probabilities, else their softmax. */
export function shares(scores) {
  const sum = scores.reduce((total, score) => total + score, 0);
  const isShare = scores.every((score) => score >= 0 && score <= 1);
  if (isShare && Math.abs(sum - 1) <= data.confidence.sum_tolerance) return scores;
  const largest = scores.reduce((most, score) => Math.max(most, score));
  const powers = scores.map((score) => Math.exp(score - largest));
  const total = powers.reduce((whole, power) => whole + power, 0);
  return powers.map((power) => power / total);
}

/** Say whether an answer has to be called unsure, from shares in falling order. */
export function isLow(ordered) {
  const lead = ordered.length > 1 ? ordered[0] - ordered[1] : 1;
  return ordered[0] < data.confidence.low_share || lead < data.confidence.low_lead;
}
