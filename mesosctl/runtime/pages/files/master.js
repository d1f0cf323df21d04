// The page of the leading master: agents, frameworks, tasks, offers, roles, maintenance, sandboxes and logs.

import { agentFacts, agentTasks } from "./executors.js";
import { filesView } from "./sandbox.js";
import { ago, App, call, cards, facts, get, h, megabytes, meter, number, span, state, table } from "./ui.js";

const to = (path, ...parts) => `#${path}${parts.map((part) => `/${encodeURIComponent(part)}`).join("")}`;
const agentFiles = (id) => `page/agents/${encodeURIComponent(id)}/files`;
const sandbox = (agent, path) => `${to("/sandbox", agent)}?${new URLSearchParams({ path })}`;
const latest = (framework, executor) => `/frameworks/${framework}/executors/${executor}/runs/latest`;

const agentLink = (names, id) => h("a", { href: to("/agents", id) }, names.get(id) ?? id);
const frameworkLink = (id, name) => h("a", { href: to("/frameworks", id) }, name || id);

function agentState(agent) {
  if (!agent.active && !agent.deactivated) return state("disconnected");
  if (agent.drain_info) return state(agent.drain_info.state ?? "draining");
  return state(agent.deactivated ? "deactivated" : "active");
}

const ACTIVE = ["TASK_STAGING", "TASK_STARTING", "TASK_RUNNING", "TASK_KILLING"];
const active = (row) => ACTIVE.reduce((sum, name) => sum + (row[name] ?? 0), 0);

const overview = {
  async load() {
    const [metrics, summary, flags, version, tasks] = await Promise.all([
      get("metrics/snapshot"), get("state-summary"), get("flags"), get("version"), get("tasks", { limit: 30 }),
    ]);
    delete metrics["master/uptime_secs"];
    const shown = Object.fromEntries(Object.entries(metrics).filter(([name]) => name.startsWith("master/")));
    return { metrics: shown, summary, cluster: flags.flags.cluster, version: version.version, tasks: tasks.tasks, names: names(summary) };
  },
  draw(app, data) {
    const metric = (name) => data.metrics[`master/${name}`] ?? 0;
    document.querySelector("#cluster").textContent = data.cluster || "Mesos";
    document.title = `${data.cluster || "Mesos"} · ${data.summary.hostname}`;
    const used = (name, show) => [`${show(metric(`${name}_used`))} `, h("small", {}, `of ${show(metric(`${name}_total`))}`), meter(metric(`${name}_used`), metric(`${name}_total`), `${name} used`)];
    return [
      h("h2", {}, data.cluster || "Overview"),
      h("p", { class: "quiet" }, `Master ${data.summary.hostname}, version ${data.version}`),
      cards([
        ["Agents", number(metric("slaves_active")), " ", h("small", {}, `${number(metric("slaves_disconnected"))} disconnected, ${number(metric("slaves_unreachable"))} unreachable`)],
        ["Frameworks", number(metric("frameworks_active")), " ", h("small", {}, `${number(metric("frameworks_inactive"))} inactive`)],
        ["Running tasks", number(metric("tasks_running")), " ", h("small", {}, `${number(metric("tasks_staging") + metric("tasks_starting"))} starting`)],
        ["Outstanding offers", number(metric("outstanding_offers"))],
        ["CPUs", ...used("cpus", number)],
        ["Memory", ...used("mem", megabytes)],
        ["Disk", ...used("disk", megabytes)],
        metric("gpus_total") ? ["GPUs", ...used("gpus", number)] : null,
        ["Ended tasks", `${number(metric("tasks_finished"))} finished`, " ", h("small", {}, `${number(metric("tasks_failed"))} failed, ${number(metric("tasks_killed"))} killed, ${number(metric("tasks_lost"))} lost, ${number(metric("tasks_error"))} in error`)],
      ]),
      h("h3", {}, "Newest tasks"),
      taskTable(app, data.tasks, data.names, "No task was launched yet."),
    ];
  },
};

/** What `/state-summary` calls the agents and frameworks, by their ids. */
const names = (summary) => ({
  agents: Object.fromEntries(summary.slaves.map((agent) => [agent.id, agent.hostname])),
  frameworks: Object.fromEntries(summary.frameworks.map((each) => [each.id, each.name])),
});

