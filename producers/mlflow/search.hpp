#pragma once
// Searches in MLflow, page by page. Functions without state; one thread per Api.
#include <functional>
#include <string>
#include <vector>

#include "producers/mlflow/api.hpp"
#include "producers/mlflow/run.hpp"

namespace oppen::mlflow {

struct Experiment {
  std::string id;
  std::string name;
};

// All that are active. Errors as of Api::post.
Result<std::vector<Experiment>> active_experiments(Api& api);

// The active runs of `experiment_ids` (not empty) that `filter` lets through, MLflow's filter text. `take` gets them page by page, at most
// `page_size` at once; its error ends the search and is returned. The oldest ends come first, so what ends meanwhile is added behind what
// has been read; still, a run that is deleted meanwhile moves the others, and one of them may be left out: it is found by the next search.
// What is no run is told to `take` as nullopt. Errors: also as of Api::post; too large a page is asked for again in smaller ones.
using TakePage = std::function<Status(const std::vector<std::optional<Run>>&)>;
Status search_runs(Api& api, const std::vector<std::string>& experiment_ids,
                   const std::string& filter, int page_size, const TakePage& take);

}  // namespace oppen::mlflow
