// A definition as a form sees it: values found and set by the paths that Marathon's errors name, such as
// `/container/docker/image` or `/healthChecks(0)/path`.

import { h } from "../ui.js";
import { plain } from "./api.js";

const keys = (path) => [...path.matchAll(/[^/()]+/g)].map(([key]) => (/^\d+$/.test(key) ? Number(key) : key));

export const valueAt = (definition, path) => keys(path).reduce((held, key) => held?.[key], definition);

/** Set it, making what it is in; undefined takes it out, and the objects that are empty then. */
export function setAt(definition, path, value) {
  const way = keys(path);
  const last = way.pop();
  const holders = [definition];
  for (const [index, key] of way.entries()) {
    const holder = holders[index];
    if (holder[key] === undefined || holder[key] === null) {
      if (value === undefined) return;
      holder[key] = typeof (way[index + 1] ?? last) === "number" ? [] : {};
    }
    holders.push(holder[key]);
  }
  const holder = holders.at(-1);
  if (value !== undefined) holder[last] = value;
  else if (!Array.isArray(holder)) delete holder[last];
  else if (last === holder.length - 1) holder.pop();
  else if (last < holder.length) holder[last] = "";
  for (let index = way.length - 1; index >= 0 && value === undefined; index -= 1) {
    const held = holders[index + 1];
    if (Object.keys(held).length || Array.isArray(holders[index])) break;
    delete holders[index][way[index]];
  }
}

let made = 0;

function labelled(label, input, path, { hint = null, className = "field" } = {}) {
  made += 1;
  const id = `field-${made}`;
  input.id = id;
  const check = input.type === "checkbox";
  const name = h("label", { for: id, class: check ? "check" : null }, check ? [input, label] : label);
  return h("div", { class: className, "data-path": path }, name, check ? null : input, hint ? h("small", { class: "quiet" }, hint) : null);
}

/** What is typed, as JSON has it. What is no number stays as it is, for Marathon to say so. */
function typed(input) {
  if (input.type === "checkbox") return input.checked || undefined;
  if (input.value === "") return input.validity.badInput ? "" : undefined;
  return input.type === "number" ? Number(input.value) : input.value;
}

/** A field for the value at a path of `form.definition`. `form.changed()` is called when it changes. */
export function field(form, label, path, { kind = "text", hint, className, multiline = false, disabled = false, placeholder = null, list = null } = {}) {
  const value = valueAt(form.definition, path);
  const text = value === undefined || value === null ? "" : String(value);
  const common = { disabled, placeholder, autocomplete: "off", spellcheck: "false", input: () => { setAt(form.definition, path, typed(input)); form.changed(); } };
  let input;
  if (list) {
    const chosen = text || placeholder;
    input = h("select", common, list.map(([each, words]) => h("option", { value: each, selected: each === chosen }, words)));
    if (!list.some(([each]) => each === chosen)) input.append(h("option", { value: text, selected: true }, text || "–"));
  } else if (multiline) input = h("textarea", { ...common, rows: 2 }, text);
  else if (kind === "check") input = h("input", { ...common, type: "checkbox", checked: value === true });
  else input = h("input", { ...common, type: kind, step: kind === "number" ? "any" : null, value: text });
  return labelled(label, input, path, { hint, className });
}

/** A choice that does more than set a value: `chosen(value)`. */
export function choice(label, path, values, value, chosen) {
  const input = h("select", { change: () => chosen(input.value) }, values.map(([each, words]) => h("option", { value: each, selected: each === value }, words)));
  return labelled(label, input, path);
}

export const row = (cells, remove, words) => h("div", { class: "row" }, cells,
  h("button", { type: "button", class: "remove", "aria-label": words, title: words, click: remove }, "×"));

