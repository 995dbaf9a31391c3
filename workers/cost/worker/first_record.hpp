#pragma once
// A record that crashes the worker would do so for ever: whoever takes its partition over reads it first. So the first record of a
// topic after each takeover is counted in Redis before it is handled, with the process that tries it. Where one has begun and not
// finished, its records are tried one by one, each stored before the next, and one that several processes have begun and none has
// finished is set aside. Pure; one thread.
#include <cstdint>
#include <optional>
#include <string>

namespace oppen::cost {

// How often a record was begun and not finished, as Redis keeps it: "<offset> <count> <instance of the last>".
struct Tried {
  static constexpr int most = 3;

  std::int64_t offset = -1;
  int count = 0;
  std::string instance;

  static Tried parse(const std::string& text);  // what can't be read counts for nothing
  std::string text() const;
};

class FirstRecord {
 public:
  // `stored`: what Redis has; `next`: the offset from which this instance goes on.
  FirstRecord(const std::string& stored, std::int64_t next, std::string instance);

  // Whether records are to be taken one by one.
  bool careful() const { return careful_ > 0; }
  // Before a record is handled: the text to be stored before; nullopt: none.
  std::optional<std::string> begin(std::int64_t offset);
  // Whether the record that was begun last is to be set aside.
  bool sets_aside() const { return tried_.count > Tried::most; }

 private:
  Tried tried_;
  std::string instance_;
  int careful_ = 0;  // records that may be the one that crashed
  bool begun_ = false;
};

}  // namespace oppen::cost