function taskTable(app, tasks, { agents, frameworks }, empty) {
  const hosts = new Map(Object.entries(agents));
  const owners = new Map(Object.entries(frameworks));
  const last = (task) => task.statuses.at(-1) ?? {};
  return table(app, "tasks", [
    ["Task", (task) => task.id, "wide"],
    ["Name", (task) => task.name, "wide"],
    ["State", (task) => [state(task.state), last(task).healthy === false ? " unhealthy" : null]],
    ["Framework", (task) => frameworkLink(task.framework_id, owners.get(task.framework_id)), "wide"],
    ["Agent", (task) => agentLink(hosts, task.slave_id)],
    ["Since", (task) => ago(last(task).timestamp)],
    ["", (task) => h("a", { href: sandbox(task.slave_id, latest(task.framework_id, task.executor_id || task.id)), "aria-label": `Sandbox of ${task.id}` }, "Sandbox")],
  ], tasks, { text: (task) => `${task.id} ${task.name} ${task.state} ${hosts.get(task.slave_id)} ${owners.get(task.framework_id)}`, empty });
}

const agents = {
  load: () => get("state-summary"),
  draw: (app, data) => [
    h("h2", {}, "Agents"),
    table(app, "agents", [
      ["Host", (agent) => h("a", { href: to("/agents", agent.id) }, agent.hostname)],
      ["State", agentState],
      ["Tasks", (agent) => number(active(agent)), "number"],
      ["CPUs", (agent) => [meter(agent.used_resources.cpus, agent.resources.cpus, "CPUs used"), `${number(agent.used_resources.cpus)} / ${number(agent.resources.cpus)}`]],
      ["Memory", (agent) => [meter(agent.used_resources.mem, agent.resources.mem, "memory used"), `${megabytes(agent.used_resources.mem)} / ${megabytes(agent.resources.mem)}`]],
      ["Disk", (agent) => [meter(agent.used_resources.disk, agent.resources.disk, "disk used"), `${megabytes(agent.used_resources.disk)} / ${megabytes(agent.resources.disk)}`]],
      ["Registered", (agent) => ago(agent.reregistered_time ?? agent.registered_time)],
      ["Id", (agent) => agent.id],
    ], data.slaves, { text: (agent) => `${agent.hostname} ${agent.id} ${Object.entries(agent.attributes).flat().join(" ")}`, empty: "No agent is registered." }),
  ],
};

const agent = {
  async load(app, id) {
    const [{ slaves }, own] = await Promise.all([
      get("slaves", { slave_id: id }),
      get(`page/agents/${encodeURIComponent(id)}/state`).catch((error) => ({ error: error.message })),
    ]);
    if (!slaves.length) throw new Error(`No agent ${id} is registered now.`);
    return { agent: slaves[0], own: own.error ? own : { frameworks: own.frameworks, completed_frameworks: own.completed_frameworks } };
  },
  draw(app, { agent, own }, id) {
    const used = (name, show) => [`${show(agent.used_resources[name])} `, h("small", {}, `used, ${show(agent.offered_resources[name])} offered, of ${show(agent.resources[name])}`), meter(agent.used_resources[name], agent.resources[name], `${name} used`)];
    const reserved = Object.entries(agent.reserved_resources ?? {});
    return [
      h("h2", {}, agent.hostname, " ", agentState(agent)),
      cards([["CPUs", ...used("cpus", number)], ["Memory", ...used("mem", megabytes)], ["Disk", ...used("disk", megabytes)]]),
      h("h3", {}, "Agent"),
      agentFacts(agent, [
        ["Registered", ago(agent.registered_time)],
        agent.reregistered_time ? ["Came back", ago(agent.reregistered_time)] : null,
        ["Files", h("a", { href: `${to("/agents", id)}/log?path=/slave/log&file=1` }, "Log of the agent")],
      ]),
      reserved.length ? [h("h3", {}, "Reserved"), table(app, "reservations", [
        ["Role", ([role]) => role], ["CPUs", ([, held]) => number(held.cpus), "number"],
        ["Memory", ([, held]) => megabytes(held.mem), "number"], ["Disk", ([, held]) => megabytes(held.disk), "number"], ["Ports", ([, held]) => held.ports ?? "", "wide"],
      ], reserved)] : null,
      own.error ? h("p", { class: "error" }, `The agent does not say what it runs. ${own.error}`)
        : agentTasks(app, own, (directory) => sandbox(id, directory), (framework) => to("/frameworks", framework)),
    ];
  },
};

