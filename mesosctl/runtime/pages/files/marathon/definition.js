// An app's or a pod's definition, apart from what Marathon tells of it besides.

/** What Marathon adds to a definition when it shows an app. */
const ADDED = ["version", "versionInfo", "tasks", "tasksStaged", "tasksRunning", "tasksHealthy", "tasksUnhealthy", "deployments", "lastTaskFailure", "readinessCheckResults", "taskStats"];

/** The definition in what Marathon shows of an app. */
export const definition = (app) => Object.fromEntries(Object.entries(app).filter(([name]) => !ADDED.includes(name)));
