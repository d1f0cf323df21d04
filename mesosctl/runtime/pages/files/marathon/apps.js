// The applications: the groups as folders, filters over all that is below, totals.

import { h, megabytes, number, table } from "../ui.js";
import { createGroup, destroyGroup, scaleGroup } from "./actions.js";
import { below, groupLink, healthOf, name, parent, read, statusOf, STATUSES, to } from "./api.js";
import { edit, editPod } from "./editor.js";
import { button, crumbs, healthBar, status } from "./parts.js";

const SUMS = ["instances", "tasksRunning", "tasksStaged", "tasksHealthy", "tasksUnhealthy"];
const HEALTHS = ["healthy", "unhealthy", "unknown", "no checks"];

function health(app) {
  if (!app.checked) return "no checks";
  const { unhealthy, unknown, healthy } = healthOf(app);
  return unhealthy ? "unhealthy" : unknown || !healthy ? "unknown" : "healthy";
}

/** What of an app is shown. */
const short = (app, queued) => ({
  id: app.id,
  ...Object.fromEntries(SUMS.map((each) => [each, app[each]])),
  cpus: app.cpus * app.instances,
  mem: app.mem * app.instances,
  labels: app.labels,
  checked: Boolean(app.healthChecks?.length),
  status: statusOf(app, queued),
});

const shortPod = (pod) => ({
  id: pod.id,
  status: pod.status.toLowerCase(),
  containers: pod.spec.containers.map((each) => each.name),
  stable: pod.instances.filter((each) => each.status === "STABLE").length,
  instances: pod.spec.scaling.instances,
});

const tree = (group) => [group, ...(group.groups ?? []).flatMap(tree)];

export const apps = {
  async load() {
    const [{ apps }, root, { queue }, pods] = await Promise.all([
      read("v2/apps"),
      read("v2/groups", { embed: "group.groups" }),
      read("v2/queue"),
      read("v2/pods/::status"),
    ]);
    const queued = new Map(queue.filter((each) => each.app).map((each) => [each.app.id, each]));
    return {
      apps: apps.map((app) => short(app, queued.get(app.id))),
      groups: tree(root).map((group) => group.id),
      pods: pods.map(shortPod),
    };
  },

  draw(app, data, group = "/") {
    if (!data.groups.includes(group)) return [crumbs(group), h("p", {}, `There is no group ${group}. `, h("a", { href: "#/" }, "To all applications"))];
    const mine = data.apps.filter((each) => below(group, each.id));
    const filters = new Filters(app);
    const found = filters.active ? mine.filter((each) => filters.take(each)) : null;
    const pods = data.pods.filter((pod) => below(group, pod.id)).length;
    const empty = !mine.length && !pods;
    return [
      head(app, group, mine, mine.length + pods),
      mine.length ? totals(mine) : null,
      mine.length ? filters.draw(mine) : null,
      found ? results(app, found, group) : empty && !data.groups.some((each) => below(group, each)) ? nothing(app, group) : folder(app, data, group, mine),
    ];
  },
};

function head(app, group, mine, count) {
  const tools = h("div", { class: "tools" },
    button("New application", "new", () => edit(app, null, group), { kind: "primary" }),
    button("New pod", "new-pod", () => editPod(app, null, group)),
    button("New group", "new-group", () => createGroup(app, group)),
    group === "/" ? null : [
      mine.length ? button("Scale group", "scale-group", () => scaleGroup(app, group)) : null,
      button("Destroy group", "destroy-group", () => destroyGroup(app, group, count), { kind: "danger" }),
    ]);
  return [group === "/" ? null : crumbs(group), h("div", { class: "head" }, h("h2", {}, group === "/" ? "Applications" : name(group)), tools)];
}

const nothing = (app, group) => h("div", { class: "empty" },
  h("p", {}, group === "/" ? "No application runs yet." : "This group is empty."),
  h("p", { class: "quiet" }, "Give one by a form or as JSON: a command or an image, and how many of it shall run."),
  button("New application", "first", () => edit(app, null, group)));

const sum = (rows, field) => rows.reduce((total, each) => total + each[field], 0);

function totals(rows) {
  const counts = STATUSES.map((each) => [each, rows.filter((row) => row.status === each).length]).filter(([, count]) => count);
  return h("p", { class: "totals" },
    h("span", {}, `${number(rows.length)} ${rows.length === 1 ? "application" : "applications"}`),
    counts.map(([each, count]) => h("span", {}, status(each), ` ${number(count)}`)),
    h("span", { class: "quiet" }, `${number(sum(rows, "tasksRunning"))} of ${number(sum(rows, "instances"))} instances running, ${number(sum(rows, "cpus"))} CPUs, ${megabytes(sum(rows, "mem"))}`));
}

/** What the address says is looked for. */
class Filters {
  constructor(app) {
    this.app = app;
    this.text = app.parameters.get("text") ?? "";
    this.label = app.parameters.get("label") ?? "";
    this.status = app.parameters.get("status") ?? "";
    this.health = app.parameters.get("health") ?? "";
  }

  get active() {
    return Boolean(this.text || this.label || this.status || this.health);
  }

