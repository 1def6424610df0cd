// The page: a picture comes in, is shown at once, sent, and its answer shown. Without scripts the
// same form is sent as it is.

import { clearAnswer, showAnswer } from "./answer.js";
import { data, say } from "./data.js";
import { prepared } from "./resizing.js";
import { classify, Refused, Unreachable } from "./sending.js";

const element = (id) => document.getElementById(id);
const form = element("form");
const drop = element("drop");
const preview = element("preview");
const cancel = element("cancel");
const progress = element("progress");

const TINY = 96;

let picture = null;
let running = null;

document.documentElement.classList.add("js");
form.noValidate = true;
element("image").accept = "image/*";

for (const input of [element("image"), element("camera")]) {
  input.addEventListener("change", () => take(input.files));
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (picture) start();
  else if (element("image").files.length) take(element("image").files);
  else complain(say("js.no_picture"));
});

cancel.addEventListener("click", () => running?.abort());

// A drop beside the box would otherwise have the browser leave the page for the picture.
window.addEventListener("dragover", (event) => {
  event.preventDefault();
  drop.classList.add("over");
});
window.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) drop.classList.remove("over");
});
window.addEventListener("drop", (event) => {
  event.preventDefault();
  drop.classList.remove("over");
  if (event.dataTransfer.files.length) take(event.dataTransfer.files);
  else complain(say("js.no_file"));
});
document.addEventListener("paste", (event) => {
  const files = event.clipboardData?.files;
  if (files?.length) take(files);
});

preview.addEventListener("load", () => {
  preview.classList.toggle("tiny", preview.naturalWidth < TINY && preview.naturalHeight < TINY);
});
preview.addEventListener("error", () => {
  preview.hidden = true;
});

/** Take the first of some files as the picture, show it, and send it. */
function take(files) {
  if (!files.length) return;
  picture = files[0];
  URL.revokeObjectURL(preview.src);
  preview.src = URL.createObjectURL(picture);
  preview.alt = say("js.preview", { name: picture.name });
  preview.hidden = false;
  element("drop-icon").hidden = true;
  const name = element("file-name");
  name.textContent = files.length > 1 ? say("js.first_of", { name: picture.name, count: files.length }) : picture.name;
  name.hidden = false;
  start();
}

async function start() {
  running?.abort();
  const turn = new AbortController();
  const { signal } = turn;
  running = turn;
  clearAnswer();
  element("problem").replaceChildren();
  tell(say("js.sending"));
  progress.removeAttribute("value");
  progress.hidden = false;
  cancel.hidden = false;
  try {
    const sent = element("original").checked ? picture : await prepared(picture);
    if (sent.size > data.limit_bytes) throw new Refused(413, "image-too-large", "", null);
    const reply = await classify(sent, picture.name, {
      signal,
      onProgress: (share) => {
        if (share < 1) progress.value = share;
        else progress.removeAttribute("value");
      },
      onWait: (seconds) => tell(say("js.waiting", { seconds })),
    });
    if (running === turn) tell(showAnswer(reply));
  } catch (error) {
    if (running === turn) fail(error, signal);
  } finally {
    if (running === turn) finish();
  }
}

function finish() {
  running = null;
  const hadFocus = document.activeElement === cancel;
  progress.hidden = true;
  cancel.hidden = true;
  if (hadFocus) element("submit").focus();
}

function fail(error, signal) {
  tell("");
  if (signal.aborted) tell(say("js.cancelled"));
  else if (error instanceof Unreachable) complain(say("js.unreachable"), say("js.kept"));
  else if (error instanceof Refused) complain(...sentences(error));
  else {
    complain(say("js.fault"), say("js.kept"));
    throw error;
  }
}

function sentences(refused) {
  const title = data.words[`problem.${refused.slug}`] ?? say("js.unexpected", { status: refused.status });
  const isWorthAnotherTry = refused.status >= 500 || [408, 429].includes(refused.status);
  return [title, { text: refused.detail, lang: "en" }, isWorthAnotherTry ? say("js.kept") : ""];
}

function tell(text) {
  element("status").textContent = text;
}

/** Say what is wrong: a title, and what else there is to say, in its own language if it has one. */
function complain(title, ...more) {
  const lines = [title, ...more].map((said) => {
    const line = document.createElement("p");
    line.textContent = said.text ?? said;
    if (said.lang && said.lang !== data.lang) line.lang = said.lang;
    return line;
  });
  lines[0].className = "problem-title";
  element("problem").replaceChildren(...lines.filter((line) => line.textContent));
}
