// What can be done to apps, tasks and groups, each with the question that comes before it.

import { h, number } from "../ui.js";
import { appPath, change, groupLink, parent, podPath } from "./api.js";
import { ask, show } from "./dialog.js";
import { definition } from "./definition.js";

/** Do it, tell the user, and show what has become of it. */
async function done(app, text, request) {
  await request;
  app.say(text);
  await app.again();
}

const setInstances = (app, id, instances, force, text) => done(app, text, change("PUT", appPath(id), { body: { instances }, force }));

export const scale = (app, { id, instances }) => scaled(id, instances, (wanted, force) => setInstances(app, id, wanted, force, `${id} is scaled to ${wanted}.`));

export const scalePod = (app, pod) => scaled(pod.id, pod.scaling.instances, (instances, force) =>
  done(app, `${pod.id} is scaled to ${instances}.`, change("PUT", podPath(pod.id), { body: { ...definition(pod), scaling: { ...pod.scaling, instances } }, force })));

function scaled(id, instances, act) {
  const field = h("input", { id: "instances", type: "number", min: 0, step: 1, value: instances, autofocus: true });
  show({
    title: `Scale ${id}`,
    label: "Scale",
    size: "small",
    body: h("p", {}, h("label", { for: "instances" }, "Instances"), field),
    ready: () => /^\d+$/.test(field.value),
    act: (force) => act(Number(field.value), force),
  });
}

export function suspend(app, { id, instances }) {
  ask({
    title: `Suspend ${id}?`,
    text: `Its ${number(instances)} instances are stopped. It stays here and can be resumed.`,
    label: "Suspend",
    act: (force) => setInstances(app, id, 0, force, `${id} is suspended.`),
  });
}

export function restart(app, { id, instances }) {
  ask({
    title: `Restart ${id}?`,
    text: `Its ${number(instances)} instances are replaced by new ones, as its upgrade strategy says.`,
    label: "Restart",
    act: (force) => done(app, `${id} is restarted.`, change("POST", `${appPath(id)}/restart`, { force })),
  });
}

export const destroy = (app, { id }) => destroyed(app, id, appPath(id));
export const destroyPod = (app, { id }) => destroyed(app, id, podPath(id));

function destroyed(app, id, path) {
  ask({
    title: `Destroy ${id}?`,
    text: "Its instances are stopped and its definition and versions are removed. This cannot be taken back.",
    label: "Destroy",
    kind: "danger",
    typed: id,
    async act(force) {
      await change("DELETE", path, { force });
      app.say(`${id} is destroyed.`);
      location.hash = groupLink(parent(id));
    },
  });
}

/** Of one app. `killed` is called when they are. */
export function kill(app, id, tasks, killed) {
  const smaller = h("input", { type: "checkbox", id: "smaller" });
  const one = tasks.length === 1;
  ask({
    title: one ? `Kill ${tasks[0]}?` : `Kill ${number(tasks.length)} instances of ${id}?`,
    text: "Others are started in place of what is killed, unless the app is made smaller.",
    label: "Kill",
    kind: "danger",
    body: h("p", {}, h("label", { for: "smaller", class: "check" }, smaller, one ? "Scale the app by one less" : `Scale the app by ${number(tasks.length)} less`)),
    async act(force) {
      const query = smaller.checked ? { scale: true } : {};
      await change("POST", "v2/tasks/delete", { body: { ids: tasks }, query, force });
      killed();
      await done(app, one ? `${tasks[0]} is killed.` : `${number(tasks.length)} instances of ${id} are killed.`);
    },
  });
}

export function killPod(app, id, instance) {
  ask({
    title: `Kill ${instance}?`,
    text: "Another is started in its place.",
    label: "Kill",
    kind: "danger",
    act: () => done(app, `${instance} is killed.`, change("DELETE", `${podPath(id)}::instances/${instance}`)),
  });
}

export function applyVersion(app, id, version, words) {
  ask({
    title: `Apply the version of ${words}?`,
    text: `${id} is deployed as it was then.`,
    label: "Apply",
    async act(force) {
      await change("PUT", appPath(id), { body: { version }, force });
      app.say(`${id} is deployed as of ${words}.`);
      location.hash = `#/apps/${encodeURIComponent(id)}`;
    },
  });
}

export function createGroup(app, group) {
  const field = h("input", { id: "group", autocomplete: "off", spellcheck: "false", autofocus: true, value: group === "/" ? "/" : `${group}/` });
  show({
    title: "New group",
    label: "Create",
    size: "small",
    body: h("p", {}, h("label", { for: "group" }, "Id"), field),
    ready: () => /[^/]$/.test(field.value.trim()),
    act: (force) => done(app, `${field.value.trim()} is created.`, change("POST", "v2/groups", { body: { id: field.value.trim() }, force })),
  });
}

export function scaleGroup(app, id) {
  const field = h("input", { id: "factor", type: "number", min: 0, step: "any", value: 2, autofocus: true });
  show({
    title: `Scale all apps of ${id}`,
    label: "Scale",
    size: "small",
    body: h("p", {}, h("label", { for: "factor" }, "Factor"), field),
    ready: () => Number(field.value) > 0,
    act: (force) => done(app, `The apps of ${id} are scaled by ${field.value}.`, change("PUT", `v2/groups${id}`, { body: { scaleBy: Number(field.value) }, force })),
  });
}

export function destroyGroup(app, id, count) {
  ask({
    title: `Destroy the group ${id}?`,
    text: count ? `${count === 1 ? "What is in it is" : `The ${number(count)} apps and pods in it are`} stopped and removed. This cannot be taken back.` : "It is empty.",
    label: "Destroy",
    kind: "danger",
    typed: id,
    async act(force) {
      await change("DELETE", `v2/groups${id}`, { force });
      app.say(`${id} is destroyed.`);
      location.hash = groupLink(parent(id));
    },
  });
}

export function rollBack(app, deployment) {
  ask({
    title: "Roll this deployment back?",
    text: `A new deployment takes back what ${deployment.id} has changed so far.`,
    label: "Roll back",
    act: () => done(app, `${deployment.id} is rolled back.`, change("DELETE", `v2/deployments/${deployment.id}`)),
  });
}

export function stop(app, deployment) {
  ask({
    title: "Stop this deployment?",
    text: `${deployment.id} ends where it is now. Nothing is taken back; the apps are left with what they have then.`,
    label: "Stop",
    kind: "danger",
    act: () => done(app, `${deployment.id} is stopped.`, change("DELETE", `v2/deployments/${deployment.id}`, { force: true })),
  });
}

export const resetDelay = (app, id) => done(app, `${id} is started without waiting.`, change("DELETE", `v2/queue${id}/delay`)).catch((error) => app.complain(error.message));
