// Sends a picture to the API, with progress and cancel, and once more where the server asks for it.

import { data } from "./data.js";

const LONGEST_WAIT = 60;
const TIMEOUT = 60_000;

/** The server answered, but not with an answer; `slug` is the end of the problem's type. */
export class Refused extends Error {
  constructor(status, slug, detail, retryAfter) {
    super(detail);
    Object.assign(this, { status, slug, detail, retryAfter });
  }
}

/** There was no reply at all. */
export class Unreachable extends Error {}

/**
 * Send a picture and return the API's answer.
 *
 * A reply with Retry-After of up to a minute is waited out and followed by one more try. `signal`
 * ends it at any time; `onProgress` is given a share in [0, 1], `onWait` the seconds of the wait.
 */
export async function classify(picture, name, { signal, onProgress, onWait }) {
  try {
    return await once(picture, name, signal, onProgress);
  } catch (error) {
    if (!(error instanceof Refused) || error.retryAfter === null) throw error;
    if (error.retryAfter > LONGEST_WAIT) throw error;
    onWait(error.retryAfter);
    await pause(error.retryAfter, signal);
    return once(picture, name, signal, onProgress);
  }
}

function once(picture, name, signal, onProgress) {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const body = new FormData();
    body.append("image", picture, name);
    const request = new XMLHttpRequest();
    request.open("POST", data.predict);
    request.setRequestHeader("Accept", "application/json");
    request.timeout = TIMEOUT;
    request.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) onProgress(event.loaded / event.total);
    });
    const abort = () => request.abort();
    signal.addEventListener("abort", abort);
    request.addEventListener("loadend", () => signal.removeEventListener("abort", abort));
    request.addEventListener("abort", () => reject(signal.reason));
    request.addEventListener("error", () => reject(new Unreachable()));
    request.addEventListener("timeout", () => reject(new Unreachable()));
    request.addEventListener("load", () => {
      const reply = parsed(request.responseText);
      if (request.status === 200 && Array.isArray(reply?.all_scores)) resolve(reply);
      else reject(refused(request, reply));
    });
    request.send(body);
  });
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function refused(request, reply) {
  const slug = typeof reply?.type === "string" ? reply.type.split("/").pop() : "";
  const detail = typeof reply?.detail === "string" ? reply.detail : "";
  return new Refused(request.status, slug, detail, seconds(request.getResponseHeader("Retry-After")));
}

/** Read Retry-After, which is seconds or a date (RFC 9110, 10.2.3). */
function seconds(text) {
  if (!text) return null;
  if (/^\d+$/.test(text)) return Number(text);
  const moment = Date.parse(text);
  return Number.isNaN(moment) ? null : Math.max(0, Math.ceil((moment - Date.now()) / 1000));
}

function pause(length, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, 1000 * length);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}