  take(row) {
    return row.id.includes(this.text.toLowerCase()) && this.labelled(row.labels)
      && (!this.status || row.status === this.status) && (!this.health || health(row) === this.health);
  }

  /** `name`, or `name=value` from their beginnings. */
  labelled(labels) {
    if (!this.label) return true;
    const [key, value] = this.label.split(/=+(.*)/);
    return Object.entries(labels).some(([each, held]) => (value === undefined ? each.startsWith(key.trim()) : each === key.trim() && held.startsWith(value.trim())));
  }

  draw(rows) {
    const set = (parameter) => (event) => this.app.set(parameter, event.target.value, "apps");
    const choice = (parameter, title, values, kind) => h("select", { "aria-label": title, "data-key": `by-${parameter}`, change: set(parameter) },
      h("option", { value: "" }, title),
      values.map((each) => {
        const count = rows.filter((row) => kind(row) === each).length;
        return h("option", { value: each, selected: this[parameter] === each }, `${each} (${number(count)})`);
      }));
    return h("div", { class: "tools filters", role: "search" },
      h("input", { type: "search", placeholder: "Name", "aria-label": "Filter by name", "data-key": "by-text", value: this.text, input: set("text") }),
      h("input", { type: "search", placeholder: "Label, label=value", "aria-label": "Filter by label", "data-key": "by-label", value: this.label, input: set("label") }),
      choice("status", "Any status", STATUSES, (row) => row.status),
      choice("health", "Any health", HEALTHS, health),
      this.active ? button("Clear", "clear", () => { location.hash = `#${this.app.path}`; }) : null);
  }
}

/** How bad a status is, to sort by. */
const GRAVITY = ["delayed", "waiting", "deploying", "running", "suspended"];
const gravest = (row) => Math.min(...Object.keys(row.statuses ?? { [row.status]: 1 }).map((each) => GRAVITY.indexOf(each)), GRAVITY.length);

/** An app's status, or how many apps of a group are in those that ask for attention. */
const statusCell = (row) => (row.folder
  ? GRAVITY.slice(0, 3).filter((each) => row.statuses[each]).map((each) => h("span", { class: "count" }, status(each), ` ${number(row.statuses[each])}`))
  : status(row.status));

const columns = (title) => [
  ["Name", title, "wide", (row) => row.id],
  ["Status", statusCell, null, gravest],
  ["Running", (row) => `${number(row.tasksRunning)} of ${number(row.instances)}`, "number", (row) => row.tasksRunning],
  ["Health", healthBar, null, (row) => { const { healthy, unhealthy, unknown } = healthOf(row); return unhealthy ? -unhealthy : (healthy + unknown) / (row.instances || 1); }],
  ["CPUs", (row) => number(row.cpus), "number", (row) => row.cpus],
  ["Memory", (row) => megabytes(row.mem), "number", (row) => row.mem],
];

const labels = (row) => Object.entries(row.labels ?? {}).map(([key, value]) => h("span", { class: "label" }, value ? `${key}=${value}` : key));

/** What the filters leave of all that is below a group, with its way from there. */
function results(app, rows, group) {
  const from = group === "/" ? 1 : group.length + 1;
  return table(app, "apps", columns((row) => [h("a", { href: to("apps", row.id) }, row.id.slice(from)), labels(row)]), rows,
    { empty: "No application is like that." });
}

/** The groups and apps right below a group. */
function folder(app, data, group, mine) {
  const prefix = group === "/" ? 1 : group.length + 1;
  const sums = new Map();
  for (const id of data.groups) if (id !== "/" && parent(id) === group) sums.set(id, { id, folder: true, statuses: {}, apps: 0, cpus: 0, mem: 0, ...Object.fromEntries(SUMS.map((each) => [each, 0])) });
  const own = [];
  for (const each of mine) {
    const end = each.id.indexOf("/", prefix);
    if (end < 0) own.push(each);
    else {
      const total = sums.get(each.id.slice(0, end));
      total.apps += 1;
      total.statuses[each.status] = (total.statuses[each.status] ?? 0) + 1;
      for (const field of [...SUMS, "cpus", "mem"]) total[field] += each[field];
    }
  }
  const pods = data.pods.filter((pod) => parent(pod.id) === group);
  const title = (row) => (row.folder
    ? [h("a", { class: "folder", href: groupLink(row.id) }, `${name(row.id)}/`), " ", h("small", { class: "quiet" }, row.apps === 1 ? "1 app" : `${number(row.apps)} apps`)]
    : [h("a", { href: to("apps", row.id) }, name(row.id)), labels(row)]);
  return [
    sums.size || own.length ? table(app, "apps", columns(title), [...sums.values(), ...own]) : null,
    pods.length ? [h("h3", {}, "Pods"), table(app, "pods", [
      ["Name", (pod) => h("a", { href: to("pods", pod.id) }, name(pod.id)), "wide"],
      ["Status", (pod) => status(pod.status)],
      ["Stable", (pod) => `${number(pod.stable)} of ${number(pod.instances)}`, "number"],
      ["Containers", (pod) => pod.containers.join(", "), "wide"],
    ], pods)] : null,
  ];
}
