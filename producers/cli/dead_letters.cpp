#include "producers/cli/dead_letters.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "schemas/topics.hpp"

namespace oppen::cli {
namespace {

using nlohmann::json;

}  // namespace

DeadLetter to_dead_letter(const client::ConsumedRecord& record) {
  DeadLetter letter;
  letter.offset = record.offset;
  letter.at = record.timestamp;
  letter.original = record.record;
  std::string partition;
  std::string offset;
  // A record that was set aside twice has them twice: the last ones are of the last time.
  for (const auto& [name, value] : record.record.headers) {
    if (name == "oppen_error") letter.error = value;
    if (name == "oppen_topic") letter.topic = value;
    if (name == "oppen_worker") letter.worker = value;
    if (name == "oppen_partition") partition = value;
    if (name == "oppen_offset") offset = value;
  }
  letter.from = partition + "/" + offset;
  std::erase_if(letter.original.headers, [](const auto& header) {
    const std::string& name = header.first;
    return name == "oppen_error" || name == "oppen_topic" || name == "oppen_worker" ||
           name == "oppen_partition" || name == "oppen_offset";
  });
  return letter;
}

json dead_letter_json(const DeadLetter& letter, bool with_record) {
  json out = {{"offset", letter.offset},   {"time", to_rfc3339(letter.at)}, {"topic", letter.topic},
              {"from", letter.from},       {"worker", letter.worker},       {"error", letter.error},
              {"key", letter.original.key}};
  if (!with_record) return out;
  json headers = json::array();
  for (const auto& [name, value] : letter.original.headers)
    headers.push_back({{"name", name}, {"value", value}});
  out["headers"] = std::move(headers);
  out["value"] = letter.original.value ? json(*letter.original.value) : json(nullptr);
  return out;
}

Result<DeadLetterReader> DeadLetterReader::open(const Context& context) {
  const auto settings = context.kafka();
  if (!settings) return fail(settings.error());
  auto consumer = client::Consumer::create(*settings, "");
  if (!consumer) return fail(consumer.error());
  const auto marks = (*consumer)->watermarks({std::string(topics::dead_letter), 0}, reach_deadline);
  if (!marks) return fail(context.kafka_error(marks.error()));
  return DeadLetterReader(context, *std::move(consumer), marks->low, marks->high);
}

Status DeadLetterReader::read(std::int64_t first, std::int64_t end,
                              const std::function<Status(const DeadLetter&)>& each) {
  first = std::max(first, low_);
  end = std::min(end, high_);
  if (first >= end) return {};
  const auto assigned = consumer_->assign({{{std::string(topics::dead_letter), 0}, first}});
  if (!assigned) return fail(context_->kafka_error(assigned.error()));
  auto last_heard = std::chrono::steady_clock::now();
  for (std::int64_t next = first; next < end;) {
    const auto polled = consumer_->poll(std::chrono::milliseconds{500});
    if (polled && *polled) {
      if ((*polled)->offset >= end) break;
      next = (*polled)->offset + 1;
      last_heard = std::chrono::steady_clock::now();
      if (const auto handled = each(to_dead_letter(**polled)); !handled) return handled;
    } else if (std::chrono::steady_clock::now() - last_heard > reach_deadline) {
      const Error silent{ErrorKind::unavailable,
                         "nothing came for " + std::to_string(reach_deadline.count()) + " s"};
      return fail(context_->kafka_error(polled ? silent : polled.error()));
    }
  }
  return {};
}

Result<DeadLetter> DeadLetterReader::at(std::int64_t offset) {
  std::optional<DeadLetter> found;
  const auto read_one = read(offset, offset + 1, [&](const DeadLetter& letter) -> Status {
    if (letter.offset == offset) found = letter;
    return {};
  });
  if (!read_one) return fail(read_one.error());
  if (!found) {
    return fail(ErrorKind::not_found, "the dead letter holds no record at offset " +
                                          std::to_string(offset) +
                                          (low_ == high_ ? ": it is empty"
                                                         : ": it holds " + std::to_string(low_) +
                                                               " to " + std::to_string(high_ - 1)));
  }
  return *std::move(found);
}

}  // namespace oppen::cli
