#pragma once
// The headers of a CloudEvent in binary mode, for whom a copy of each is too much. One thread.
#include <array>
#include <cstddef>
#include <span>
#include <string_view>

namespace oppen {

struct HeaderView {
  const char* name = nullptr;
  std::string_view value;
};

// Borrows what it is made of.
class BinaryHeaders {
 public:
  // `time`: RFC 3339, "" where there is none; `subject`: "" where there is none.
  BinaryHeaders(std::string_view id, std::string_view source, std::string_view type,
                std::string_view time, std::string_view subject) {
    add("ce_specversion", "1.0");
    add("ce_id", id);
    add("ce_source", source);
    add("ce_type", type);
    if (!time.empty()) add("ce_time", time);
    if (!subject.empty()) add("ce_subject", subject);
    add("content-type", "application/json");
  }

  std::span<const HeaderView> all() const { return {headers_.data(), count_}; }

 private:
  void add(const char* name, std::string_view value) { headers_[count_++] = {name, value}; }

  std::array<HeaderView, 7> headers_;
  std::size_t count_ = 0;
};

}  // namespace oppen
