#include "producers/telemetry/sources/replay.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <system_error>

#include "producers/telemetry/sources/recording.hpp"

namespace oppen::telemetry {
namespace {

class ReplaySource final : public Source {
 public:
  ReplaySource(int file, std::string path, std::chrono::milliseconds patience)
      : file_(file), path_(std::move(path)), patience_(patience) {}
  ReplaySource(const ReplaySource&) = delete;
  ReplaySource& operator=(const ReplaySource&) = delete;
  ~ReplaySource() override {
    if (file_ != STDIN_FILENO) ::close(file_);
  }

  std::string name() const override { return "replay"; }

  Result<Readings> read() override {
    do {
      const auto more = next_line();
      if (!more) return fail(more.error());
      if (!*more) return fail(ErrorKind::not_found, path_ + " ends here");
    } while (line_.empty());
    auto readings = parser_.parse(line_);
    if (!readings) return fail({readings.error().kind, where() + ": " + readings.error().message});
    return readings;
  }

 private:
  std::string where() const { return path_ + ", line " + std::to_string(number_); }

  // The next line into line_, without its end; false at the file's end.
  Result<bool> next_line() {
    if (!begun_) {
      line_.clear();
      too_long_ = false;
      ++number_;
    }
    begun_ = true;
    for (;;) {
      if (left_.empty()) {
        const auto filled = fill();
        if (!filled) return fail(filled.error());
        if (!*filled) break;
      }
      const auto end = left_.find('\n');
      const auto piece = left_.substr(0, end);
      too_long_ = too_long_ || line_.size() + piece.size() > longest_recorded_line;
      if (!too_long_) line_ += piece;
      left_.remove_prefix(end == std::string_view::npos ? left_.size() : end + 1);
      if (end != std::string_view::npos) return told();
    }
    if (line_.empty() && !too_long_) {
      begun_ = false;
      return false;
    }
    return told();
  }

  Result<bool> told() {
    begun_ = false;
    if (line_.ends_with('\r')) line_.pop_back();
    if (!too_long_) return true;
    return fail(ErrorKind::invalid,
                where() + " is longer than " + std::to_string(longest_recorded_line) + " bytes");
  }

  // False at the file's end.
  Result<bool> fill() {
    const auto until = std::chrono::steady_clock::now() + patience_;
    for (;;) {
      pollfd waiting{file_, POLLIN, 0};
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
          until - std::chrono::steady_clock::now());
      const int ready = ::poll(&waiting, 1, std::max(0, static_cast<int>(left.count())));
      if (ready == 0) {
        return fail(ErrorKind::unavailable,
                    path_ + ": nothing came for " + std::to_string(patience_.count()) + " ms");
      }
      if (ready < 0 && errno == EINTR) continue;
      const ssize_t count = ::read(file_, buffer_.data(), buffer_.size());
      if (count >= 0) {
        left_ = std::string_view(buffer_.data(), static_cast<std::size_t>(count));
        return count > 0;
      }
      if (errno != EINTR)
        return fail(ErrorKind::unavailable, path_ + ": " + std::system_category().message(errno));
    }
  }

  int file_;
  std::string path_;
  std::chrono::milliseconds patience_;
  std::string buffer_ = std::string(std::size_t{64} << 10, '\0');
  std::string_view left_;  // of the buffer
  std::string line_;
  bool begun_ = false;     // line_ is in the middle of one
  bool too_long_ = false;  // that one
  std::size_t number_ = 0;
  RecordingParser parser_;
};

}  // namespace

Result<std::unique_ptr<Source>> open_replay(const std::string& path,
                                            std::chrono::milliseconds patience) {
  if (path == "-") return std::make_unique<ReplaySource>(STDIN_FILENO, "standard input", patience);
  // A FIFO to which nobody writes yet is waited for by poll.
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) {
    return fail(errno == ENOENT ? ErrorKind::not_found : ErrorKind::unavailable,
                path + ": " + std::system_category().message(errno));
  }
  return std::make_unique<ReplaySource>(file, path, patience);
}

}  // namespace oppen::telemetry
