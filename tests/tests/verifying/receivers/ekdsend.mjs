// Verifies as EKDSend's documentation shows, behind a framework that has already parsed the body: what is verified is
// that body written anew, and the comparison throws unless both sides have the same length.
import { createHmac, timingSafeEqual } from "node:crypto";

export function verify(secret, body, header) {
  const parsed = JSON.parse(body.toString());
  const tag = createHmac("sha256", secret).update(JSON.stringify(parsed)).digest("hex");
  return timingSafeEqual(Buffer.from(header), Buffer.from(`sha256=${tag}`));
}
