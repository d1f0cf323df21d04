// Files of a master or an agent: directories to walk through, and a log that follows what is written to it.

import { ago, bytes, get, h, table } from "./ui.js";

const PIECE = 65536;
const KEPT = 2 ** 20;

const parent = (path) => path.replace(/\/+$/, "").replace(/\/[^/]*$/, "");
const name = (path) => path.replace(/\/+$/, "").split("/").pop();

/**
 * A view of the files below `base(…groups)`, the address of `/files` on the page's server. The parameter `path` names the
 * directory or file, `root` where the way up ends, `file` that it is a file.
 */
export function filesView(base, title) {
  return {
    seconds: 5,
    async load(app, ...groups) {
      const path = app.parameters.get("path") ?? "/";
      if (app.parameters.has("file")) return { path, file: true };
      return { path, entries: await get(`${base(...groups)}/browse`, { path }) };
    },
    draw(app, data, ...groups) {
      const head = h("h2", {}, title(...groups));
      const way = crumbs(app, data);
      if (data.file) return [head, way, follow(app, base(...groups), data.path)];
      const directory = (entry) => entry.mode.startsWith("d");
      return [head, way, table(app, "files", [
        ["Mode", (entry) => h("code", {}, entry.mode)],
        ["Owner", (entry) => `${entry.uid} ${entry.gid}`],
        ["Size", (entry) => (directory(entry) ? "" : bytes(entry.size)), "number"],
        ["Changed", (entry) => ago(entry.mtime)],
        ["Name", (entry) => h("a", { href: link(app, entry.path, !directory(entry)) }, name(entry.path), directory(entry) ? "/" : ""), "wide"],
        ["", (entry) => (directory(entry) ? "" : h("a", { href: download(base(...groups), entry.path), download: name(entry.path), "aria-label": `Download ${name(entry.path)}` }, "Download"))],
      ], data.entries, { text: (entry) => name(entry.path), empty: "The directory is empty." })];
    },
  };
}

const download = (base, path) => `${base}/download?${new URLSearchParams({ path })}`;

function link(app, path, isFile) {
  const parameters = new URLSearchParams({ path, root: app.parameters.get("root") ?? app.parameters.get("path") ?? "/" });
  if (isFile) parameters.set("file", "1");
  return `#${app.path}?${parameters}`;
}

/** The way from the root to what is shown. */
function crumbs(app, data) {
  const root = app.parameters.get("root") ?? data.path;
  const steps = [];
  for (let path = data.path; path.length > root.length && path.startsWith(root); path = parent(path)) steps.unshift(path);
  return h("p", {}, h("a", { href: link(app, root, false) }, root),
    steps.map((path, index) => [" / ", index === steps.length - 1 ? h("strong", {}, name(path)) : h("a", { href: link(app, path, false) }, name(path))]));
}

/** The end of a file, and what is added to it, until the view is left. */
function follow(app, base, path) {
  const text = h("pre", { class: "log", tabindex: "0", "aria-label": path, role: "log" });
  const stick = h("input", { type: "checkbox", checked: true, id: "follow" });
  const said = h("span", { class: "quiet" });
  const earlier = h("button", { type: "button", hidden: true, click: () => before() }, "Earlier lines");
  let from = null;
  let to = 0;
  let timer;
  let left = false;
  app.leave = () => { left = true; clearTimeout(timer); };

  const read = async (offset, length) => (await get(`${base}/read`, { path, offset, length })).data;

  async function before() {
    const start = Math.max(0, from - PIECE);
    const height = text.scrollHeight;
    text.prepend(await read(start, from - start));
    from = start;
    earlier.hidden = from === 0;
    stick.checked = false;
    text.scrollTop = text.scrollHeight - height;
  }

  async function more() {
    try {
      const size = (await get(`${base}/read`, { path, offset: -1 })).offset;
      if (from === null || size < to) {
        text.replaceChildren();
        from = to = Math.max(0, size - PIECE);
        earlier.hidden = from === 0;
      }
      while (to < size && !left) {
        const end = Math.min(size, to + PIECE);
        text.append(await read(to, end - to));
        to = end;
      }
      if (stick.checked) {
        while (text.childNodes.length > 1 && to - from > KEPT) {
          from += new TextEncoder().encode(text.firstChild.textContent).length;
          text.firstChild.remove();
          earlier.hidden = false;
        }
        text.scrollTop = text.scrollHeight;
      }
      said.textContent = size ? bytes(size) : "The file is empty.";
      app.complain("");
    } catch (error) {
      app.complain(error.message);
    }
    if (!left) timer = setTimeout(more, 1000);
  }

  more();
  return [h("div", { class: "tools" }, h("label", { for: "follow" }, stick, "Follow"), earlier,
    h("a", { href: download(base, path), download: name(path) }, "Download"), said), text];
}
