// An app's definition, its versions, and what differs between two of them.

import { h, number } from "../ui.js";
import { applyVersion } from "./actions.js";
import { definition } from "./definition.js";
import { button, moment } from "./parts.js";

const sorted = (value) => {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.keys(value).sort().map((name) => [name, sorted(value[name])]));
};
const lines = (app) => JSON.stringify(sorted(definition(app)), null, 2).split("\n");

/** Lines of one that are not in the other, and the reverse, in order: [mark, line], the mark " ", "-" or "+". */
function difference(before, after) {
  const longest = Array.from({ length: before.length + 1 }, () => new Uint32Array(after.length + 1));
  for (let i = before.length - 1; i >= 0; i -= 1) {
    for (let j = after.length - 1; j >= 0; j -= 1) {
      longest[i][j] = before[i] === after[j] ? longest[i + 1][j + 1] + 1 : Math.max(longest[i + 1][j], longest[i][j + 1]);
    }
  }
  const found = [];
  let i = 0;
  let j = 0;
  while (i < before.length || j < after.length) {
    if (i < before.length && j < after.length && before[i] === after[j]) {
      found.push([" ", before[i]]);
      i += 1;
      j += 1;
    } else if (i < before.length && (j === after.length || longest[i + 1][j] >= longest[i][j + 1])) {
      found.push(["-", before[i]]);
      i += 1;
    } else {
      found.push(["+", after[j]]);
      j += 1;
    }
  }
  return found;
}

export function versions(app, { app: current, known, other }) {
  const against = app.parameters.get("against") ?? "";
  const older = known.filter((each) => each !== current.version);
  const choose = h("select", { id: "against", "data-key": "against", change: (event) => { app.set("against", event.target.value); app.again(); } },
    h("option", { value: "" }, "none"), older.map((each) => h("option", { value: each, selected: each === against }, new Date(each).toLocaleString())));
  const when = (version) => new Date(version).toLocaleString();
  const compared = other && against ? difference(lines(other), lines(current)) : null;
  const changes = compared?.filter(([mark]) => mark !== " ").length;
  return [
    h("p", {}, "Version of ", moment(current.version), h("span", { class: "quiet" }, `, ${older.length ? `${number(older.length)} older` : "the only one"}`)),
    older.length ? h("div", { class: "tools" }, h("label", { for: "against" }, "Compare with"), choose,
      other ? button("Apply that version", "apply", () => applyVersion(app, current.id, against, when(against))) : null) : null,
    compared ? [
      h("p", { class: "quiet" }, changes ? `From ${when(against)} (−) to the current version (+)` : "They are the same but for when they were made."),
      h("pre", { class: "code diff", tabindex: "0", "aria-label": "Differences" }, compared.map(([mark, line]) => h("span", { class: { "+": "added", "-": "removed" }[mark] ?? null }, `${mark} ${line}\n`))),
    ] : h("pre", { class: "code", tabindex: "0", "aria-label": "Definition" }, lines(current).join("\n")),
  ];
}
