#include "scheduler/core/batch_scan.hpp"

#include <fmt/format.h>

#include "scheduler/core/readable.hpp"
#include "schemas/cloud_event.hpp"
#include "schemas/commands.hpp"
#include "schemas/parse.hpp"

namespace oppen::core {
namespace {

using nlohmann::json;

constexpr int max_jobs = 10'000;  // of one part, as the schema has it
constexpr std::size_t digest_chunk = 64 * 1024;

// The number of a part that is otherwise wrong; 1 when that can't be read either.
int readable_part(const json& data) {
  const auto part = data.find("part");
  return part != data.end() && part->is_number_integer() && *part > 0 && *part <= 100
             ? part->get<int>()
             : 1;
}

// Keeps the top level without what stands inside of its values, counts the elements of "jobs", and digests everything.
class Glance : public json::json_sax_t {
 public:
  json top;  // "jobs": an empty list, when it is a list
  int jobs = 0;

  std::string digest() { return short_digest(digest_ + std::exchange(pieces_, {})); }

  bool null() override { return leaf('0', "", nullptr); }
  bool boolean(bool value) override { return leaf('b', value ? "1" : "0", value); }
  bool number_integer(std::int64_t value) override {
    return leaf('i', std::to_string(value), value);
  }
  bool number_unsigned(std::uint64_t value) override {
    return leaf('i', std::to_string(value), value);
  }
  bool number_float(double value, const std::string& text) override {
    return leaf('f', text, value);
  }
  bool string(std::string& value) override {
    piece('s', value);
    // Inside of jobs nothing is kept: no copy is made.
    if (depth_ <= 1) keep(value);
    count();
    return true;
  }
  bool binary(json::binary_t&) override { return false; }  // is not in JSON text
  bool start_object(std::size_t) override { return start('{', json::object()); }
  bool start_array(std::size_t) override { return start('[', json::array()); }
  bool key(std::string& name) override {
    piece('k', name);
    if (depth_ == 1) key_ = name;
    return true;
  }
  bool end_object() override { return end('}'); }
  bool end_array() override { return end(']'); }
  bool parse_error(std::size_t, const std::string&, const json::exception&) override {
    return false;
  }

 private:
  void piece(char kind, std::string_view text) {
    pieces_ += kind;
    pieces_ += text;
    pieces_ += '\n';
    if (pieces_.size() < digest_chunk) return;
    digest_ = digest();
  }
  // A value at the top level, or the top level itself.
  void keep(json value) {
    if (depth_ == 0) top = std::move(value);
    if (depth_ == 1 && top.is_object()) top[key_] = std::move(value);
  }
  void count() {
    if (depth_ == 2 && in_jobs_) ++jobs;
  }
  bool leaf(char kind, std::string_view text, json value) {
    piece(kind, text);
    keep(std::move(value));
    count();
    return true;
  }
  bool start(char kind, json empty) {
    piece(kind, "");
    count();
    if (depth_ == 1) in_jobs_ = kind == '[' && top.is_object() && key_ == "jobs";
    if (depth_ == 1 && in_jobs_) jobs = 0;  // of two lists the last one counts
    keep(std::move(empty));
    ++depth_;
    return true;
  }
  bool end(char kind) {
    piece(kind, "");
    --depth_;
    return true;
  }

  int depth_ = 0;
  std::string key_;  // at the top level
  bool in_jobs_ = false;
  std::string pieces_;
  std::string digest_;  // of the pieces before
};

// The data without its jobs, each of which is given to `take`.
Result<json> take_jobs(std::string_view data, const std::function<void(const json& job)>& take) {
  // Elements of the top level's "jobs" are taken when they end, and left out of what is returned.
  bool is_jobs = false;
  const auto on_element = [&](int depth, json::parse_event_t event, json& element) {
    using Event = json::parse_event_t;
    if (depth == 1 && event == Event::key) is_jobs = element == "jobs";
    if (depth == 1 && (event == Event::object_start || event == Event::value)) is_jobs = false;
    const bool ended =
        event == Event::object_end || event == Event::array_end || event == Event::value;
    if (!is_jobs || depth != 2 || !ended) return true;
    take(element);
    return false;
  };
  return parse_event_data(data, on_element);
}

}  // namespace

Result<BatchScan> scan_batch(std::string_view data) {
  Glance glance;
  if (auto status = walk_event_data(data, glance); !status) return fail(status.error());
  BatchScan scan;
  scan.digest = glance.digest();
  scan.jobs = glance.jobs;
  auto& top = glance.top;
  // One stands for all of them, whose number is looked at here.
  const json one = json::array({{{"job_id", "any"}, {"model_type", "any"}}});
  if (scan.jobs > 0) top["jobs"] = one;
  auto head = parse_data<BatchSubmit>(top);
  if (!head) {
    // Again, with the values that are to be named.
    auto whole = take_jobs(data, [](const json&) {});
    if (!whole) return fail(whole.error());
    if (scan.jobs > 0) (*whole)["jobs"] = one;
    head = parse_data<BatchSubmit>(*whole);
    if (!head) scan.errors = head.error();
  }
  if (scan.jobs > max_jobs) {
    scan.errors.push_back({"jobs", fmt::format("a list of {}", scan.jobs),
                           fmt::format("a list of 1 to {} jobs", max_jobs)});
  }
  if (top.is_object()) {
    scan.batch_id = readable_id(top, "batch_id");
    scan.part = readable_part(top);
  }
  if (head) {
    scan.parts = head->parts;
    scan.max_total = head->max_total;
  }
  return scan;
}

Result<int> read_jobs(
    std::string_view data,
    const std::function<void(int index, tl::expected<JobSpec, FieldErrors> job)>& take) {
  int jobs = 0;
  return take_jobs(data, [&](const json& job) { take(jobs++, parse_data<JobSpec>(job)); })
      .map([&](auto&&) { return jobs; });
}

}  // namespace oppen::core
