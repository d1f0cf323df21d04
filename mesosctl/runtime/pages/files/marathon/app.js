// An app: its instances, its configuration and versions, and what went wrong with it last.

import { ago, facts, h, megabytes, number, state, table } from "../ui.js";
import { destroy, kill, restart, scale, suspend } from "./actions.js";
import { appPath, healthOf, plain, read, statusOf, to } from "./api.js";
import { definition } from "./definition.js";
import { edit } from "./editor.js";
import { button, crumbs, healthBar, moment, outward, portLink, sandboxLinks, seconds, status } from "./parts.js";
import { waiting } from "./queue.js";
import { versions } from "./versions.js";

/** Tasks that are marked to be killed, by app. */
const marked = new Map();

async function load(_, id) {
  const [{ app }, { queue }, info] = await Promise.all([
    read(appPath(id)),
    read("v2/queue", { embed: "lastUnusedOffers" }),
    read("v2/info"),
  ]);
  const queued = queue.find((each) => each.app?.id === id) ?? null;
  if (queued) delete queued.app;
  return { app, queued, info: { frameworkId: info.frameworkId, marathon_config: info.marathon_config } };
}

const TABS = [["Instances", ""], ["Configuration", "configuration"], ["Debug", "debug"]];

/** What every page of an app begins with. */
function head(app, { app: shown, queued }, tab) {
  const health = healthOf(shown);
  const at = (part) => to("apps", shown.id, ...(part ? [part] : []));
  const words = Object.entries({ healthy: health.healthy, unhealthy: health.unhealthy, starting: health.staged }).filter(([, count]) => count);
  return [
    crumbs(shown.id),
    h("div", { class: "head" },
      h("h2", {}, shown.id),
      h("div", { class: "tools" },
        button("Scale", "scale", () => scale(app, shown), { kind: "primary" }),
        button("Edit", "edit", () => edit(app, shown)),
        button("Restart", "restart", () => restart(app, shown), { disabled: !shown.instances }),
        shown.instances ? button("Suspend", "suspend", () => suspend(app, shown)) : button("Resume", "resume", () => scale(app, { ...shown, instances: 1 })),
        button("Destroy", "destroy", () => destroy(app, shown), { kind: "danger" }))),
    h("p", { class: "totals" }, status(statusOf(shown, queued)),
      h("span", {}, `${number(shown.tasksRunning)} of ${number(shown.instances)} running`),
      words.length ? h("span", { class: "quiet" }, words.map(([word, count]) => `${number(count)} ${word}`).join(", ")) : null,
      healthBar(shown),
      shown.deployments.length ? h("a", { href: "#/deployments" }, "Deployment") : null),
    h("nav", { class: "tabs", "aria-label": "Of this application" }, TABS.map(([title, part]) => h("a", { href: at(part), "aria-current": part === tab ? "page" : null }, title))),
  ];
}

export const instances = {
  load,
  draw(app, data) {
    const { app: shown, info } = data;
    const chosen = marked.get(shown.id) ?? new Set();
    for (const id of chosen) if (!shown.tasks.some((task) => task.id === id)) chosen.delete(id);
    const mark = (those, on) => {
      for (const id of those) on ? chosen.add(id) : chosen.delete(id);
      marked.set(shown.id, chosen);
      app.draw();
    };
    const box = (task) => h("input", { type: "checkbox", "aria-label": `Mark ${task.id}`, "data-key": `mark-${task.id}`, checked: chosen.has(task.id), change: (event) => mark([task.id], event.target.checked) });
    const ids = shown.tasks.map((task) => task.id);
    const all = h("input", { type: "checkbox", "aria-label": "Mark all", "data-key": "mark-all", checked: chosen.size === ids.length, change: (event) => mark(ids, event.target.checked) });
    const columns = [
      [shown.tasks.length ? all : "", box],
      ["Instance", (task) => h("a", { href: to("apps", shown.id, "instances", task.id) }, task.id), "wide"],
      ["Host", (task) => task.host, null, (task) => task.host],
      ["Ports", (task) => ports(shown, task)],
      ["State", (task) => state(task.state), null, (task) => task.state],
      ["Health", (task) => status(healthOfTask(shown, task)), null, (task) => healthOfTask(shown, task)],
      ["Version", (task) => (task.version === shown.version ? h("span", { class: "quiet", title: task.version }, "current") : moment(task.version)), null, (task) => task.version],
      ["Started", (task) => ago(seconds(task.startedAt ?? task.stagedAt)), null, (task) => task.startedAt ?? task.stagedAt],
      ["", (task) => files(info, shown, task)],
    ];
    const text = (task) => `${task.id} ${task.host} ${task.state} ${healthOfTask(shown, task)}`;
    const tasks = [...shown.tasks].sort((one, other) => (other.startedAt ?? "~").localeCompare(one.startedAt ?? "~"));
    return [
      head(app, data, ""),
      h("div", { class: "tools" }, button(chosen.size ? `Kill ${chosen.size} marked` : "Kill marked", "kill", () => kill(app, shown.id, [...chosen], () => marked.delete(shown.id)), { kind: "danger", disabled: !chosen.size })),
      table(app, "instances", columns, tasks, { text, empty: shown.instances ? "No instance has been started yet." : "It is suspended: no instance is wanted." }),
      data.queued ? [h("h3", {}, "Waiting to be started"), waiting(app, shown.id, data.queued)] : null,
    ];
  },
};

