#pragma once
// A detector's state as a short string of bytes, for a store outside of the process. A detector that goes on from it scores as one that
// was never interrupted. Pure functions, any thread.
//
// A class that can be saved has a `template <class Archive> void state(Archive& archive)` that names its members in a fixed order, and
// `static constexpr std::string_view state_name`, which changes when that order or a meaning does.
#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "schemas/error.hpp"

namespace oppen::anomaly {

// FNV-1a of 32 bits (Fowler, Noll, Vo; RFC 9923): tells a damaged state, not a forged one.
std::uint32_t checksum(std::string_view bytes);

class StateWriter {
 public:
  template <class... Parts>
  void operator()(Parts&... parts) {
    (put(parts), ...);
  }
  std::string take() { return std::move(bytes_); }

 private:
  template <class Part>
  void put(Part& part) {
    if constexpr (std::is_arithmetic_v<Part>)
      bytes_.append(reinterpret_cast<const char*>(&part), sizeof part);
    else
      part.state(*this);
  }
  template <class Part, std::size_t size>
  void put(std::array<Part, size>& parts) {
    for (Part& part : parts) put(part);
  }
  template <class Part>
  void put(std::vector<Part>& parts) {
    auto count = static_cast<std::uint16_t>(parts.size());
    put(count);
    for (Part& part : parts) put(part);
  }

  std::string bytes_;
};

class StateReader {
 public:
  explicit StateReader(std::string_view bytes) : bytes_(bytes) {}

  template <class... Parts>
  void operator()(Parts&... parts) {
    (get(parts), ...);
  }
  // Everything was there and nothing is left.
  bool complete() const { return !short_ && bytes_.empty(); }

 private:
  template <class Part>
  void get(Part& part) {
    if constexpr (std::is_arithmetic_v<Part>) {
      short_ = short_ || bytes_.size() < sizeof part;
      if (short_) return;
      std::memcpy(&part, bytes_.data(), sizeof part);
      bytes_.remove_prefix(sizeof part);
    } else {
      part.state(*this);
    }
  }
  template <class Part, std::size_t size>
  void get(std::array<Part, size>& parts) {
    for (Part& part : parts) get(part);
  }
  template <class Part>
  void get(std::vector<Part>& parts) {
    std::uint16_t count = 0;
    get(count);
    parts.clear();
    for (; count > 0 && !short_; --count) get(parts.emplace_back());
  }

  std::string_view bytes_;
  bool short_ = false;
};

template <class Detector>
std::string save(const Detector& detector) {
  StateWriter writer;
  // An archive that writes changes nothing.
  const_cast<Detector&>(detector).state(writer);
  std::string bytes = std::string(Detector::state_name) + writer.take();
  const std::uint32_t sum = checksum(bytes);
  return bytes.append(reinterpret_cast<const char*>(&sum), sizeof sum);
}

// `detector` is a new one, made with the same arguments as the saved one. Refuses what save() of the same class did not write.
template <class Detector>
Result<Detector> restore(std::string_view bytes, Detector detector = Detector()) {
  const std::string_view name = Detector::state_name;
  std::uint32_t sum = 0;
  if (!bytes.starts_with(name) || bytes.size() < name.size() + sizeof sum)
    return fail(ErrorKind::invalid, "the state is not one of " + std::string(name));
  const auto body = bytes.substr(0, bytes.size() - sizeof sum);
  std::memcpy(&sum, bytes.data() + body.size(), sizeof sum);
  StateReader reader(body.substr(name.size()));
  if (sum == checksum(body)) detector.state(reader);
  if (sum != checksum(body) || !reader.complete())
    return fail(ErrorKind::invalid, "the state of " + std::string(name) + " is damaged");
  return detector;
}

}  // namespace oppen::anomaly
