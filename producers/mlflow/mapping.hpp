#pragma once
// Where in an MLflow run the fields of our events stand: a table, from which runs become events. Immutable once read; any thread.
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "producers/mlflow/run.hpp"
#include "schemas/error.hpp"
#include "schemas/runs.hpp"

namespace oppen::mlflow {

// What is to be known of a run that has ended to say what its cost was worth.
struct Outcome {
  std::string attempt;  // whose cost it is: "JOB_ID/ATTEMPT", or the id of a run from outside
  int epochs = 0;       // that were finished; 0: nobody said
  std::optional<double>
      improvement_percent;  // of metrics.accuracy over baseline_metric, where both are told
};

class Mapping {
 public:
  // The table that holds where nothing else is said, as JSON text.
  static std::string_view usual_text();
  static Mapping usual();

  // {"fields": {"epochs": ["param:epochs", "tag:epochs", "value:10"], ...}, "metrics": {"accuracy": ["acc", "val_acc"], ...}}
  // A field is the first of its sources that the run has: a parameter, a tag, a metric's last value, or a value for all runs. What the text
  // names replaces the usual entry of that name; [] takes it away. Errors: invalid, naming entry and value.
  static Result<Mapping> parse(std::string_view text);
  static Result<Mapping> from_file(const std::string& path);

  // Of a run that has ended. The errors name each field that is missing or malformed, with its value and where it was looked for.
  tl::expected<RunCompleted, FieldErrors> completed(const Run& run) const;

  // Of a run that goes on; nullopt when it is of no job, since progress is told of jobs alone.
  tl::expected<std::optional<RunProgress>, FieldErrors> progress(const Run& run) const;

  // nullopt: it can't be told of which attempt the run is. Other fields that are malformed count as absent.
  std::optional<Outcome> outcome(const Run& run) const;

 private:
  struct Source {
    enum class Kind { param, tag, metric, value } kind = Kind::param;
    std::string name;  // of a value: the value
    std::string text() const;
  };
  class Reader;
  Status add(std::string_view text);

  std::map<std::string, std::vector<Source>> fields_;
  std::map<std::string, std::vector<std::string>> metrics_;  // ours -> MLflow's
};

}  // namespace oppen::mlflow
