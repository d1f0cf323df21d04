// Questions to the user: what is to be done, a name typed where it cannot be taken back, and what Marathon says to it.

import { h } from "../ui.js";
import { plain, Refused } from "./api.js";

/**
 * Shows a dialog until it is closed. `act(force)` does what it is about: what it throws is shown, and where deployments
 * are in the way the button offers to force. `wrong(error)`, if given, puts an error in its place itself and says so.
 */
export function show({ title, body, label, act, kind = "primary", size = "", ready = () => true, wrong = () => false, leave = () => true, extra = [] }) {
  const opener = document.activeElement?.dataset?.key;
  const alert = h("div", { class: "error", role: "alert", hidden: true });
  const submit = h("button", { type: "submit", class: kind }, label);
  const cancel = h("button", { type: "button", click: () => asked() && dialog.close() }, "Cancel");
  const heading = h("h2", { id: "dialog-title" }, title);
  let force = false;

  function complain(...content) {
    alert.replaceChildren(...content);
    alert.hidden = !content.length;
    if (content.length) alert.scrollIntoView({ block: "nearest" });
  }

  /** Whether it may be closed. */
  function asked() {
    const reason = leave();
    if (reason === true) return true;
    complain(`${reason} `, h("button", { type: "button", click: () => dialog.close() }, "Discard"));
    return false;
  }

  const check = () => { submit.disabled = !ready(); };

  async function go(event) {
    event.preventDefault();
    if (submit.disabled) return;
    submit.disabled = true;
    complain();
    try {
      await act(force);
      dialog.close();
      return;
    } catch (error) {
      force = error instanceof Refused && error.deployments.length > 0;
      submit.textContent = force ? "Force it" : label;
      submit.className = force ? "danger" : kind;
      if (force) complain(`In the way: deployment ${error.deployments.join(", ")}. Wait until it has ended, or force this: it takes that deployment's place.`);
      else if (!wrong(error, complain)) complain(worded(error));
    }
    check();
    if (force) submit.focus();
  }

  const dialog = h("dialog", { class: size, "aria-labelledby": "dialog-title", close: closed },
    h("form", { submit: go, input: check, novalidate: true }, heading, alert, h("div", { class: "body" }, body), h("div", { class: "buttons" }, extra, cancel, submit)));
  dialog.addEventListener("cancel", (event) => { if (!asked()) event.preventDefault(); });

  function closed() {
    dialog.remove();
    const again = opener && document.querySelector(`[data-key="${CSS.escape(opener)}"]`);
    (again ?? document.querySelector("main")).focus({ preventScroll: true });
  }

  document.body.append(dialog);
  check();
  dialog.showModal();
  return { dialog, check, complain };
}

/** An error in words. */
function worded(error) {
  const details = (error.details ?? []).map((each) => `${each.path}: ${each.errors.map(plain).join(", ")}`);
  return [error.message, ...details].join("\n");
}

/** A question of yes or no. With `typed`, that text has to be typed first. */
export function ask({ title, text, label, act, kind, typed = null, body = [] }) {
  const field = typed && h("input", { id: "typed", autocomplete: "off", spellcheck: "false", autofocus: true });
  show({
    title,
    label,
    act,
    kind,
    size: "small",
    body: [text ? h("p", {}, text) : null, body, field ? h("p", {}, h("label", { for: "typed" }, "To go on, type ", h("strong", {}, typed)), field) : null],
    ready: () => !field || field.value.trim() === typed,
  });
}
