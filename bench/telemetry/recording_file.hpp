#pragma once
// A recording of 8 GPUs at work, two processes on each, in a file that is gone with this object.
#include <chrono>
#include <string>

namespace oppen::bench {

class RecordingFile {
 public:
  static constexpr int gpus = 8;

  // So many readings, so far apart. A failure ends the program.
  RecordingFile(const std::string& folder, int readings, std::chrono::seconds apart);
  ~RecordingFile();
  RecordingFile(const RecordingFile&) = delete;
  RecordingFile& operator=(const RecordingFile&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace oppen::bench
