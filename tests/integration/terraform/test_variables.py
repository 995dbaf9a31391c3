"""A variable changes its own field and no other; a value that cannot be is refused before anything is touched, with the name of
the variable, the value and what was expected."""

import pytest
from cluster import GPUS, differences, meaning, versions

POLICIES, COSTS = "ConfigMap/scheduling-policies", "ConfigMap/cost-model"
QUOTA, BACKGROUND = "ResourceQuota/ml-training-quota", "ResourceQuota/ml-training-background-quota"
LIMITS, CLASS = "LimitRange/ml-training-limits", "PriorityClass"

CHANGES = [
    ({"max_concurrent_jobs": 5}, POLICIES, {"data.max_concurrent_jobs": "5"}),
    ({"backfill_enabled": True}, POLICIES, {"data.backfill_enabled": "true"}),
    ({"further_scheduling_policies": {"max_batch_jobs": "500"}}, POLICIES, {"data.max_batch_jobs": "500"}),
    ({"model_catalog": '{"a":{"image":"b:1"}}'}, POLICIES, {"data.model_catalog": '{"a":{"image":"b:1"}}'}),
    ({"gpu_hourly_usd": 0.000001}, COSTS, {"data.gpu_hourly_usd": "0.000001"}),
    ({"gpu_type_hourly_usd": {"H100": 2.5}}, COSTS, {"data.gpu_type_hourly_usd": '{"H100":2.5}'}),
    ({"off_peak_window": "00:00-24:00 Europe/Berlin"}, COSTS, {"data.off_peak_window": "00:00-24:00 Europe/Berlin"}),
    ({"quota": {"gpus": 4}}, QUOTA, {f"spec.hard.{GPUS}": "4"}),
    ({"background_quota": {"gpus": 0}}, BACKGROUND, {f"spec.hard.{GPUS}": "0"}),
    ({"pod_limit": {"gpus": 2}}, LIMITS, {"spec.limits.0.max.nvidia.com/gpu": "2"}),
    ({"priority_values": {"urgent": 2000}}, f"{CLASS}/urgent", {"value": 2000}),
    ({"normal_is_global_default": False}, f"{CLASS}/normal", {"globalDefault": None}),
]


@pytest.mark.parametrize(("variables", "name", "fields"), CHANGES, ids=[next(iter(change[0])) for change in CHANGES])
def test_a_variable_changes_its_own_field_alone(scheduling, cluster, variables, name, fields):
    cluster.wait_for_counts()
    before = cluster.objects()
    scheduling.apply(**variables)
    after = cluster.objects()
    assert differences(meaning(before), meaning(after)) == {f"{name}.{path}": value for path, value in fields.items()}
    touched = {each for each, version in versions(after).items() if version != versions(before)[each]}
    assert touched == {name}
    scheduling.apply()
    assert meaning(cluster.objects()) == meaning(before)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("namespace", "Training", 'namespace is "Training": expected 1 to 46 of a-z'),
        ("priority_values", {"background": 500}, "expected urgent above normal above background"),
        ("quota", {"gpus": 1.5}, "quota.gpus is 1.5: expected a whole number of 0 or more"),
        ("quota", {"memory": "32 GB"}, 'quota.memory is "32 GB": expected an amount of memory, such as 32Gi'),
        ("background_quota", {"gpus": 3}, "background_quota.gpus is 3: expected a whole number from 0 to quota.gpus (2)"),
        ("pod_limit", {"cpu": "eight"}, 'pod_limit.cpu is "eight": expected cores'),
        ("container_default", {"memory": "-1Gi"}, 'container_default.memory is "-1Gi": expected an amount of memory'),
        ("max_concurrent_jobs", 0, "max_concurrent_jobs is 0: expected a whole number from 1 to 100000"),
        ("gpu_utilization_target", 95, "gpu_utilization_target is 95: expected a whole number from"),
        ("default_priority", "high", 'default_priority is "high": expected urgent, normal or background'),
        ("model_catalog", '{"mnist":{}}', "model_catalog is "),
        ("further_scheduling_policies", {"model_catalog": "{}"}, "further_scheduling_policies has the keys model_catalog"),
        ("gpu_hourly_usd", -1, "gpu_hourly_usd is -1: expected a number from 0 to 1000000"),
        ("gpu_hourly_usd", "0.0000001", "expected a number from 0 to 1000000 with at most 6 decimals"),
        ("gpu_type_hourly_usd", {"A100": -0.35}, "expected a number from 0 to 1000000 with at most 6 decimals for each"),
        ("off_peak_window", "22-6", 'off_peak_window is "22-6": expected HH:MM-HH:MM and an IANA time zone'),
        ("spot_interruption_rate", 2, "spot_interruption_rate is 2: expected a number from 0 to 1 "),
    ],
)
def test_a_value_that_cannot_be_is_refused(scheduling, name, value, said):
    assert said in scheduling.refusal(**{name: value})
