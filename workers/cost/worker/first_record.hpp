#pragma once
// A record that crashes the worker would do so for ever: whoever takes its partition over reads it first. So the first record of a
// topic after each takeover is counted in Redis before it is handled, with the process that tries it. Where one has begun and not
// finished, its records are tried one by one, each stored before the next, and one that several processes have begun and none has
// finished is set aside. One that met an error and lives takes its try back. Pure; one thread.
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
  // `stored`: what Redis has; `next`: the offset from which this instance goes on; `end`: behind all that another one may have
  // read.
  FirstRecord(const std::string& stored, std::int64_t next, std::int64_t end, std::string instance);

  // Whether records are to be taken one by one.
  bool careful() const { return next_ < careful_until_; }
  // Before a record is handled: the text to be stored before; nullopt: none.
  std::optional<std::string> begin(std::int64_t offset);
  // After an error: the text to be stored, which is what was stored before the record that was begun last; nullopt: as it is.
  std::optional<std::string> take_back();
  // Whether the record that was begun last is to be set aside.
  bool sets_aside() const { return tried_.offset == next_ - 1 && tried_.count > Tried::most; }

 private:
  Tried tried_;
  std::optional<Tried> before_;  // this instance has tried one
  std::string instance_;
  std::int64_t next_;                // behind the record that was begun last
  std::int64_t careful_until_ = -1;  // those before may be the one that crashed
  bool begun_ = false;
};

}  // namespace oppen::cost