const frameworks = {
  async load() {
    const [summary, all] = await Promise.all([get("state-summary"), call("GET_FRAMEWORKS")]);
    return { active: summary.frameworks, completed: (all.completed_frameworks ?? []).map((each) => ({ ...each.framework_info, ended: each.unregistered_time, began: each.registered_time })) };
  },
  draw: (app, data) => [
    h("h2", {}, "Frameworks"),
    table(app, "frameworks", [
      ["Name", (each) => frameworkLink(each.id, each.name), "wide"],
      ["State", (each) => state(each.active ? "active" : "disconnected")],
      ["Host", (each) => each.hostname],
      ["Tasks", (each) => number(active(each)), "number"],
      ["CPUs", (each) => number(each.used_resources.cpus), "number"],
      ["Memory", (each) => megabytes(each.used_resources.mem), "number"],
      ["Page", (each) => page(each.webui_url)],
      ["Id", (each) => each.id],
    ], data.active, { text: (each) => `${each.name} ${each.id} ${each.hostname}`, empty: "No framework is subscribed." }),
    h("h3", {}, "Completed"),
    table(app, "completed", [
      ["Name", (each) => frameworkLink(each.id.value, each.name), "wide"],
      ["Ended", (each) => ago((each.ended?.nanoseconds ?? 0) / 1e9)],
      ["Id", (each) => each.id.value],
    ], data.completed, { text: (each) => `${each.name} ${each.id.value}` }),
  ],
};

