// A pod: its definition as the groups have it.

import { facts, h, number, table } from "../ui.js";
import { parent, read } from "./api.js";
import { crumbs } from "./parts.js";

export const pod = {
  async load(_, id) {
    const group = await read(`v2/groups${parent(id) === "/" ? "" : parent(id)}`, { embed: "group.pods" });
    const found = (group.pods ?? []).find((each) => each.id === id);
    if (!found) throw new Error(`There is no pod ${id}.`);
    return found;
  },
  draw: (app, shown) => [
    crumbs(shown.id),
    h("h2", {}, shown.id),
    facts([["Instances", number(shown.scaling?.instances ?? 1)], ["Version", shown.version]]),
    h("h3", {}, "Containers"),
    table(app, "containers", [
      ["Name", (each) => each.name],
      ["Image", (each) => each.image?.id ?? "–", "wide"],
      ["Command", (each) => each.exec?.command?.shell ?? (each.exec?.command?.argv ?? []).join(" "), "wide"],
      ["CPUs", (each) => number(each.resources?.cpus), "number"],
      ["Memory (MiB)", (each) => number(each.resources?.mem), "number"],
      ["Endpoints", (each) => (each.endpoints ?? []).map((one) => one.name).join(", "), "wide"],
    ], shown.containers),
    h("h3", {}, "Definition"),
    h("pre", { class: "code", tabindex: "0", "aria-label": "Definition" }, JSON.stringify(shown, null, 2)),
  ],
};
