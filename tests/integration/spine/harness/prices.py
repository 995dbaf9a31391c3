"""What an attempt costs, worked out in fractions from the events alone: nothing here is of the program that is tested."""

import datetime
import json
from fractions import Fraction

DEFAULTS = {
    "gpu_hourly_usd": "0.25",
    "gpu_type_hourly_usd": '{"A100":0.35,"V100":0.25,"T4":0.15}',
    "cpu_only_hourly_usd": "0.10",
    "cpu_core_hourly_usd": "0.05",
    "memory_gb_hourly_usd": "0.01",
    "off_peak_window": "22:00-06:00 UTC",
    "off_peak_multiplier": "0.5",
    "urgent_multiplier": "1.5",
    "background_multiplier": "0.8",
    "spot_multiplier": "0.3",
    "spot_interruption_rate": "0.05",
}
HOUR = 3_600_000
DAY = 24 * HOUR
ALWAYS = -(10**18)


def milliseconds(text):
    """Of an RFC 3339 time in UTC."""
    return round(datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000)


def quantity(text):
    for suffix, unit in {"m": Fraction(1, 1000), "Ki": 2**10, "Mi": 2**20, "Gi": 2**30}.items():
        if text.endswith(suffix):
            return Fraction(text.removesuffix(suffix)) * unit
    return Fraction(text)


class Prices:
    """By the policy.changed events of the topic control, in their order."""

    def __init__(self, policies):
        self._entries = [(ALWAYS, DEFAULTS)]
        for policy in policies:
            begin = milliseconds(policy["effective_from"])
            self._entries = [entry for entry in self._entries if entry[0] == ALWAYS or entry[0] < begin]
            overrides = [
                (each["key"], each["value"], milliseconds(each["until"]) if each.get("until") else None)
                for each in policy.get("overrides", ())
                if each["key"] in DEFAULTS
            ]
            for time in sorted({begin, *(until for _, _, until in overrides if until and until > begin)}):
                rates = {**DEFAULTS, **policy["cost_model"]}
                rates.update({key: value for key, value, until in overrides if not until or time < until})
                self._entries.append((time, rates))

    def of(self, job, gpu_type, start, end):
        """(gpu, cpu, memory) in micro-dollars of an attempt of the job from start to end, in milliseconds."""
        sums = [Fraction(0)] * 3
        for (time, rates), later in zip(self._entries, [*self._entries[1:], (10**18, None)], strict=True):
            begin, stop = max(start, time), min(end, later[0])
            if begin < stop:
                hours = Fraction(_weighted(begin, stop, rates), HOUR)
                sums = [total + hours * rate for total, rate in zip(sums, _hourly(job, gpu_type, rates), strict=True)]
        return tuple(int(total * 1_000_000 + Fraction(1, 2)) for total in sums)


def _hourly(job, gpu_type, rates):
    resources = job["resources"]
    by_type = json.loads(rates["gpu_type_hourly_usd"], parse_float=Fraction, parse_int=Fraction)
    factor = Fraction(rates.get(job["priority"] + "_multiplier", "1"))
    if job["spot"]:
        factor *= Fraction(rates["spot_multiplier"])
    gpus = Fraction(str(resources.get("gpu_share", resources.get("gpus", 1))))
    gpu = gpus * by_type.get(gpu_type or resources.get("gpu_type", ""), Fraction(rates["gpu_hourly_usd"]))
    if gpus == 0:
        gpu = Fraction(rates["cpu_only_hourly_usd"])
    cpu = quantity(resources["cpu"]) * Fraction(rates["cpu_core_hourly_usd"])
    memory = quantity(resources["memory"]) / 2**30 * Fraction(rates["memory_gb_hourly_usd"])
    return [gpu * factor, cpu * factor, memory * factor]


def _weighted(begin, end, rates):
    """Milliseconds, those of the off-peak window by its multiplier."""
    hours, zone = rates["off_peak_window"].split()
    assert zone == "UTC", "these tests know no other zone"
    opens, closes = (int(text[:2]) * HOUR + int(text[3:]) * 60_000 for text in hours.split("-"))
    cheap = 0
    for day in range(begin // DAY - 1, end // DAY + 1):
        low = day * DAY + opens
        high = day * DAY + closes + (DAY if closes < opens else 0)
        cheap += max(0, min(end, high) - max(begin, low))
    return (end - begin - cheap) + cheap * Fraction(rates["off_peak_multiplier"])