function healthOfTask(app, task) {
  const results = task.healthCheckResults ?? [];
  if (!app.healthChecks?.length) return "no checks";
  if (results.some((result) => !result.alive)) return "unhealthy";
  return results.length ? "healthy" : "unknown";
}

/** Where an instance listens, as links, named as in the definition. */
function ports(app, task) {
  const defined = app.container?.portMappings?.length ? app.container.portMappings : (app.portDefinitions ?? []);
  const shown = (task.ports ?? []).map((port, index) => (port ? portLink(task.host, port, defined[index]?.name, defined[index]?.protocol) : null)).filter(Boolean);
  return shown.length ? shown : h("span", { class: "quiet" }, "–");
}

function files(info, app, task) {
  const executor = ["", "//cmd"].includes(app.executor ?? "") ? task.id : `marathon-${task.id}`;
  return sandboxLinks(info, task.slaveId, executor, task.id) ?? "–";
}

export const instance = {
  load,
  draw(app, data, id, taskId) {
    const { app: shown, info } = data;
    const task = shown.tasks.find((each) => each.id === taskId);
    const way = crumbs(id, [h("a", { href: to("apps", id) }, id.split("/").pop()), h("span", { "aria-current": "page" }, taskId)]);
    if (!task) return [way, h("h2", {}, taskId), h("p", {}, "This instance does not run any more. ", h("a", { href: to("apps", id) }, `To ${id}`))];
    const master = info.marathon_config.mesos_leader_ui_url;
    const results = task.healthCheckResults ?? [];
    return [
      way,
      h("div", { class: "head" }, h("h2", {}, taskId), h("div", { class: "tools" }, button("Kill", "kill", () => kill(app, id, [taskId], () => { location.hash = to("apps", id); }), { kind: "danger" }))),
      facts([
        ["State", state(task.state)],
        ["Health", status(healthOfTask(shown, task))],
        ["Host", task.host],
        ["Ports", ports(shown, task)],
        ["Addresses", (task.ipAddresses ?? []).map((each) => each.ipAddress).join(", ") || null],
        task.region || task.zone ? ["Region and zone", [task.region, task.zone].filter(Boolean).join(" / ")] : null,
        ["Staged", ago(seconds(task.stagedAt))],
        ["Started", ago(seconds(task.startedAt))],
        ["Version", [moment(task.version), task.version === shown.version ? " (current)" : " (not the current one)"]],
        ["Agent", master ? outward(`${master.replace(/\/+$/, "")}/#/agents/${encodeURIComponent(task.slaveId)}`, task.slaveId) : task.slaveId],
        ["Files", files(info, shown, task)],
      ]),
      results.length ? [h("h3", {}, "Health checks"), table(app, "checks", [
        ["Check", (result) => describe((shown.healthChecks ?? [])[results.indexOf(result)]), "wide"],
        ["Result", (result) => status(result.alive ? "healthy" : "unhealthy")],
        ["Failures in a row", (result) => number(result.consecutiveFailures), "number"],
        ["Last success", (result) => ago(seconds(result.lastSuccess))],
        ["Last failure", (result) => ago(seconds(result.lastFailure))],
        ["Why", (result) => result.lastFailureCause ?? "", "wide"],
      ], results)] : null,
    ];
  },
};

function describe(check) {
  if (!check) return "";
  const port = check.port ? `port ${check.port}` : check.portIndex === undefined ? "" : `port index ${check.portIndex}`;
  return [check.protocol, check.path ?? check.command?.value, port].filter(Boolean).join(" ");
}

export const configuration = {
  async load(app, id) {
    const [data, { versions: known }] = await Promise.all([load(app, id), read(`${appPath(id)}/versions`)]);
    const against = app.parameters.get("against");
    const other = against ? await read(`${appPath(id)}/versions/${against}`) : null;
    return { ...data, known, other };
  },
  draw: (app, data) => [head(app, data, "configuration"), ...versions(app, data)],
};

export const debug = {
  load,
  draw(app, data) {
    const { app: shown, info, queued } = data;
    const failure = shown.lastTaskFailure;
    const changed = shown.versionInfo;
    return [
      head(app, data, "debug"),
      h("h3", {}, "Last change"),
      facts([
        ["Number of instances", changed ? ago(seconds(changed.lastScalingAt)) : null],
        ["Configuration", changed ? ago(seconds(changed.lastConfigChangeAt)) : null],
      ]),
      h("h3", {}, "Last failure of an instance"),
      failure ? facts([
        ["When", ago(seconds(failure.timestamp))],
        ["State", state(failure.state)],
        ["Message", h("span", { class: "message" }, plain(failure.message || "none"))],
        ["Host", failure.host],
        ["Instance", failure.taskId],
        ["Version", failure.version ? [moment(failure.version), failure.version === shown.version ? " (current)" : ""] : null],
        ["Files", files(info, definition(shown), { id: failure.taskId, slaveId: failure.slaveId })],
      ]) : h("p", { class: "quiet" }, "None since this Marathon leads."),
      h("h3", {}, "Waiting to be started"),
      queued ? waiting(app, shown.id, queued) : h("p", { class: "quiet" }, "No instance waits."),
      h("h3", {}, "Takes"),
      facts([["An instance", `${number(shown.cpus)} CPUs, ${megabytes(shown.mem)} memory, ${megabytes(shown.disk)} disk`], ["In all", `${number(shown.cpus * shown.instances)} CPUs, ${megabytes(shown.mem * shown.instances)} memory`]]),
    ];
  },
};
