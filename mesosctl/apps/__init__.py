"""Apps on a Marathon from the operator's side: its REST API, definitions and their changes, deployments, logs.

Works with the Marathon that mesosctl ships and with any other from 1.5 on. Nothing here prints or knows the runtime.
"""
