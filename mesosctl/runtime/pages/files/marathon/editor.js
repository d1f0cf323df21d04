// Create and edit an app, by the form or as JSON: two views of one definition. A pod is edited as JSON.

import { h } from "../ui.js";
import { appPath, change, plain, podPath, read, Refused, to } from "./api.js";
import { show } from "./dialog.js";
import { place } from "./fields.js";
import { Form } from "./form.js";
import { definition as given } from "./definition.js";

const TAB = "  ";
const began = (group) => (group === "/" ? "/" : `${group}/`);

/** What is edited: where it is at, and what a new one begins as. */
const APP = {
  title: "New application",
  link: "apps",
  list: "v2/apps",
  path: appPath,
  query: { partialUpdate: false },
  version: async (id) => (await read(appPath(id))).app.version,
  fresh: (group) => ({ id: began(group), cpus: 0.1, mem: 128, instances: 1 }),
  form: true,
};
const POD = {
  title: "New pod",
  link: "pods",
  list: "v2/pods",
  path: podPath,
  query: {},
  version: async (id) => (await read(podPath(id))).version,
  fresh: (group) => ({ id: began(group), containers: [{ name: "main", exec: { command: { shell: "" } }, resources: { cpus: 0.1, mem: 64 } }], scaling: { kind: "fixed", instances: 1 } }),
  form: false,
};
const text = (definition) => JSON.stringify(definition, null, TAB.length);

/** What the JSON says, or why it cannot be read. */
function parsed(source) {
  try {
    const value = JSON.parse(source);
    if (value === null || typeof value !== "object" || Array.isArray(value)) return { wrong: "This is no definition: it has to be an object, { … }." };
    return { value };
  } catch (error) {
    return { wrong: `This is no JSON. ${error.message}` };
  }
}

/** Edits an app as Marathon shows it, or a new one of a group where that is null. */
export const edit = (app, shown, group = "/") => editor(app, APP, shown, group);

/** The same for a pod. */
export const editPod = (app, shown, group = "/") => editor(app, POD, shown, group);

function editor(app, kind, shown, group) {
  const before = text(shown ? given(shown) : kind.fresh(group));
  let definition = JSON.parse(before);
  let version = shown?.version;
  let form = null;
  let asForm = kind.form;
  let details = [];

  const area = h("textarea", { class: "code", rows: 24, spellcheck: "false", autocomplete: "off", "aria-label": "Definition as JSON", input: typed });
  const unread = h("p", { class: "wrong", id: "json-wrong" });
  const found = h("ul", { class: "wrong" });
  const json = h("div", { class: "json" }, found, area, unread, h("small", { class: "quiet" }, "All fields of Marathon's definition, older forms too. Tab leaves the text."));
  const panel = h("div", { role: kind.form ? "tabpanel" : null, "aria-label": kind.form ? "Definition" : null });
  const tabs = [["Form", true], ["JSON", false]].map(([title, wanted]) => h("button", { type: "button", role: "tab", click: () => turn(wanted), keydown: (event) => /Arrow(Left|Right)/.test(event.key) && turn(!asForm, true) }, title));

  function typed() {
    const { value, wrong } = parsed(area.value);
    unread.textContent = wrong ?? "";
    area.toggleAttribute("aria-invalid", Boolean(wrong));
    if (value) definition = value;
    opened?.check();
  }

  const readable = () => asForm || !unread.textContent;

  function turn(wanted, focus = false) {
    if (wanted !== asForm && !readable()) {
      area.focus();
      return;
    }
    asForm = wanted;
    tabs.forEach((tab, index) => {
      tab.setAttribute("aria-selected", String((index === 0) === asForm));
      tab.tabIndex = (index === 0) === asForm ? 0 : -1;
    });
    if (asForm) {
      form = new Form(definition, Boolean(shown), () => opened?.check());
      panel.replaceChildren(form.root);
    } else {
      area.value = text(definition);
      unread.textContent = "";
      panel.replaceChildren(json);
    }
    if (focus) tabs[asForm ? 0 : 1].focus();
    complain();
  }

  /** Each of Marathon's details at its field; in the JSON all of them, to be gone to. */
  function complain() {
    const left = asForm ? place(form.root, details) : [];
    found.replaceChildren(...details.map((each) => h("li", {}, h("button", { type: "button", class: "plain", click: () => go(each.path) }, each.path), `: ${each.errors.map(plain).join("; ")}`)));
    return left;
  }

  /** Mark in the JSON the name that a path ends with. */
  function go(path) {
    const names = [...path.matchAll(/[^/()]+/g)].map(([each]) => each).filter((each) => !/^\d+$/.test(each));
    let at = 0;
    let length = 0;
    for (const each of names) {
      const next = area.value.indexOf(`"${each}"`, at);
      if (next < 0) break;
      at = next;
      length = each.length + 2;
    }
    area.focus();
    area.setSelectionRange(at, at + length);
  }

  function wrong(error, say) {
    if (!(error instanceof Refused)) return false;
    details = error.details;
    if (error.status === 409 && !details.length) details = [{ path: "/id", errors: [error.message] }];
    const left = complain();
    const here = asForm ? details.length > left.length : details.length > 0;
    if (!here) return false;
    const count = details.length === 1 ? "This is not taken: see the field below." : `This is not taken: ${details.length} things are wrong, see the fields below.`;
    say([asForm ? count : "This is not taken.", ...left.map((each) => `${each.path}: ${each.errors.map(plain).join("; ")}`)].join("\n"));
    panel.querySelector("[aria-invalid]:not(:disabled), .wrong ~ input, .row:has(> .wrong) input")?.focus();
    return true;
  }

  /** Throws where somebody else has changed the app since it was opened here; once for each change. */
  async function unchanged() {
    const now = await kind.version(shown.id);
    if (now === version) return;
    version = now;
    throw new Error(`${shown.id} has been changed by somebody else at ${new Date(version).toLocaleString()}. What you deploy takes the place of that: look at it first (in another window), or deploy once more.`);
  }

  async function save(force) {
    details = [];
    complain();
    const body = definition;
    if (shown && !force) await unchanged();
    if (shown) await change("PUT", kind.path(shown.id), { body, query: kind.query, force });
    else await change("POST", kind.list, { body, force });
    const id = shown?.id ?? `/${String(body.id).replace(/^\/+|\/+$/g, "")}`;
    app.say(shown ? `${id} is deployed anew.` : `${id} is deployed.`);
    if (shown) await app.again();
    else location.hash = to(kind.link, id);
  }

  let opened = null;
  const body = [kind.form ? h("div", { role: "tablist", class: "switch", "aria-label": "How to edit" }, tabs) : null, panel];
  turn(asForm);
  opened = show({
    title: shown ? `Edit ${shown.id}` : kind.title,
    label: shown ? "Deploy the change" : "Create",
    size: "large",
    body,
    act: save,
    wrong,
    ready: () => readable() && (Boolean(shown) || /[^/]$/.test(String(definition.id ?? ""))),
    leave: () => (area.isConnected && unread.textContent) || text(definition) !== before ? "What you have changed is not deployed." : true,
  });
  panel.querySelector("input:not(:disabled), textarea")?.focus();
}
