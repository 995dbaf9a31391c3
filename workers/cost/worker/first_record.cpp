#include "workers/cost/worker/first_record.hpp"

#include <fmt/format.h>

#include <sstream>
#include <utility>

namespace oppen::cost {
Tried Tried::parse(const std::string& text) {
  std::istringstream words(text);
  Tried tried;
  if (!(words >> tried.offset >> tried.count)) return {};
  words >> tried.instance;
  return tried;
}

std::string Tried::text() const { return fmt::format("{} {} {}", offset, count, instance); }

FirstRecord::FirstRecord(const std::string& stored, std::int64_t next, std::int64_t end,
                         std::string instance)
    : tried_(Tried::parse(stored)), instance_(std::move(instance)), next_(next) {
  // One that tries again has not crashed.
  if (tried_.offset >= next && tried_.instance != instance_) careful_until_ = end;
}

std::optional<std::string> FirstRecord::begin(std::int64_t offset) {
  const bool stores = !begun_ || careful();
  begun_ = true;
  next_ = offset + 1;
  // One that lies ahead has been reached before, and is not forgotten on the way there.
  if (!stores || (careful() && offset < tried_.offset)) return std::nullopt;
  before_ = tried_;
  if (offset != tried_.offset) {
    tried_ = {offset, 1, instance_};
  } else if (instance_ != tried_.instance) {
    tried_ = {offset, tried_.count + 1, instance_};
  }
  return tried_.text();
}

std::optional<std::string> FirstRecord::take_back() {
  if (!before_) return std::nullopt;
  tried_ = *before_;
  before_.reset();
  return tried_.text();
}

}  // namespace oppen::cost
