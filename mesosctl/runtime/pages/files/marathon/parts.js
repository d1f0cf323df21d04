// Pieces that several views show: status, health bars, the way through the groups, links to the master's page.

import { h, number } from "../ui.js";
import { groupLink, healthOf, name } from "./api.js";

const STATUS_KINDS = { running: "good", healthy: "good", stable: "good", unhealthy: "bad", delayed: "bad", suspended: "off" };

export const status = (text) => h("span", { class: `state ${STATUS_KINDS[text] ?? "wait"}` }, text);

const HEALTH_WORDS = { healthy: "healthy", unhealthy: "unhealthy", unknown: "running", staged: "starting", missing: "missing" };

/** A bar of how an app's instances are; in words for those who cannot see it. `app` may be a sum of several. */
export function healthBar(app) {
  const health = healthOf(app);
  const parts = Object.entries(health).filter(([, count]) => count);
  const words = parts.map(([kind, count]) => `${number(count)} ${HEALTH_WORDS[kind]}`).join(", ") || "no instances";
  return h("span", { class: "health", role: "img", "aria-label": words, title: words }, parts.map(([kind, count]) => {
    const part = h("span", { class: kind });
    part.style.flexGrow = count;
    return part;
  }));
}

/** The groups above an id, as links, and its own name. */
export function crumbs(id, more = []) {
  const steps = id.split("/").slice(1).filter(Boolean);
  const links = [h("a", { href: "#/" }, "Applications")];
  steps.slice(0, -1).forEach((step, index) => links.push(h("a", { href: groupLink(`/${steps.slice(0, index + 1).join("/")}`) }, step)));
  if (steps.length) links.push(more.length ? more[0] : h("span", { "aria-current": "page" }, name(id)));
  return h("nav", { class: "crumbs", "aria-label": "Groups" }, [...links, ...more.slice(1)].map((link, index) => [index ? h("span", { class: "quiet", "aria-hidden": "true" }, "/") : null, link]));
}

/** Where the master's page shows the sandbox of an executor, and one of its files. Null while there is no master. */
function sandboxLink(info, agent, executor, file = null) {
  const master = info.marathon_config.mesos_leader_ui_url;
  if (!/^https?:\/\//.test(master ?? "") || !info.frameworkId) return null;
  const parts = ["agents", agent, "frameworks", info.frameworkId, "executors", executor, "browse"];
  const query = file ? `?${new URLSearchParams({ file })}` : "";
  return `${master.replace(/\/+$/, "")}/#/${parts.map(encodeURIComponent).join("/")}${query}`;
}

/** Links to an executor's sandbox and to a log in it; `id` is what runs there. Null while there is no master. */
export function sandboxLinks(info, agent, executor, id, log = "stdout") {
  const sandbox = sandboxLink(info, agent, executor);
  return sandbox && h("span", { class: "links" },
    outward(sandbox, "Sandbox", `Sandbox of ${id}`),
    outward(sandboxLink(info, agent, executor, log), "Log", `Log of ${id}`));
}

/** A port on a host, as a link where a browser may find something there. */
export function portLink(host, port, label, protocols = "tcp") {
  const place = `${host}:${port}`;
  return h("span", { class: "port" }, label ? `${label} ` : null, protocols.includes("tcp") ? outward(`http://${place}`, String(port), place) : `${port}/udp`);
}

/** A link that leaves this page. */
export const outward = (href, text, label = null) => h("a", { href, target: "_blank", rel: "noopener noreferrer", "aria-label": label }, text);

/** A moment as Marathon writes it, as seconds since 1970. */
export const seconds = (text) => (text ? Date.parse(text) / 1000 : null);

/** A moment as people read it. */
export const moment = (text) => h("span", { title: text }, new Date(text).toLocaleString());

export const button = (label, key, click, { kind = null, disabled = false, description = null } = {}) =>
  h("button", { type: "button", class: kind, "data-key": key, disabled, "aria-label": description, click }, label);
