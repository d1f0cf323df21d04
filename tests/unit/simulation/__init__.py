"""A cluster in one thread: the real state machines of masters, agents and executors on a simulated clock and network.

One seed is one run, which ends in the same way however often it is repeated.
"""
