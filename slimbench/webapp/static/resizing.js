// Makes a photograph small before it is sent. Its shape is kept, and its shorter side stays several
// times the model's input, so that the server's own resizing decides what the model sees.

import { data } from "./data.js";

const QUALITY = 0.95;

/**
 * Return the file to send for a picture: itself where it is small already, or where this browser
 * cannot read it, since the server then says best what is wrong with it.
 */
export async function prepared(file) {
  let whole;
  try {
    whole = await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch {
    return file;
  }
  const shorter = Math.min(whole.width, whole.height);
  const isTaken = data.types.includes(file.type);
  if (shorter <= data.side && isTaken && file.size <= data.limit_bytes) {
    whole.close();
    return file;
  }
  const scale = Math.min(1, data.side / shorter);
  const width = Math.round(whole.width * scale);
  const height = Math.round(whole.height * scale);
  const small = await createImageBitmap(whole, {
    resizeWidth: width,
    resizeHeight: height,
    resizeQuality: "high",
  });
  whole.close();
  const blob = await drawn(small, width, height, file.type === "image/png" ? "image/png" : "image/jpeg");
  return blob ?? file;
}

/** Draw a bitmap on white, as the server does with what is transparent, and encode it. */
async function drawn(bitmap, width, height, type) {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d");
  context.fillStyle = "#fff";
  context.fillRect(0, 0, width, height);
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return new Promise((resolve) => canvas.toBlob(resolve, type, QUALITY));
}
