// A pod: its instances with their containers, what ended, its definition.

import { ago, h, number, state, table } from "../ui.js";
import { destroyPod, killPod, scalePod } from "./actions.js";
import { podPath, read } from "./api.js";
import { definition } from "./definition.js";
import { editPod } from "./editor.js";
import { button, crumbs, portLink, sandboxLinks, seconds, status } from "./parts.js";
import { waiting } from "./queue.js";

const endpoints = (instance, container) => container.endpoints.filter((each) => each.allocatedHostPort).map((each) => portLink(instance.agentHostname, each.allocatedHostPort, each.name));

/** A row for each container of an instance; what the instance has in common is in the first. */
const rows = (instances) => instances.flatMap((instance) => instance.containers.map((container, index) => ({ instance, container, first: index === 0 })));

/** A container is a task of its instance's executor, which has a folder for each in its sandbox. */
function files(info, { instance, container }) {
  const executor = `${instance.id}.${container.containerId.split(".").pop()}`;
  return (instance.agentId && sandboxLinks(info, instance.agentId, executor, container.containerId, `tasks/${container.containerId}/stdout`)) ?? "";
}

export const pod = {
  async load(_, id) {
    const [found, { queue }, info] = await Promise.all([read(`${podPath(id)}::status`), read("v2/queue", { embed: "lastUnusedOffers" }), read("v2/info")]);
    const queued = queue.find((each) => each.pod?.id === id) ?? null;
    if (queued) delete queued.pod;
    for (const each of [found, ...found.instances, ...found.instances.flatMap((one) => one.containers)]) delete each.lastUpdated;
    return { pod: found.spec, status: found, queued, info: { frameworkId: info.frameworkId, marathon_config: info.marathon_config } };
  },
  draw(app, { pod: shown, status: told, queued, info }) {
    const wanted = shown.scaling.instances;
    const stable = told.instances.filter((each) => each.status === "STABLE").length;
    const ended = told.terminationHistory ?? [];
    const of = (cell) => (row) => (row.first ? cell(row.instance) : "");
    return [
      crumbs(shown.id),
      h("div", { class: "head" }, h("h2", {}, shown.id), h("div", { class: "tools" },
        button("Scale", "scale", () => scalePod(app, shown), { kind: "primary" }),
        button("Edit", "edit", () => editPod(app, shown)),
        button("Destroy", "destroy", () => destroyPod(app, shown), { kind: "danger" }))),
      h("p", { class: "totals" }, status(told.status.toLowerCase()), h("span", {}, `${number(stable)} of ${number(wanted)} stable`),
        h("span", { class: "quiet" }, "changed ", ago(seconds(told.lastChanged)))),
      table(app, "instances", [
        ["Instance", of((each) => each.id), "wide"],
        ["Status", of((each) => status(each.status.toLowerCase()))],
        ["Host", of((each) => each.agentHostname ?? "–")],
        ["Container", (row) => row.container.name],
        ["State", (row) => [state(row.container.status), row.container.message ? h("small", { class: "quiet" }, ` ${row.container.message}`) : null], "wide"],
        ["Ports", (row) => endpoints(row.instance, row.container)],
        ["Since", (row) => ago(seconds(row.container.statusSince))],
        ["", (row) => files(info, row)],
        ["", of((each) => button("Kill", `kill-${each.id}`, () => killPod(app, shown.id, each.id), { kind: "danger", description: `Kill ${each.id}` }))],
      ], rows(told.instances), { empty: wanted ? "No instance has been started yet." : "No instance is wanted." }),
      queued ? [h("h3", {}, "Waiting to be started"), waiting(app, shown.id, queued)] : null,
      ended.length ? [h("h3", {}, "Last failure"), table(app, "ended", [
        ["Instance", (each) => each.instanceID, "wide"],
        ["When", (each) => ago(seconds(each.terminatedAt))],
        ["Message", (each) => each.message ?? "", "wide"],
      ], ended)] : null,
      h("h3", {}, "Definition"),
      h("pre", { class: "code", tabindex: "0", "aria-label": "Definition" }, JSON.stringify(definition(shown), null, 2)),
    ];
  },
};
