from windtunnel.findings import Severity
from windtunnel.rules.base import Skip
from windtunnel.rules.registry import all_rules


def test_no_rule_objects_to_an_experiment_in_which_all_is_right(repo):
    looked_at = repo()
    objections = []
    for rule in all_rules():
        try:
            objections += [finding for finding in rule().check(looked_at) if finding.severity is not Severity.NOTE]
        except Skip:
            continue
    assert objections == []


def test_every_rehearsal_comes_to_its_end_without_a_crash(repo):
    looked_at = repo()
    traces = [*looked_at.rehearsals, looked_at.evaluation]
    assert len(traces) == 5
    assert [(trace.entry, trace.ended, trace.crashes) for trace in traces] == [(trace.entry, "", 0) for trace in traces]
