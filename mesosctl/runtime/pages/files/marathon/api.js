// Marathon's API as the page asks it, and what an app's status follows from.

import { address, reach } from "../ui.js";

const BASE = "..";
const LOCKED = 409;

/** What Marathon answers instead of doing it. */
export class Refused extends Error {
  constructor(status, answer) {
    super(answer.message ?? `Marathon answers ${status}.`);
    this.status = status;
    /** What is wrong with a definition: `{path, errors}` each. */
    this.details = Array.isArray(answer.details) ? answer.details : [];
    /** The deployments in the way; the change may be forced then. */
    this.deployments = status === LOCKED ? (answer.deployments ?? []).map((each) => each.id) : [];
  }
}

/** Whether the last answer came through a Marathon that does not lead: its events are elsewhere. */
export let throughAnother = false;

async function ask(method, path, query, body) {
  const options = { method, headers: { Accept: "application/json" } };
  if (body !== undefined) {
    options.body = JSON.stringify(body);
    options.headers["Content-Type"] = "application/json";
  }
  const response = await reach(address(`${BASE}/${path}`, query), options);
  throughAnother = response.headers.has("X-Marathon-Via");
  const text = await response.text();
  let answer = {};
  try {
    answer = text ? JSON.parse(text) : {};
  } catch {
    answer = { message: `${path}: ${response.status} ${text.slice(0, 300)}` };
  }
  if (!response.ok) throw new Refused(response.status, answer);
  return answer;
}

/** The answer to a GET. Throws Refused, or an Error where nobody answers. */
export const read = (path, query = []) => ask("GET", path, query);

/** The answer to a change; `force` takes it past deployments in the way. Throws as `read` does. */
export const change = (method, path, { query = {}, body, force = false } = {}) =>
  ask(method, path, force ? { ...query, force: true } : query, body);

export const appPath = (id) => `v2/apps${id}`;
export const podPath = (id) => `v2/pods${id}`;

/** The page's own addresses. */
export const to = (...parts) => `#/${parts.map(encodeURIComponent).join("/")}`;

export const groupLink = (id) => (id === "/" ? "#/" : to("groups", id));

/** The id of the group that an app or group is in. */
export const parent = (id) => id.slice(0, id.lastIndexOf("/")) || "/";

export const name = (id) => id.slice(id.lastIndexOf("/") + 1);

/** Whether an id is below a group's. */
export const below = (group, id) => id !== group && id.startsWith(group === "/" ? "/" : `${group}/`);

/** "running", "deploying", "waiting" (for an offer that fits), "delayed" (after failures), "suspended". */
export function statusOf(app, queued) {
  if (queued && !queued.delay.overdue) return "delayed";
  const refused = queued?.processedOffersSummary.unusedOffersCount > 0;
  if (queued && (refused || !app.deployments.length)) return "waiting";
  if (app.deployments.length) return "deploying";
  if (app.tasksRunning) return "running";
  return app.instances ? "waiting" : "suspended";
}

export const STATUSES = ["running", "deploying", "waiting", "delayed", "suspended"];

/** How many of an app's tasks are healthy, unhealthy, running without a word on health, starting; and missing. */
export function healthOf(app) {
  const known = app.tasksHealthy + app.tasksUnhealthy;
  const there = app.tasksRunning + app.tasksStaged;
  return {
    healthy: app.tasksHealthy,
    unhealthy: app.tasksUnhealthy,
    unknown: Math.max(0, app.tasksRunning - known),
    staged: app.tasksStaged,
    missing: Math.max(0, app.instances - there),
  };
}

/** The commonest of the API's keys in words. */
export function plain(message) {
  const words = {
    "error.path.missing": "is missing",
    "error.max": "is too large",
    "error.unknown.enum.literal": "is none of the values that are known",
    "error.expected.jsnumber": "must be a number",
    "error.expected.jsstring": "must be a text",
    "error.expected.jsboolean": "must be true or false",
    "error.expected.jsarray": "must be a list",
    "error.expected.jsobject": "must be an object",
  };
  return words[message] ?? message;
}
