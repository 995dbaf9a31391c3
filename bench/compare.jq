# Two results of bench/run side by side: jq -nr --slurpfile old A --slurpfile new B -f compare.jq, as columns.
def figures:
  .claims[] | .claim as $claim | .measures[] | select(.role != "ratio") | .name as $name | .unit as $unit
  | to_entries[] | select(.key | IN("p50", "p90", "p99", "max", "value"))
  | {key: "\($claim): \($name), \(.key)", value: {figure: .value, unit: $unit}};
def rounded: if . == null then "-" elif . >= 100 then round else . * 1000 | round / 1000 end;

([$old[0] | figures] | from_entries) as $before
| ["figure", "before", "now", "unit", "now/before"],
  ($new[0] | figures
   | $before[.key].figure as $was
   | [.key, ($was | rounded), (.value.figure | rounded), .value.unit,
      (if $was == null or $was == 0 then "-" else .value.figure / $was * 100 | round / 100 end)])
| @tsv
