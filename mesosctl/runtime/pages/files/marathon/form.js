// The form of an app: the part of a definition that most apps need. What it has no field for stays as it is.

import { h } from "../ui.js";
import { choice, field, pairs, rows, setAt, valueAt } from "./fields.js";

const ENGINES = [["", "None: a command on the host"], ["DOCKER", "Docker image, by the Docker engine"], ["MESOS", "Docker image, by the Mesos containerizer"]];
const NETWORKS = [["host", "Host: the ports of the agent"], ["container/bridge", "Bridge: ports of the container, mapped"], ["container", "Container: a network by name"]];
const OLD_NETWORKS = { BRIDGE: "container/bridge", HOST: "host", USER: "container" };
const OLD_PORTS = "/container/docker/portMappings";
const PROTOCOLS = [["tcp", "tcp"], ["udp", "udp"], ["udp,tcp", "udp, tcp"]];
const CHECKS = ["HTTP", "HTTPS", "TCP", "COMMAND", "MESOS_HTTP", "MESOS_HTTPS", "MESOS_TCP"].map((each) => [each, each]);
const OPERATORS = ["UNIQUE", "CLUSTER", "GROUP_BY", "LIKE", "UNLIKE", "MAX_PER", "IS"].map((each) => [each, each]);

const number = { kind: "number", className: "field short" };
const short = { className: "field short" };

const mode = (definition) => definition.networks?.[0]?.mode ?? (definition.networks?.[0] ? "container" : (OLD_NETWORKS[definition.container?.docker?.network] ?? "host"));

/** Where a definition has its ports: as this release writes them, or as those before 1.5 did. */
function portsPath(definition) {
  if (mode(definition) === "host") return "/portDefinitions";
  return valueAt(definition, OLD_PORTS) ? OLD_PORTS : "/container/portMappings";
}

/** Take another network; ports come along. */
function network(definition, wanted) {
  const ports = valueAt(definition, portsPath(definition)) ?? [];
  const common = (port, added) => ({ ...added, protocol: port.protocol ?? "tcp", ...(port.name ? { name: port.name } : {}), ...(port.labels ? { labels: port.labels } : {}) });
  for (const path of ["/portDefinitions", "/container/portMappings", OLD_PORTS, "/container/docker/network"]) if (valueAt(definition, path) !== undefined) setAt(definition, path, undefined);
  delete definition.ports;
  setAt(definition, "/networks", [wanted === "container" ? { mode: wanted, name: "" } : { mode: wanted }]);
  if (wanted === "host") {
    if (ports.length) definition.portDefinitions = ports.map((port) => common(port, { port: port.servicePort ?? port.port ?? 0 }));
    if (Object.keys(definition.container ?? {}).join() === "type") delete definition.container;
  } else if (ports.length) {
    const mapped = ports.map((port) => common(port, { containerPort: port.containerPort ?? 0, hostPort: port.hostPort ?? 0, servicePort: port.servicePort ?? port.port ?? 0 }));
    definition.container = { type: "MESOS", ...definition.container, portMappings: mapped };
  }
}

/** Take another engine; the image comes along. */
function engine(definition, wanted) {
  if (wanted) {
    definition.container = { ...definition.container, type: wanted, docker: definition.container?.docker ?? { image: "" } };
    return;
  }
  if (!definition.container) return;
  if (portsPath(definition) === OLD_PORTS) network(definition, mode(definition));
  delete definition.container.docker;
  if (definition.container.volumes?.length || definition.container.portMappings?.length) definition.container.type = "MESOS";
  else delete definition.container;
}

export class Form {
  /** `editing`: the id is given. `changed` is called when the definition has changed. */
  constructor(definition, editing, changed) {
    this.definition = definition;
    this.editing = editing;
    this.changed = changed;
    this.root = h("div", { class: "form" });
    this.draw();
  }

