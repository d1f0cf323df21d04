// This Marathon: who leads, what it is registered as, how it was started.

import { facts, h } from "../ui.js";
import { read } from "./api.js";
import { outward } from "./parts.js";

export const about = {
  load: () => read("v2/info"),
  draw(app, info) {
    const config = info.marathon_config;
    const web = (url) => (/^https?:\/\//.test(url ?? "") ? outward(url, url) : null);
    return [
      h("h2", {}, `${info.name} ${info.version}`),
      facts([
        ["Leader", info.leader],
        ["Asked here", location.host],
        ["Framework", info.frameworkId],
        ["Master's page", web(config.mesos_leader_ui_url)],
        ["State kept in", info.zookeeper_config.zk],
      ]),
      h("h3", {}, "Configuration"),
      facts(Object.entries(config).filter(([name]) => name !== "mesos_leader_ui_url").map(([name, value]) => [name, typeof value === "object" ? JSON.stringify(value) : String(value)])),
    ];
  },
};
