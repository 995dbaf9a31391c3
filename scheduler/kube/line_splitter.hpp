#pragma once
// Whole lines out of pieces as they come from the network. One thread.
#include <cstddef>
#include <string>
#include <string_view>

namespace oppen::kube {

class LineSplitter {
 public:
  explicit LineSplitter(std::size_t longest) : longest_(longest) {}

  // Calls `on_line(std::string_view)` for each line that `piece` completes; it returns false to
  // stop. False: stopped, or a line became longer than `longest`.
  template <class OnLine>
  bool feed(std::string_view piece, OnLine&& on_line) {
    while (!piece.empty()) {
      const auto end = piece.find('\n');
      const std::string_view part = piece.substr(0, end);
      if (begun_.size() + part.size() > longest_) return false;
      if (end == std::string_view::npos) {
        begun_.append(part);
        return true;
      }
      piece.remove_prefix(end + 1);
      bool go_on = true;
      if (begun_.empty()) {
        if (!part.empty()) go_on = on_line(part);
      } else {
        begun_.append(part);
        go_on = on_line(std::string_view(begun_));
        begun_.clear();
      }
      if (!go_on) return false;
    }
    return true;
  }

  void clear() { begun_.clear(); }

 private:
  std::size_t longest_;
  std::string begun_;
};

}  // namespace oppen::kube
