#pragma once
// The files of data/, a clock that stands still, and files that a test writes.
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "producers/telemetry/reading.hpp"

namespace oppen::telemetry {

inline const std::string gpu0 = "GPU-5f1c0b34-6a1e-4c58-9d0a-2b7e9c4d1a01";
inline const std::string gpu1 = "GPU-8e2d7a90-13bf-4f6c-a8e5-71c3d0b2f602";

inline std::string file_text(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline std::string data_file(const std::string& name) {
  return (std::filesystem::path(OPPEN_TELEMETRY_DATA) / name).string();
}

inline std::string data(const std::string& name) { return file_text(data_file(name)); }

struct FixedClock final : Clock {
  Time now() const override { return Time{std::chrono::milliseconds{1'767'464'100'000}}; }
};

// A folder that goes with the test.
class Folder {
 public:
  Folder() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "oppen-telemetry-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { std::filesystem::remove_all(path_); }

  std::string path(const std::string& name) const { return (path_ / name).string(); }

  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(path(name), std::ios::binary) << text;
    return path(name);
  }

  // An executable shell script.
  std::string script(const std::string& name, const std::string& body) const {
    // Written under another name and moved: a file that is open for writing elsewhere can't be run ("text file busy").
    const std::string draft = write(name + ".draft", "#!/bin/sh\n" + body);
    std::filesystem::permissions(draft, std::filesystem::perms::owner_all);
    std::filesystem::rename(draft, path(name));
    return path(name);
  }

 private:
  std::filesystem::path path_;
};

}  // namespace oppen::telemetry
