#include "workers/console/listing.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "schemas/text.hpp"
#include "workers/console/job_json.hpp"

namespace oppen::console {
namespace {

using nlohmann::json;

Result<queue::Page> read_section(QueueView& queue, const std::string& section,
                                 const std::string& cursor, int limit) {
  if (section == "queued") return queue.queued(cursor, limit);
  if (section == "live") return queue.live(cursor, limit);
  return queue.ended(cursor, limit);
}

// Adds a page's jobs. Queued ones come in order, so only the first one's position has to be asked
// for.
Status append(QueueView& queue, const queue::Page& page, json& jobs) {
  std::optional<std::int64_t> position;
  for (const auto& record : page.jobs) {
    if (record.state == JobState::queued && !position) {
      const auto asked = queue.position(record);
      if (!asked) return fail(asked.error());
      position = *asked;
    }
    jobs.push_back(job_summary(record, record.state == JobState::queued ? position : std::nullopt));
    if (position) ++*position;
  }
  return {};
}

}  // namespace

Result<json> list_jobs(QueueView& queue, const std::vector<std::string>& sections,
                       const Paging& paging) {
  auto section = sections.begin();
  std::string cursor;
  if (!paging.cursor.empty()) {
    const auto colon = std::min(paging.cursor.find(':'), paging.cursor.size());
    section = std::find(sections.begin(), sections.end(), paging.cursor.substr(0, colon));
    if (section == sections.end() || colon == paging.cursor.size()) {
      return fail(ErrorKind::invalid, "cursor is \"" + shortened(paging.cursor) +
                                          "\": expected the next_cursor of an earlier page");
    }
    cursor = paging.cursor.substr(colon + 1);
  }
  json jobs = json::array();
  while (section != sections.end()) {
    const int room = paging.limit - static_cast<int>(jobs.size());
    if (room == 0) return json{{"jobs", std::move(jobs)}, {"next_cursor", *section + ":" + cursor}};
    const auto page = read_section(queue, *section, cursor, room);
    if (!page) return fail(page.error());
    if (const auto added = append(queue, *page, jobs); !added) return fail(added.error());
    cursor = page->next;
    if (cursor.empty()) ++section;
  }
  return json{{"jobs", std::move(jobs)}, {"next_cursor", ""}};
}

Result<std::vector<queue::JobRecord>> all_live(QueueView& queue) {
  std::vector<queue::JobRecord> all;
  std::string cursor;
  do {
    auto page = queue.live(cursor, max_page);
    if (!page) return fail(page.error());
    std::move(page->jobs.begin(), page->jobs.end(), std::back_inserter(all));
    cursor = page->next;
  } while (!cursor.empty());
  return all;
}

}  // namespace oppen::console
