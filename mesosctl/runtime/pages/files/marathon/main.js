// Marathon's page: applications, deployments, the queue, and this Marathon itself.

import { about } from "./about.js";
import { configuration, debug, instance, instances } from "./app.js";
import { apps } from "./apps.js";
import { deployments } from "./deployments.js";
import { LiveApp } from "./live.js";
import { pod } from "./pods.js";
import { queue } from "./queue.js";

new LiveApp([
  ["/", apps],
  ["/groups/([^/]+)", apps],
  ["/apps/([^/]+)", instances],
  ["/apps/([^/]+)/configuration", configuration],
  ["/apps/([^/]+)/debug", debug],
  ["/apps/([^/]+)/instances/([^/]+)", instance],
  ["/pods/([^/]+)", pod],
  ["/deployments", deployments],
  ["/queue", queue],
  ["/about", about],
]).start();
