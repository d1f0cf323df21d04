// What the pages are made of: elements, requests, texts, and views that keep themselves up to date.
// All text goes in as text nodes: names of tasks and files come from anybody.

/** An element: attributes (functions are listeners), then children (nodes, texts, lists; null is left out). */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(name, value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return element;
}

/** A path with a query: an object, or a list of pairs. */
export function address(path, query = {}) {
  const parameters = new URLSearchParams(query).toString();
  return parameters ? `${path}?${parameters}` : path;
}

/** Nobody answers, which may well pass. */
class Unreachable extends Error {}

/** What `fetch` gives. Throws Unreachable. */
export async function reach(url, options = {}) {
  try {
    return await fetch(url, { cache: "no-store", ...options });
  } catch {
    throw new Unreachable(`No answer from ${location.host}.`);
  }
}

/** The answer to a GET. Throws an Error that says what was asked and what came back. */
export async function get(path, query = {}, kind = "json") {
  const url = address(path, query);
  const response = await reach(url);
  if (!response.ok) throw new Error(`${url}: ${response.status} ${(await response.text()).trim() || response.statusText}`);
  return kind === "json" ? response.json() : response.text();
}

/** A call of the operator API, e.g. GET_FRAMEWORKS; gives its answer's part of that name. */
export async function call(type) {
  const headers = { "Content-Type": "application/json", Accept: "application/json" };
  const response = await fetch("api/v1", { method: "POST", headers, body: JSON.stringify({ type }) });
  if (!response.ok) throw new Error(`${type}: ${response.status} ${await response.text()}`);
  return (await response.json())[type.toLowerCase()] ?? {};
}

export function number(value, digits = 2) {
  return (value ?? 0).toLocaleString("en", { maximumFractionDigits: digits });
}

/** A size given in bytes. */
export function bytes(value) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let size = value ?? 0;
  let unit = 0;
  while (size >= 1024 && unit < units.length - 1) {
    size /= 1024;
    unit += 1;
  }
  return `${number(size, size < 10 && unit ? 1 : 0)} ${units[unit]}`;
}

/** A size as resources have it, in MiB. */
export const megabytes = (value) => bytes((value ?? 0) * 1048576);

/** A length of time given in seconds, in its two largest units. */
export function span(seconds) {
  const parts = [];
  let rest = Math.max(0, Math.round(seconds));
  for (const [size, name] of [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]]) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count) parts.push(`${count} ${name}`);
  }
  return parts.slice(0, 2).join(" ") || "0 s";
}

const since = (moment) => `${span((Date.now() - moment) / 1000)} ago`;

/** A moment given in seconds since 1970: how long ago, the moment itself as a tooltip. */
export function ago(seconds) {
  if (!seconds) return h("span", { class: "quiet" }, "–");
  const moment = new Date(seconds * 1000);
  return h("time", { datetime: moment.toISOString(), title: moment.toLocaleString() }, since(moment));
}

const KINDS = {
  good: ["TASK_RUNNING", "TASK_FINISHED", "active"],
  bad: ["TASK_FAILED", "TASK_LOST", "TASK_ERROR", "TASK_UNREACHABLE", "TASK_DROPPED", "TASK_GONE", "TASK_GONE_BY_OPERATOR", "disconnected", "unreachable"],
};

/** A state, coloured by what it means; `TASK_` is left out. */
export function state(name) {
  const kind = Object.keys(KINDS).find((each) => KINDS[each].includes(name)) ?? "wait";
  return h("span", { class: `state ${kind}` }, String(name).replace("TASK_", "").toLowerCase().replaceAll("_", " "));
}

export function meter(used, total, label) {
  const bar = h("progress", { max: total || 1, value: Math.min(used, total || 0), "aria-label": label });
  return [bar, " "];
}

export const facts = (pairs) => h("dl", { class: "facts" }, pairs.filter(Boolean).map(([name, value]) => [h("dt", {}, name), h("dd", {}, value ?? "–")]));

