"""Exhaustive models of the protocols that durable workflows rest on.

`database.py` and `checker.py` run small programs in every possible order.
Each test module models one protocol: the rules as designed, from which no
violation may follow, and each rule broken, from which the known one must.

The tests name the rules that they support:

I1  One insert per step, with nothing read before it.
I2  The fence: an execution records only what its claim allows. For what must
    not happen after a cancel, claim and status are checked under the row lock.
I3  Checkpoints are written in groups, by a writer that waits for no row lock.
I4  A transaction step and its checkpoint commit together.
I5  An execution that suspends or hands over does so as a whole, and records
    nothing more.
I6  No lost wake-ups: publish, commit, wake; write WAITING, commit, look again.
I7  Hints are never the truth: each only says "look".
"""
