// The page of an agent by itself: what runs on it, their sandboxes, its log.

import { agentFacts, agentTasks } from "./executors.js";
import { filesView } from "./sandbox.js";
import { ago, App, get, h } from "./ui.js";

const sandbox = (directory) => `#/files?${new URLSearchParams({ path: directory })}`;

const overview = {
  load: () => get("state"),
  draw: (app, agent) => [
    h("h2", {}, agent.hostname),
    agentFacts(agent, [
      ["Master", agent.master_hostname || "not registered"],
      ["Started", ago(agent.start_time)],
    ]),
    agentTasks(app, agent, sandbox, null),
  ],
};

new App([
  ["/", overview],
  ["/files", filesView(() => "files", () => "Sandbox")],
  ["/log", filesView(() => "files", () => "Log of this agent")],
]).start();
