// What Marathon is changing now, step by step, and how to take it back or let it be.

import { ago, h, number } from "../ui.js";
import { rollBack, stop } from "./actions.js";
import { read, to } from "./api.js";
import { button, seconds } from "./parts.js";

const ACTIONS = {
  StartApplication: "start", StopApplication: "stop", ScaleApplication: "scale", RestartApplication: "restart",
  StartPod: "start", StopPod: "stop", ScalePod: "scale", RestartPod: "restart",
};

function step(deployment, { actions }, index) {
  const now = index + 1 === deployment.currentStep;
  const state = index + 1 < deployment.currentStep ? "done" : now ? "now" : "later";
  const checks = new Map(now ? (deployment.currentActions ?? []).map((each) => [each.app ?? each.pod, each.readinessCheckResults ?? []]) : []);
  return h("li", { class: state, "aria-current": now ? "step" : null }, actions.map((action) => {
    const id = action.app ?? action.pod;
    const ready = checks.get(id) ?? [];
    return h("div", {}, `${ACTIONS[action.action] ?? action.action} `, h("a", { href: to(action.pod ? "pods" : "apps", id) }, id),
      ready.length ? h("small", { class: "quiet" }, ` ${number(ready.filter((each) => each.ready).length)} of ${number(ready.length)} ready`) : null);
  }), h("span", { class: "quiet" }, { done: "done", now: "under way", later: "" }[state]));
}

export const deployments = {
  load: () => read("v2/deployments"),
  draw: (app, found) => [
    h("h2", {}, "Deployments"),
    found.length ? found.map((each) => h("section", { class: "card" },
      h("div", { class: "head" },
        h("h3", {}, [...each.affectedApps, ...(each.affectedPods ?? [])].join(", ")),
        h("div", { class: "tools" },
          button("Roll back", `back-${each.id}`, () => rollBack(app, each), { description: `Roll back ${each.id}` }),
          button("Stop", `stop-${each.id}`, () => stop(app, each), { kind: "danger", description: `Stop ${each.id}` }))),
      h("p", { class: "totals" }, h("span", {}, `Step ${number(each.currentStep)} of ${number(each.totalSteps)}`),
        h("progress", { max: each.totalSteps || 1, value: Math.max(0, each.currentStep - 1), "aria-label": "Steps done" }),
        h("span", { class: "quiet" }, "begun ", ago(seconds(each.version)), ` as ${each.id}`)),
      h("ol", { class: "steps" }, each.steps.map((one, index) => step(each, one, index))))) : h("p", { class: "empty" }, "No deployment is under way."),
  ],
};
