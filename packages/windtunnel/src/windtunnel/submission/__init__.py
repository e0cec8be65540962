"""A submission: the files under review, however they were handed in, read once and never written."""

from windtunnel.submission.load import load
from windtunnel.submission.model import Context, File, Problem, RunConfig, Submission

__all__ = ["Context", "File", "Problem", "RunConfig", "Submission", "load"]
