"""What makes a call, a framework, a task or the offers of an accept invalid, in the words of Mesos."""
