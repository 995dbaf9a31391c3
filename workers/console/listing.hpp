#pragma once
// Lists of jobs, page by page. Pure functions over the queue, any thread.
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "workers/console/params.hpp"
#include "workers/console/queue_view.hpp"

namespace oppen::console {

// {"jobs":[...],"next_cursor":"..."}: the jobs of the sections `queued`, `live` or `ended`, one
// section after the other. A cursor is "<section>:<the reader's own>". Errors: invalid (a cursor
// that no page gave), unavailable.
Result<nlohmann::json> list_jobs(QueueView& queue, const std::vector<std::string>& sections,
                                 const Paging& paging);

// All live jobs.
Result<std::vector<queue::JobRecord>> all_live(QueueView& queue);

}  // namespace oppen::console
