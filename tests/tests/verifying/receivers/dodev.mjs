// Verifies as do.dev's documentation shows: the time from its own header, and whatever follows the only "v1=".
import { createHmac } from "node:crypto";

export function verify(secret, body, signatureHeader, timestampHeader) {
  const tag = createHmac("sha256", secret).update(`${timestampHeader}.${body}`).digest("hex");
  return signatureHeader?.split("v1=")[1] === tag;
}