/** The page that a framework names, where a browser may go there. */
const page = (url) => (/^https?:\/\//.test(url ?? "") ? h("a", { href: url, rel: "noopener noreferrer" }, "Open") : "");

const framework = {
  async load(app, id) {
    const [found, summary] = await Promise.all([get("frameworks", { framework_id: id }), get("state-summary")]);
    const one = found.frameworks[0] ?? found.completed_frameworks[0];
    if (!one) throw new Error(`There is no framework ${id}.`);
    return { one, completed: !found.frameworks.length, names: names(summary) };
  },
  draw: (app, { one, completed, names }) => [
    h("h2", {}, one.name, " ", state(completed ? "completed" : one.active ? "active" : "disconnected")),
    facts([
      ["Id", one.id], ["User", one.user], ["Host", one.hostname], one.principal ? ["Principal", one.principal] : null,
      ["Roles", (one.roles ?? [one.role]).join(", ")], ["Capabilities", one.capabilities.join(", ") || "none"],
      ["Failover timeout", span(one.failover_timeout)], ["Checkpoint", one.checkpoint ? "yes" : "no"], ["Subscribed", ago(one.registered_time)],
      completed ? ["Ended", ago(one.unregistered_time)] : null,
      ["Uses", `${number(one.used_resources.cpus)} CPUs, ${megabytes(one.used_resources.mem)} memory, ${megabytes(one.used_resources.disk)} disk`],
      one.webui_url ? ["Page", page(one.webui_url)] : null,
    ]),
    h("h3", {}, "Tasks"),
    taskTable(app, [...one.tasks, ...one.unreachable_tasks, ...one.completed_tasks], names, "It has launched no task."),
  ],
};

const TASKS = 100;

const tasks = {
  async load(app) {
    const first = Number(app.parameters.get("from") ?? 0);
    const [found, summary] = await Promise.all([get("tasks", { limit: TASKS + 1, offset: first }), get("state-summary")]);
    return { first, tasks: found.tasks.slice(0, TASKS), more: found.tasks.length > TASKS, names: names(summary) };
  },
  draw(app, data) {
    const turn = (first, label) => h("a", { href: `#/tasks${first > 0 ? `?from=${first}` : ""}` }, label);
    return [
      h("h2", {}, "Tasks"),
      data.first || data.more ? h("p", { class: "tools" }, data.first ? turn(data.first - TASKS, "Newer") : null, data.more ? turn(data.first + TASKS, "Older") : null,
        h("span", { class: "quiet" }, `${data.first + 1} to ${data.first + data.tasks.length}, the newest first`)) : null,
      taskTable(app, data.tasks, data.names, "No task was launched yet."),
    ];
  },
};

const offers = {
  seconds: 10,
  async load() {
    const [found, summary] = await Promise.all([get("frameworks"), get("state-summary")]);
    return { offers: found.frameworks.flatMap((each) => each.offers.map((offer) => ({ ...offer, framework: each.name }))), names: names(summary) };
  },
  draw(app, data) {
    const hosts = new Map(Object.entries(data.names.agents));
    return [
      h("h2", {}, "Offers"),
      table(app, "offers", [
        ["Id", (offer) => offer.id],
        ["Framework", (offer) => frameworkLink(offer.framework_id, offer.framework), "wide"],
        ["Role", (offer) => offer.allocation_info?.role ?? ""],
        ["Agent", (offer) => agentLink(hosts, offer.slave_id)],
        ["CPUs", (offer) => number(offer.resources.cpus), "number"],
        ["Memory", (offer) => megabytes(offer.resources.mem), "number"],
        ["Disk", (offer) => megabytes(offer.resources.disk), "number"],
        ["Ports", (offer) => offer.resources.ports ?? "", "wide"],
      ], data.offers, { text: (offer) => `${offer.id} ${offer.framework} ${hosts.get(offer.slave_id)}`, empty: "No offer is outstanding." }),
    ];
  },
};

const roles = {
  load: () => get("roles"),
  draw(app, data) {
    const amounts = (held) => Object.entries(held ?? {}).map(([name, value]) => `${name} ${name === "mem" || name === "disk" ? megabytes(value) : typeof value === "number" ? number(value) : value}`).join(", ") || "–";
    return [
      h("h2", {}, "Roles"),
      table(app, "roles", [
        ["Role", (role) => role.name],
        ["Weight", (role) => number(role.weight), "number"],
        ["Frameworks", (role) => number(role.frameworks.length), "number"],
        ["Guarantee", (role) => amounts(role.quota?.guarantee), "wide"],
        ["Limit", (role) => amounts(role.quota?.limit), "wide"],
        ["Allocated", (role) => amounts(role.allocated), "wide"],
        ["Offered", (role) => amounts(role.offered), "wide"],
        ["Reserved", (role) => amounts(role.reserved), "wide"],
      ], data.roles, { text: (role) => role.name, empty: "No role is in use." }),
    ];
  },
};

/** Addresses of sandboxes as Apache Mesos' page has them, which frameworks link to; `file` shows that one at once. */
const executor = {
  load(app, agent, framework, id) {
    const file = app.parameters.get("file");
    const root = latest(framework, id);
    const rest = file ? `&${new URLSearchParams({ root, file: 1 })}` : "";
    location.replace(`${sandbox(agent, file ? `${root}/${file}` : root)}${rest}`);
  },
};

const machine = (id) => id.hostname || id.ip;
const moment = (time) => new Date((time?.nanoseconds ?? 0) / 1e6).toLocaleString();

const maintenance = {
  async load() {
    const [schedule, status] = await Promise.all([get("maintenance/schedule"), get("maintenance/status")]);
    return { windows: schedule.windows ?? [], draining: status.draining_machines ?? [], down: status.down_machines ?? [] };
  },
  draw: (app, data) => [
    h("h2", {}, "Maintenance"),
    h("h3", {}, "Schedule"),
    table(app, "windows", [
      ["Machines", (each) => each.machine_ids.map(machine).join(", "), "wide"],
      ["From", (each) => moment(each.unavailability.start)],
      ["For", (each) => (each.unavailability.duration ? span(each.unavailability.duration.nanoseconds / 1e9) : "no end given")],
    ], data.windows, { empty: "Nothing is scheduled." }),
    h("h3", {}, "Draining"),
    table(app, "draining", [
      ["Machine", (each) => machine(each.id)],
      ["Frameworks that agreed", (each) => number((each.statuses ?? []).filter((status) => status.status === "ACCEPT").length), "number"],
      ["That declined", (each) => number((each.statuses ?? []).filter((status) => status.status === "DECLINE").length), "number"],
    ], data.draining),
    h("h3", {}, "Down"),
    table(app, "down", [["Machine", machine]], data.down),
  ],
};

new App([
  ["/", overview],
  ["/agents", agents],
  ["/agents/([^/]+)", agent],
  ["/agents/([^/]+)/log", filesView(agentFiles, () => "Log of the agent")],
  ["/(?:agents|slaves)/([^/]+)/frameworks/([^/]+)/executors/([^/]+)/browse", executor],
  ["/sandbox/([^/]+)", filesView(agentFiles, () => "Sandbox")],
  ["/frameworks", frameworks],
  ["/frameworks/([^/]+)", framework],
  ["/tasks", tasks],
  ["/offers", offers],
  ["/roles", roles],
  ["/maintenance", maintenance],
  ["/log", filesView(() => "files", () => "Log of the master")],
]).start();
