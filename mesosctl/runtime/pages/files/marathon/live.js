// The page kept up to date by Marathon's events. Where there are none (a tab in the background, a Marathon that does not
// lead, a connection that is lost) it asks from time to time.

import { App } from "../ui.js";
import { throughAnother } from "./api.js";

const EVENTS = [
  "app_terminated_event", "deployment_failed", "deployment_info", "deployment_step_success", "deployment_success",
  "group_change_success", "health_status_changed_event", "instance_changed_event", "instance_health_changed_event",
  "status_update_event", "unknown_instance_terminated_event",
];
const SOURCE = `../v2/events?${new URLSearchParams([["plan-format", "light"], ...EVENTS.map((kind) => ["event_type", kind])])}`;

const SECONDS = { events: 10, asking: 3 };
const GATHER_MS = 250;
const SAID_MS = 8000;

export class LiveApp extends App {
  constructor(routes) {
    super(routes);
    this.link = document.querySelector("#link");
    this.said = document.querySelector("#said");
    this.took = 0;
  }

  start() {
    document.addEventListener("visibilitychange", () => document.hidden && this.hangUp());
    super.start();
  }

  async refresh(round) {
    const began = performance.now();
    await super.refresh(round);
    this.took = performance.now() - began;
    if (document.hidden) return;
    const answered = this.alert.hidden;
    if (answered && !throughAnother) this.listen();
    if (!answered && !this.source) this.tell("lost", "Not connected");
    else if (answered && throughAnother) this.tell("asking", "Live, through another Marathon");
  }

  draw() {
    super.draw();
    const title = this.main.querySelector("h2")?.textContent;
    document.title = title ? `${title} · Marathon` : "Marathon";
  }

  /** Ask again after a change of one's own. */
  async again() {
    await this.refresh(this.round);
  }

  /** Tell the user what was done. */
  say(text) {
    this.said.textContent = text;
    this.said.hidden = false;
    clearTimeout(this.silence);
    this.silence = setTimeout(() => { this.said.hidden = true; }, SAID_MS);
  }

  listen() {
    if (this.source) return;
    this.source = new EventSource(SOURCE);
    this.source.onopen = () => {
      this.seconds = SECONDS.events;
      this.tell("live", "Live");
    };
    this.source.onerror = () => {
      this.hangUp();
      this.changed();
    };
    for (const kind of EVENTS) this.source.addEventListener(kind, () => this.changed());
  }

  hangUp() {
    this.source?.close();
    this.source = null;
    this.seconds = SECONDS.asking;
    this.tell("lost", "Connecting…");
  }

  /** Something happened: ask once for what comes together, and never faster than the answers come. */
  changed() {
    this.stale = true;
    if (this.gathering) return;
    this.gathering = true;
    setTimeout(async () => {
      this.stale = false;
      await this.refresh(this.round);
      this.gathering = false;
      if (this.stale) this.changed();
    }, Math.max(GATHER_MS, 3 * this.took));
  }

  tell(kind, text) {
    if (this.link.textContent === text) return;
    this.link.className = `link ${kind}`;
    this.link.textContent = text;
  }
}
