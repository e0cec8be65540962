"""The study: does GLoRA hold what its hypothesis predicts? Run, resumed and reported from rows alone."""