  draw() {
    const { definition } = this;
    const used = definition.container?.docker ? (definition.container.type ?? "DOCKER") : "";
    const again = (change) => (value) => {
      change(definition, value);
      this.changed();
      const label = document.activeElement.closest("[data-path]")?.dataset.path;
      this.draw();
      this.root.querySelector(`[data-path="${CSS.escape(label ?? "/id")}"] select`)?.focus();
    };
    const section = (title, ...content) => h("fieldset", {}, h("legend", {}, title), content);
    this.root.replaceChildren(
      section("General",
        field(this, "Id", "/id", { disabled: this.editing, hint: this.editing ? null : "Lower-case letters, digits, dots and dashes; slashes for groups." }),
        field(this, "Command", "/cmd", { multiline: true, hint: "Run by a shell. An image may have a command of its own." }),
        h("div", { class: "grid" },
          field(this, "Instances", "/instances", { ...number, placeholder: "1" }),
          field(this, "CPUs", "/cpus", { ...number, placeholder: "1" }),
          field(this, "Memory (MiB)", "/mem", { ...number, placeholder: "128" }),
          field(this, "Disk (MiB)", "/disk", { ...number, placeholder: "0" }))),
      section("Container",
        choice("Image", "/container/type", ENGINES, used, again(engine)),
        used ? field(this, "Name of the image", "/container/docker/image", { placeholder: "registry/name:tag" }) : null,
        used ? field(this, "Pull the image for every instance", "/container/docker/forcePullImage", { kind: "check" }) : null,
        used === "DOCKER" ? field(this, "Extended rights (privileged)", "/container/docker/privileged", { kind: "check" }) : null),
      section("Network and ports", this.network(again)),
      section("Environment", pairs(this, "/env", "variable")),
      section("Labels", pairs(this, "/labels", "label")),
      section("Health checks", rows(this, "/healthChecks", "health check", () => ({ protocol: "HTTP", path: "/", portIndex: 0 }), (path, index) => this.healthCheck(path, index))),
      section("Constraints", rows(this, "/constraints", "constraint", () => ["hostname", "UNIQUE"], (path) => [
        field(this, "Field", `${path}/0`, { ...short, placeholder: "hostname, @zone, an attribute" }),
        field(this, "Operator", `${path}/1`, { ...short, list: OPERATORS }),
        field(this, "Value", `${path}/2`, short)])));
  }

  network(again) {
    const { definition } = this;
    const used = mode(definition);
    const path = portsPath(definition);
    const host = used === "host";
    return [
      choice("Network", "/networks(0)/mode", NETWORKS, used, again(network)),
      used === "container" ? field(this, "Name of the network", "/networks(0)/name") : null,
      host ? field(this, "Exactly these ports on the host", "/requirePorts", { kind: "check", hint: "Else any are taken, and these are service ports." }) : null,
      rows(this, path, "port", () => (host ? { port: 0, protocol: "tcp" } : { containerPort: 80, hostPort: 0, protocol: "tcp" }), (at) => [
        host ? field(this, "Port (0: any)", `${at}/port`, number) : [
          field(this, "Container port", `${at}/containerPort`, number),
          field(this, "Host (0: any)", `${at}/hostPort`, number),
          field(this, "Service port", `${at}/servicePort`, { ...number, placeholder: "any" })],
        field(this, "Name", `${at}/name`, short),
        field(this, "Protocol", `${at}/protocol`, { ...short, list: PROTOCOLS, placeholder: "tcp" })]),
    ];
  }

  healthCheck(path) {
    const check = valueAt(this.definition, path);
    const command = check.protocol === "COMMAND";
    const web = /HTTPS?$/.test(check.protocol ?? "HTTP");
    const protocol = choice("Protocol", `${path}/protocol`, CHECKS, check.protocol ?? "HTTP", (value) => {
      check.protocol = value;
      if (value === "COMMAND") for (const name of ["path", "portIndex", "port"]) delete check[name];
      else {
        delete check.command;
        if (check.port === undefined) check.portIndex ??= 0;
        if (!/HTTPS?$/.test(value)) delete check.path;
      }
      this.changed();
      this.draw();
      this.root.querySelector(`[data-path="${CSS.escape(`${path}/protocol`)}"] select`).focus();
    });
    return [
      protocol,
      command ? field(this, "Command", `${path}/command/value`) : null,
      web ? field(this, "Path", `${path}/path`, { ...short, placeholder: "/" }) : null,
      command ? null : check.port === undefined ? field(this, "Port index", `${path}/portIndex`, number) : field(this, "Port", `${path}/port`, number),
      field(this, "Grace (s)", `${path}/gracePeriodSeconds`, { ...number, placeholder: "300" }),
      field(this, "Every (s)", `${path}/intervalSeconds`, { ...number, placeholder: "60" }),
      field(this, "Timeout (s)", `${path}/timeoutSeconds`, { ...number, placeholder: "20" }),
      field(this, "Failures", `${path}/maxConsecutiveFailures`, { ...number, placeholder: "3" }),
    ];
  }
}