export const cards = (pairs) => h("dl", { class: "cards" }, pairs.filter(Boolean).map(([name, ...value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));

const PAGE = 100;

/** Rows in the order that the address asks for under `name`: by the key of a column, `-` for the reverse. */
function sorted(rows, columns, order) {
  const key = columns.find(([title]) => title === order.replace(/^-/, ""))?.[3];
  if (!key) return rows;
  const turn = order.startsWith("-") ? -1 : 1;
  const compare = (one, other) => (typeof one === "number" ? one - other : String(one).localeCompare(String(other), "en", { numeric: true }));
  return [...rows].sort((one, other) => turn * compare(key(one), key(other)));
}

/**
 * A table of `rows`. A column is [title, cell of a row, class, key of a row]; by one with a key the rows can be sorted.
 * With `text`, which gives the words of a row, there is a filter; more rows than a page holds are paged. Filter, order and
 * page are kept in the address, under `name`.
 */
export function table(app, name, columns, rows, { text = null, empty = "None." } = {}) {
  const filter = app.parameters.get(name) ?? "";
  const wanted = filter.toLowerCase();
  const order = app.parameters.get(`${name}-sort`) ?? "";
  const found = sorted(text && wanted ? rows.filter((row) => text(row).toLowerCase().includes(wanted)) : rows, columns, order);
  const last = Math.max(0, Math.ceil(found.length / PAGE) - 1);
  const page = Math.min(last, Number(app.parameters.get(`${name}-page`) ?? 0));
  const shown = found.slice(page * PAGE, (page + 1) * PAGE);
  const turn = (step, label) =>
    h("button", { type: "button", "data-key": `${name}${step}`, disabled: page + step < 0 || page + step > last, click: () => app.set(`${name}-page`, page + step) }, label);
  const tools = h("div", { class: "tools" },
    text && rows.length > 5 ? h("input", { type: "search", placeholder: "Filter", "aria-label": `Filter ${name}`, "data-key": `filter-${name}`, value: filter, input: (event) => app.set(name, event.target.value) }) : null,
    last ? [turn(-1, "Previous"), turn(1, "Next"), h("span", { class: "quiet" }, `${page * PAGE + 1} to ${page * PAGE + shown.length} of ${number(found.length)}`)] : null);
  const head = ([title, , kind, key]) => {
    const way = key && order.replace(/^-/, "") === title ? (order.startsWith("-") ? "descending" : "ascending") : null;
    const next = way === "ascending" ? `-${title}` : title;
    return h("th", { scope: "col", class: kind, "aria-sort": way }, key ? h("button", { type: "button", class: "sort", "data-key": `sort-${name}-${title}`, click: () => app.set(`${name}-sort`, next, name) }, title) : title);
  };
  if (!shown.length) return [tools, h("p", { class: "quiet" }, wanted ? `Nothing matches “${filter}”.` : empty)];
  return [
    tools.childElementCount ? tools : null,
    h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": name },
      h("table", {},
        h("thead", {}, h("tr", {}, columns.map(head))),
        h("tbody", {}, shown.map((row) => h("tr", {}, columns.map(([title, cell, kind]) => h("td", { class: kind, "data-title": typeof title === "string" ? title : null }, cell(row)))))))),
  ];
}

/**
 * Shows the view that the address after `#` names, and shows it anew when its data change.
 *
 * `routes` is a list of [pattern, view]. A view has `load(app, ...groups)`, which gives its data, and
 * `draw(app, data, ...groups)`, which gives nodes; `seconds` between loads if not those of the app, 0 for a view that keeps
 * itself up to date.
 */
export class App {
  constructor(routes) {
    this.routes = routes;
    this.main = document.querySelector("main");
    this.alert = document.querySelector("#alert");
    this.round = 0;
    this.loads = 0;
    this.seconds = 3;
  }

  start() {
    addEventListener("hashchange", () => this.show());
    document.addEventListener("visibilitychange", () => document.hidden || this.refresh(this.round));
    this.show();
  }

  /** The part of the address after `?`. */
  get parameters() {
    return new URLSearchParams(location.hash.split("?")[1] ?? "");
  }

  get path() {
    return location.hash.replace(/^#/, "").split("?")[0] || "/";
  }

  /** Keep a setting of the view in the address, and draw the view with it; the table `paged` is at its first page then. */
  set(name, value, paged = name) {
    const parameters = this.parameters;
    if (value === "" || value === 0) parameters.delete(name);
    else parameters.set(name, value);
    if (!name.endsWith("-page")) parameters.delete(`${paged}-page`);
    const text = parameters.toString();
    history.replaceState(null, "", `#${this.path}${text ? `?${text}` : ""}`);
    this.draw();
  }

  show() {
    this.round += 1;
    this.leave?.();
    this.leave = null;
    this.seen = undefined;
    for (const link of document.querySelectorAll("nav a")) {
      const target = link.getAttribute("href").slice(1).split("?")[0];
      const current = target === "/" ? this.path === "/" : this.path.startsWith(target);
      if (current) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    for (const [pattern, view] of this.routes) {
      const match = this.path.match(new RegExp(`^${pattern}$`));
      if (match) {
        this.view = view;
        this.groups = match.slice(1).map(decodeURIComponent);
        this.main.replaceChildren(h("p", { class: "quiet" }, "Loading…"));
        this.refresh(this.round);
        return;
      }
    }
    this.view = null;
    this.main.replaceChildren(h("p", {}, "There is no such page. ", h("a", { href: "#/" }, "To the overview")));
  }

  async refresh(round) {
    clearTimeout(this.timer);
    if (round !== this.round || !this.view || document.hidden) return;
    const load = ++this.loads;
    try {
      const data = await this.view.load(this, ...this.groups);
      if (load !== this.loads) return;
      this.complain("");
      const text = JSON.stringify(data);
      if (text !== this.seen) {
        this.seen = text;
        this.data = data;
        this.draw();
      } else {
        for (const time of this.main.querySelectorAll("time")) time.textContent = since(Date.parse(time.dateTime));
      }
    } catch (error) {
      if (load !== this.loads) return;
      this.complain(error instanceof Unreachable ? `${error.message} Trying again.` : error.message);
      if (this.seen === undefined) this.main.replaceChildren();
    }
    const seconds = this.view.seconds ?? this.seconds;
    if (seconds || this.seen === undefined) this.timer = setTimeout(() => this.refresh(round), (seconds || 3) * 1000);
  }

  /** Put the view's nodes in place; focus, the place in a text field, and what is folded out (`details` with a key) stay. */
  draw() {
    if (this.seen === undefined) return;
    const focused = document.activeElement?.closest?.("main [data-key], main a");
    const key = focused && (focused.dataset.key ?? focused.getAttribute("href"));
    const place = focused?.selectionStart;
    const scrolled = [...this.main.querySelectorAll(".scroll")].map((each) => each.scrollLeft);
    const opened = new Set([...this.main.querySelectorAll("details[open]")].map((each) => each.dataset.key));
    this.main.replaceChildren(...this.view.draw(this, this.data, ...this.groups).flat(Infinity).filter(Boolean));
    for (const each of this.main.querySelectorAll("details[data-key]")) each.open ||= opened.has(each.dataset.key);
    this.main.querySelectorAll(".scroll").forEach((each, index) => { each.scrollLeft = scrolled[index] ?? 0; });
    if (key) {
      const again = [...this.main.querySelectorAll("[data-key], a")].find((each) => (each.dataset.key ?? each.getAttribute("href")) === key);
      again?.focus({ preventScroll: true });
      if (typeof place === "number") again?.setSelectionRange?.(place, place);
    }
  }

  complain(message) {
    if (this.alert.textContent !== message) this.alert.textContent = message;
    this.alert.hidden = !message;
  }
}
