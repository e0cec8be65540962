"""What the report says in words of its own: what is asked, how it is measured, what was changed on the way."""

from __future__ import annotations

HEAD = """# Does GLoRA hold?

The hypothesis: GLoRA reaches what AdaLoRA reaches, 0.5 to 1.0 points above LoRA of uniform ranks, at the same total
rank and in LoRA's time (within 2 %). This page is made by `python -m benchmarks.study --report` from
[results.jsonl](results.jsonl) and [plan.yaml](plan.yaml) alone.

- *GLoRA* trains LoRA of equal ranks through a warm-up, and then reallocates once: the same total rank, shared among the
  matrices by the gradient norms seen until then. A matrix may be left without a rank. β is the decay of their moving
  average; *delta*, *lora_B* and *exact* are ways to estimate the norm.
- *Mean rank* is the total rank divided by the number of matrices.
- *Shuffled ranks* is GLoRA whose ranks go to matrices by chance; *reversed scores* gives most where GLoRA gives least;
  *equal ranks, moments reset* goes through the reallocation and ends with LoRA's ranks: these are controls.
- Grids: *core* is the hypothesis; *second* has controls and larger budgets; *same* is GLoRA at LoRA's learning rate;
  *lucky* has learning rates by single trials; *settings* has the method's own; *improve* and *fresh* are ideas, first
  on seeds of the core, then on new ones.
- What to bear in mind: equal total rank is not equal size, GLoRA has more parameters; *tasks together* averages points
  of accuracy and of Matthews' correlation; a run has {steps} steps, up to 60 % of which AdaLoRA still prunes. Intervals
  are of 95 % each and not adjusted for how many there are; p is, and decides.
"""
METHODS = """## How it was measured

- {backbone}, real weights, on {device}; {precision} in the forward pass; all linear layers of the encoder
  adapted, alpha / r = 2, the same head, epochs and batches in every arm.{widened}
- Real rows: {tasks}.{subsets}
- The learning rate is tuned for LoRA, AdaLoRA and GLoRA alike: {trials} trials of one seeded sequence, between {low:g}
  and {high:g} where nothing else is said, at mean rank {ranks}, on {fraction:.0%} of the training rows; no trial is
  scored on the reported split. The rate is taken that is best on average over its {nearest} nearest trials and at most
  1/{margin:g} of the lowest above the best trial that failed or was given up. A trial failed if it came less than half
  the way from its search's worst value to its best. Other arms take their method's rate, and all mean ranks have the
  one rate that was tuned at mean rank {ranks}.
- GLoRA reallocates, and AdaLoRA begins to prune, after {share:.0%} of the steps. The score is the last epoch's.
- AdaLoRA is PEFT's: it starts with 1.5 times the ranks that are left in the end, rounded up in every matrix, has
  pruned when 60 % of the steps are made, beta 0.85, orthogonal regularisation 0.1. Its new components start from 0.
- Differences are paired over seeds, Matthews' correlation counted in points as in GLUE's average. p is of the paired
  t-test, adjusted by Holm over each table, where all tasks together are one family and single tasks another.
  *detectable* is the true difference that would have been significant four times in five, were it the only one of its
  family (p below 0.05 divided by the family's rows), given the spread of all comparisons with the same arm on the same
  task.
- What is not significant is undecidable here, and never no difference. Only against LoRA a second test is made, of the
  predicted {least} points instead of none: where a difference is significantly below it, adjusted by Holm over the
  table's comparisons with LoRA, and no more than {most} is detectable, the predicted gain is called excluded. Where no
  more than the interval, which is not adjusted, ends below {least}, that is said.
- Intervals and p-values are of seeds: they say what other seeds would give on the same rows. *± rows* is the standard
  error of a difference by the choice of the rows that are measured on, in points of accuracy. It is not told of
  correlations, nor where answers were not kept.
- In figures of differences a line is the 95 % interval, a filled point is significant, the shaded range the prediction.
{repeated}{versions}- {runs} runs and {trials_run} trials, {hours:.1f} hours of one core. A run may count in several
  grids.

GLUE and SNLI come from the hub (`nyu-mll/glue`, `stanfordnlp/snli`); put each split under `<task>/<split>.parquet` and
give the folder with `--data`.
"""
SUBSETS = """
  SST-2's training rows are a subset of 6,000, `random.Random(0).sample` of the split in its order. MRPC is measured on
  its test split, whose labels are public. Of SNLI the validation split is trained on and the test split measured, which
  makes it no result on SNLI's own terms, and it is not MNLI."""
WIDENED = """
  {count} of the runs were made on a processor without bf16 instructions ({told}): there products of bf16 matrices are
  computed in fp32 and rounded, as those instructions do it."""
CHANGED = """## What was changed after results were seen

- After SST-2's first runs: a learning rate is judged with its neighbours, for every method, and SST-2 was run again.
  Of the methods it changed GLoRA's rate alone there, in its favour: see the section on the best single trial.
- After SST-2: the second task of the grids is SNLI, which has the most rows to measure on; it is trained for one epoch
  instead of two; the other tasks' rates end at half of SST-2's highest, where training had failed; MRPC is measured on
  its test split; attention is computed by the implementation that is faster on this machine; each row's answer is kept,
  for *± rows*. Of the other tasks a few trials of searches were known.
- After SNLI's first seeds: a rate keeps a margin to those at which training failed, for every method. LoRA at mean rank
  2 had learned nothing on SNLI with each seed at a rate that its single trial had stood. No other rate changed by it;
  at mean rank 1 LoRA had been better at that rate on the three seeds, see the section on replaced rates.
- After SNLI's searches: AdaLoRA's rates reach higher on SNLI, where its best one was the highest that was tried, and on
  the tasks that were not searched yet.
- When the core runs on SST-2, CoLA and SNLI were known, and before any of the runs concerned: SNLI is left out of all
  grids but core and same, for want of hours. It was to be the second task of those grids; SST-2 is now their only one.
- The families of Holm's adjustment and the pooled spread behind *detectable* were settled after SST-2's results; the
  second analysis, whose tasks are weighted, after those of SNLI and CoLA's first seeds.
- What is called excluded was settled after the same results. When MRPC's first seeds were known a condition was added,
  the second test, and it is said where the interval alone lies below the prediction; no verdict turned by it.
- After the first searches of LoRA and AdaLoRA on RTE, which were of 3 epochs: a trial counts as failed by its search's
  other trials. Before it was by the majority class of the reported split, and AdaLoRA was left with the second worst
  rate of that search for it. No other task's rates changed.
- After 12 runs of RTE's core grid with 3 epochs, in which AdaLoRA was not above the majority class: RTE has 10 epochs,
  and LoRA's and GLoRA's rates are searched between 0.0002 and 0.004 there, for more steps want smaller ones.
- When RTE's first runs were known: a run is said to have learned nothing where it predicts one class alone. Before it
  was where it scored at most as high as the majority class, which on RTE is often chance. In the other tasks' runs that
  count neither happened.
"""
