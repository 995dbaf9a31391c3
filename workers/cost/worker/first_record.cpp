#include "workers/cost/worker/first_record.hpp"

#include <fmt/format.h>

#include <sstream>
#include <utility>

namespace oppen::cost {
namespace {

constexpr int may_have_crashed = 500;  // as many as a turn of the worker takes

}  // namespace

Tried Tried::parse(const std::string& text) {
  std::istringstream words(text);
  Tried tried;
  if (!(words >> tried.offset >> tried.count)) return {};
  words >> tried.instance;
  return tried;
}

std::string Tried::text() const { return fmt::format("{} {} {}", offset, count, instance); }

FirstRecord::FirstRecord(const std::string& stored, std::int64_t next, std::string instance)
    : tried_(Tried::parse(stored)), instance_(std::move(instance)) {
  // One that tries again has not crashed.
  if (tried_.offset >= next && tried_.instance != instance_) careful_ = may_have_crashed;
}

std::optional<std::string> FirstRecord::begin(std::int64_t offset) {
  if (begun_ && careful_ == 0) {
    tried_.count = 0;
    return std::nullopt;
  }
  begun_ = true;
  if (careful_ > 0) --careful_;
  if (offset != tried_.offset) {
    tried_ = {offset, 1, instance_};
  } else if (instance_ != tried_.instance) {
    tried_ = {offset, tried_.count + 1, instance_};
  }
  return tried_.text();
}

}  // namespace oppen::cost
