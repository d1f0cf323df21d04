// What runs and ran on an agent, as its own `/state` tells it.

import { facts, h, megabytes, number, state, table } from "./ui.js";

/** One row a task, from the `/state` of an agent: running ones first. */
function tasksOf(agent) {
  const running = [];
  const ended = [];
  for (const framework of [...agent.frameworks, ...agent.completed_frameworks]) {
    for (const executor of [...framework.executors, ...framework.completed_executors]) {
      const row = (task) => ({ task, framework, directory: executor.directory });
      running.push(...[...executor.tasks, ...executor.queued_tasks].map(row));
      ended.push(...executor.completed_tasks.map(row));
    }
  }
  return { running, ended };
}

/** Tables of an agent's tasks. `sandbox` gives the address of a directory, `framework` that of a framework or null. */
export function agentTasks(app, agent, sandbox, framework) {
  const { running, ended } = tasksOf(agent);
  const columns = [
    ["Task", (row) => row.task.id, "wide"],
    ["Name", (row) => row.task.name, "wide"],
    ["Framework", (row) => (framework ? h("a", { href: framework(row.framework.id) }, row.framework.name) : row.framework.name), "wide"],
    ["State", (row) => state(row.task.state)],
    ["CPUs", (row) => number(row.task.resources.cpus), "number"],
    ["Memory", (row) => megabytes(row.task.resources.mem), "number"],
    ["", (row) => h("a", { href: sandbox(row.directory), "aria-label": `Sandbox of ${row.task.id}` }, "Sandbox")],
  ];
  const text = (row) => `${row.task.id} ${row.task.name} ${row.framework.name} ${row.task.state}`;
  return [
    h("h3", {}, "Tasks"),
    table(app, "tasks", columns, running, { text, empty: "No task runs here." }),
    h("h3", {}, "Ended tasks"),
    table(app, "ended", columns, ended, { text }),
  ];
}

/** Attributes and resources of an agent, as `/state` and `/slaves` have them. */
export function agentFacts(agent, more = []) {
  const attributes = Object.entries(agent.attributes ?? {});
  return facts([
    ...more,
    ["Id", agent.id],
    ["Version", agent.version],
    ["Attributes", attributes.length ? attributes.map(([name, value]) => `${name}: ${value}`).join(", ") : null],
    ["Ports", agent.resources?.ports],
    ["Domain", agent.domain?.fault_domain ? `${agent.domain.fault_domain.region.name} / ${agent.domain.fault_domain.zone.name}` : null],
  ]);
}
