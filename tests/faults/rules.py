"""The promises of docs/guarantees.md as checks of a history. Each rule is a function that yields (subject, what is wrong) for
each breach; its name is the promise's name."""

import dataclasses

import end_rules
import event_rules
import feature_rules
import pod_rules


@dataclasses.dataclass(frozen=True)
class Breach:
    rule: str
    subject: str  # a job, a batch, or another thing of the history
    what: str


RULES = {
    function.__name__: function
    for module in (event_rules, pod_rules, feature_rules, end_rules)
    for name, function in vars(module).items()
    if callable(function) and getattr(function, "is_rule", False)
}


def check(history):
    """All breaches, in the order of the rules."""
    return [Breach(name, subject, what) for name, rule in RULES.items() for subject, what in rule(history)]


def report(history, breaches, stories=3):
    """For a person: the seed, each breach, and the whole history of the first jobs concerned."""
    lines = [f"seed {history.meta.get('seed')}: {len(breaches)} breaches"]
    for breach in breaches[:40]:
        lines.append(f"  {breach.rule}: {breach.subject}: {breach.what}")
    if len(breaches) > 40:
        lines.append(f"  and {len(breaches) - 40} more")
    for subject in list(dict.fromkeys(breach.subject for breach in breaches))[:stories]:
        lines.append(f"--- everything about {subject}, seed {history.meta.get('seed')}")
        lines.append(history.story(subject))
    return "\n".join(lines)
