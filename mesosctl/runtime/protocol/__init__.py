"""The v1 protocol of Mesos: its messages as typed structs, and their encodings. No sockets, no state.

Messages: `basics`, `resources`, `containers`, `tasks`, `cluster`, `offers`, `statistics`, `maintenance` and `quota`
hold the common ones; `scheduler`, `executor`, `master` and `agent` the Calls, Events and Responses of the four APIs.
Their names are those of the `.proto` files: `scheduler.Call.Accept`, `Resource.DiskInfo.Source.Type`.
`wire` says how a message is defined, `codec` turns messages into bytes and back, `recordio` frames streams of them, and
`negotiation` reads and answers the headers.
"""
