"""How many seeded defects of the project's own experiment `windtunnel check` finds, and whether at the right file.

    python -m benchmarks.mutations --seed 0 --count 200 --json mutations.json

A mutant is the experiment (its seven files and its run configurations) with one defect that an operator put in: a key
dropped, a metric renamed on one side, a step of the training loop lost. Operators look for their sites in the syntax
tree or in the lines of a configuration, so that the experiment can change; one that finds no site is named. Operators
take turns in an order that the seed decides, each with a site that it has not used; one with no site left drops out.

Every operator makes a defect by construction, never an equivalent program: what it takes away is used, what it names
does not exist, what it adds is forbidden. Defects that only a run can show (wrong shapes, too little memory, a learning
rate that diverges) are left out: that a static reviewer is silent about them says nothing.

A mutant is caught if the check reports a blocker, an undecided question or a warning that the unmutated experiment does
not have, with an expected file as its place or among its related places. `noticed` counts those reported at any file.
The experiment itself, where it lies in the workspace, must have no blocker and no warning. Elsewhere one question about
it is open: which index provides its method's own package. It is asked of the mutants too, and does not count.
"""
