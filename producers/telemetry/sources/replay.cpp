#include "producers/telemetry/sources/replay.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>

#include "producers/telemetry/sources/recording.hpp"

namespace oppen::telemetry {
namespace {

std::string system_error_text(int code) { return std::system_category().message(code); }

class ReplaySource final : public Source {
 public:
  ReplaySource(int file, std::string path) : file_(file), path_(std::move(path)) {}
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
    line_.clear();
    ++number_;
    bool too_long = false;
    for (;;) {
      if (left_.empty()) {
        const auto filled = fill();
        if (!filled) return fail(filled.error());
        if (!*filled) break;
      }
      const auto end = left_.find('\n');
      const auto piece = left_.substr(0, end);
      too_long = too_long || line_.size() + piece.size() > longest_recorded_line;
      if (!too_long) line_ += piece;
      left_.remove_prefix(end == std::string_view::npos ? left_.size() : end + 1);
      if (end != std::string_view::npos) return told(too_long);
    }
    if (line_.empty() && !too_long) return false;
    return told(too_long);
  }

  Result<bool> told(bool too_long) {
    if (line_.ends_with('\r')) line_.pop_back();
    if (!too_long) return true;
    return fail(ErrorKind::invalid,
                where() + " is longer than " + std::to_string(longest_recorded_line) + " bytes");
  }

  // False at the file's end.
  Result<bool> fill() {
    for (;;) {
      const ssize_t count = ::read(file_, buffer_.data(), buffer_.size());
      if (count >= 0) {
        left_ = std::string_view(buffer_.data(), static_cast<std::size_t>(count));
        return count > 0;
      }
      if (errno != EINTR)
        return fail(ErrorKind::unavailable, path_ + ": " + system_error_text(errno));
    }
  }

  int file_;
  std::string path_;
  std::string buffer_ = std::string(std::size_t{64} << 10, '\0');
  std::string_view left_;  // of the buffer
  std::string line_;
  std::size_t number_ = 0;
  RecordingParser parser_;
};

}  // namespace

Result<std::unique_ptr<Source>> open_replay(const std::string& path) {
  if (path == "-") return std::make_unique<ReplaySource>(STDIN_FILENO, "standard input");
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) {
    return fail(errno == ENOENT ? ErrorKind::not_found : ErrorKind::unavailable,
                path + ": " + system_error_text(errno));
  }
  return std::make_unique<ReplaySource>(file, path);
}

}  // namespace oppen::telemetry
