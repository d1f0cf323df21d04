// What waits to be started, and why: which demands the last offers did not meet, offer by offer.

import { ago, facts, h, megabytes, number, span, table } from "../ui.js";
import { resetDelay } from "./actions.js";
import { read, to } from "./api.js";
import { button, seconds, status } from "./parts.js";

/** Marathon's reasons in words, in the order in which offers are tried. */
const REASONS = {
  UnfulfilledRole: "Role",
  UnfulfilledConstraint: "Constraints",
  NoCorrespondingReservationFound: "Reservation",
  AgentMaintenance: "Maintenance",
  AgentUndergoingMaintenance: "Maintenance",
  InsufficientCpus: "CPUs",
  InsufficientMemory: "Memory",
  InsufficientDisk: "Disk",
  InsufficientGpus: "GPUs",
  InsufficientPorts: "Ports",
};
const reason = (name) => REASONS[name] ?? name.replace(/([a-z])([A-Z])/g, "$1 $2").toLowerCase();

function amounts(offer) {
  const total = (name) => offer.resources.filter((each) => each.name === name).reduce((sum, each) => sum + (typeof each.scalar === "number" ? each.scalar : (each.scalar?.value ?? 0)), 0);
  return `${number(total("cpus"))} CPUs, ${megabytes(total("mem"))}, ${megabytes(total("disk"))} disk`;
}

function why(item, refused) {
  if (!item.delay.overdue) return "It has failed: no offer is taken before the delay is over.";
  if (refused.length) return `Lacking: ${refused.map((each) => reason(each.reason)).join(", ")}`;
  return item.processedOffersSummary.processedOffersCount ? "Nothing is lacking in the last offers." : "No offer has come yet.";
}

/** How long it waits, what the last offers lacked, and those offers. */
export function waiting(app, id, item) {
  const summary = item.processedOffersSummary;
  const reasons = summary.rejectSummaryLastOffers.filter((each) => each.processed);
  const refused = reasons.filter((each) => each.declined);
  const offers = item.lastUnusedOffers ?? [];
  return h("div", { class: "waiting" },
    facts([
      ["Waiting", `${number(item.count)} ${item.count === 1 ? "instance" : "instances"}`],
      ["Since", ago(seconds(item.since))],
      ["Delay", item.delay.overdue ? "none" : [`${span(item.delay.timeLeftSeconds)} more, after failures `, button("Start now", `reset-${id}`, () => resetDelay(app, id), { description: `Start ${id} now` })]],
      ["Offers", `${number(summary.processedOffersCount)} looked at, ${number(summary.unusedOffersCount)} did not fit`],
      summary.lastUnusedOfferAt ? ["Last that did not fit", ago(seconds(summary.lastUnusedOfferAt))] : null,
      ["Why", why(item, refused)],
    ]),
    reasons.length ? h("table", { class: "reasons" },
      h("caption", {}, "Of the last offers of all agents"),
      h("tbody", {}, reasons.map((each) => h("tr", {}, h("th", { scope: "row" }, reason(each.reason)),
        h("td", {}, each.declined ? h("span", { class: "state bad" }, `${number(each.declined)} of ${number(each.processed)} lack it`) : h("span", { class: "state good" }, `${number(each.processed)} of ${number(each.processed)} fit`)))))) : null,
    offers.length ? h("details", { "data-key": `offers-${id}` }, h("summary", {}, offers.length === 1 ? "The last offer that did not fit" : `The last ${number(offers.length)} offers that did not fit`),
      table(app, `offers-${id}`, [
        ["Host", (each) => each.offer.hostname],
        ["Lacking", (each) => each.reason.map(reason).join(", "), "wide"],
        ["Offered", (each) => amounts(each.offer), "wide"],
        ["Attributes", (each) => each.offer.attributes.map((item) => `${item.name}: ${item.text ?? item.scalar ?? (item.set ?? []).join(" ")}`).join(", "), "wide"],
        ["When", (each) => ago(seconds(each.timestamp))],
      ], offers)) : null);
}

export const queue = {
  async load() {
    const { queue } = await read("v2/queue", { embed: "lastUnusedOffers" });
    return queue.map((item) => ({ ...item, app: undefined, pod: undefined, id: (item.app ?? item.pod).id, kind: item.app ? "apps" : "pods" }));
  },
  draw: (app, items) => [
    h("h2", {}, "Queue"),
    items.length ? items.map((item) => h("section", { class: "card" },
      h("h3", {}, h("a", { href: to(item.kind, item.id) }, item.id), " ", status(item.delay.overdue ? "waiting" : "delayed")),
      waiting(app, item.id, item))) : h("p", { class: "empty" }, "Nothing waits: all that was asked for has been started."),
  ],
};
