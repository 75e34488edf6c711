import { readFileSync } from "node:fs";

import { verify } from "./sample.mjs";

const read = {
  s: (value) => Buffer.from(value, "base64").toString(),
  b: (value) => Buffer.from(value, "base64"),
  n: Number,
  "-": () => undefined,
};

function verdict(call) {
  try {
    const accepted = verify(...call.split("\t").map((argument) => read[argument[0]](argument.slice(1))));
    return { true: "accepted", false: "refused" }[accepted];
  } catch {
    return "threw";
  }
}

for (const call of readFileSync("calls.tsv", "utf8").trimEnd().split("\n")) {
  console.log(verdict(call));
}