/** Names and texts, such as the environment's. What is no text (a secret) can be taken out only. */
export function pairs(form, path, words) {
  const list = Object.entries(valueAt(form.definition, path) ?? {});
  const box = h("div", { class: "rows", "data-path": path });

  function keep() {
    const named = list.filter(([key]) => key !== "");
    setAt(form.definition, path, named.length ? Object.fromEntries(named) : undefined);
    for (const [index, each] of [...box.querySelectorAll(".row")].entries()) {
      const again = list.findIndex(([key]) => key !== "" && key === list[index][0]) !== index && list[index][0] !== "";
      mark(each, again ? ["The same name is above: this value is taken."] : []);
    }
    form.changed();
  }

  function draw(focus = false) {
    const cells = (pair, index) => {
      const [key, value] = pair;
      const input = (label, place, text) => h("input", {
        "aria-label": `${label} of ${words} ${index + 1}`, placeholder: label, autocomplete: "off", spellcheck: "false", value: text,
        input: (event) => { pair[place] = event.target.value; keep(); },
      });
      const content = typeof value === "string" ? input("Value", 1, value) : h("code", {}, JSON.stringify(value));
      const made = row([input("Name", 0, key), content], () => { list.splice(index, 1); keep(); draw(); }, `Remove ${words} ${index + 1}`);
      made.dataset.path = `${path}(${key})`;
      return made;
    };
    box.replaceChildren(...list.map(cells), h("button", { type: "button", click: () => { list.push(["", ""]); draw(true); } }, `Add ${words}`));
    if (focus) box.querySelector(".row:last-of-type input").focus();
    else if (box.contains(document.activeElement) === false && box.isConnected) box.lastChild.focus();
  }

  draw();
  return box;
}

/** A list of things with several fields. `make()` gives a new one, `cells(path, index)` its fields. */
export function rows(form, path, words, make, cells) {
  const list = valueAt(form.definition, path) ?? [];
  const redraw = (index) => {
    form.changed();
    form.draw();
    const box = form.root.querySelector(`[data-path="${CSS.escape(path)}"]`);
    (box.querySelectorAll(".row")[index]?.querySelector("input, select") ?? box.querySelector("button:last-child")).focus();
  };
  const add = () => {
    setAt(form.definition, path, [...list, make()]);
    redraw(list.length);
  };
  const remove = (index) => {
    setAt(form.definition, path, list.length > 1 ? list.filter((_, each) => each !== index) : undefined);
    redraw(Infinity);
  };
  return h("div", { class: "rows", "data-path": path },
    list.map((_, index) => {
      const made = row(cells(`${path}(${index})`, index), () => remove(index), `Remove ${words} ${index + 1}`);
      made.dataset.path = `${path}(${index})`;
      return made;
    }),
    h("button", { type: "button", click: add }, `Add ${words}`));
}

/** Put messages at a field or a row, in place of those that are there. */
export function mark(place, messages) {
  place.querySelector(":scope > .wrong")?.remove();
  const inputs = place.classList.contains("field") ? place.querySelectorAll("input, select, textarea") : [];
  for (const input of inputs) {
    input.removeAttribute("aria-invalid");
    input.removeAttribute("aria-describedby");
  }
  if (!messages.length) return;
  made += 1;
  const said = h("p", { class: "wrong", id: `wrong-${made}` }, messages.map(plain).join("; "));
  place.append(said);
  for (const input of inputs) {
    input.setAttribute("aria-invalid", "true");
    input.setAttribute("aria-describedby", said.id);
  }
}

/** The path as definitions of this release have it: ports stood in `docker` before. */
const current = (path) => path.replace("/docker/portMappings", "/portMappings");

/** Put each of Marathon's details at the field, row or list that it is about. Gives those that have no place there. */
export function place(root, details) {
  const places = new Map([...root.querySelectorAll("[data-path]")].map((each) => [current(each.dataset.path), each]));
  for (const each of places.values()) mark(each, []);
  const messages = new Map();
  const left = [];
  for (const { path, errors } of details) {
    let at = current(path);
    const inside = [...places.keys()].filter((each) => each.startsWith(`${at}/`));
    if (!places.has(at) && inside.length === 1) at = inside[0];
    while (at && !places.has(at)) at = at.replace(/(?:\/[^/(]*|\([^)]*\))$/, "");
    if (at) messages.set(at, [...(messages.get(at) ?? []), ...(at.startsWith(current(path)) ? errors : errors.map((error) => `${current(path).slice(at.length + 1)} ${plain(error)}`))]);
    else left.push({ path, errors });
  }
  for (const [at, said] of messages) mark(places.get(at), said);
  return left;
}
