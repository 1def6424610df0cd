// What the server put into the page for the scripts: phrases, limits, addresses, class names.

export const data = JSON.parse(document.getElementById("page-data").textContent);

/** Return a phrase of the page's language with its {…} filled in. */
export function say(key, values = {}) {
  return data.words[key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

/** Write a number with so many digits after its sign, as the page's language does. */
export function decimal(value, places) {
  return new Intl.NumberFormat(data.lang, {
    minimumFractionDigits: places,
    maximumFractionDigits: places,
  }).format(value);
}

/** Write a share in [0, 1] in percent. */
export function percent(share) {
  return `${decimal(100 * share, 1)} %`;
}
