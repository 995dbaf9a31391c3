#pragma once
// Records on their way to Kafka, kept in files of one folder so that they outlive the process. What has been appended survives kill -9
// at any moment; a loss of power may cost the last seconds. Bounded: the oldest records give way to new ones, and are counted.
//
// Files are named by their number and hold entries of length, CRC-32 and bytes; each start begins a new one. An entry that is cut short
// or damaged ends its file. What has been acknowledged is noted in the file "acknowledged", at most once a second and by close(): after
// a crash the entries since then come again.
//
// One thread at a time; one process at a time on a folder.
#include <chrono>
#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "schemas/error.hpp"

namespace oppen::telemetry {

class DiskBuffer {
 public:
  // Of an entry, or the place after the last one. Later entries have greater ones.
  struct Position {
    std::uint64_t file = 0;
    std::uint64_t offset = 0;
    auto operator<=>(const Position&) const = default;
  };
  struct Entry {
    std::string bytes;
    Position next;
  };

  // Makes the folder where it is missing. Errors: fatal (it can't be written, or another process has it; names folder and setting).
  static Result<std::unique_ptr<DiskBuffer>> open(const std::string& folder,
                                                  std::uint64_t max_bytes);
  ~DiskBuffer();
  DiskBuffer(const DiskBuffer&) = delete;
  DiskBuffer& operator=(const DiskBuffer&) = delete;

  // All or none. Errors: unavailable (the disk refuses: nothing is kept of them; they count as dropped).
  Status append(const std::vector<std::string>& entries);

  // The oldest that is not acknowledged, which may be the place after the last one.
  Position first() const { return first_; }
  // The entry at `position` or, where that has been dropped, the oldest; nullopt after the last one.
  std::optional<Entry> read(Position position);
  // Everything before `position` is done with.
  void acknowledge(Position position);

  std::uint64_t waiting() const;                      // entries that are not acknowledged
  std::uint64_t bytes() const;                        // of files
  std::uint64_t dropped() const { return dropped_; }  // never acknowledged, since the start

  // Notes what is acknowledged. The destructor does so, too.
  void close();

 private:
  struct File {
    std::uint64_t size = 0;
    std::vector<std::uint32_t> entries;  // their offsets, ascending
  };
  DiskBuffer(std::string folder, std::uint64_t max_bytes, int lock);

  Status load();
  Status begin_file();
  void make_room(std::uint64_t more);
  void remove_oldest();
  std::string path(std::uint64_t file) const;
  std::size_t left_in(std::uint64_t number, const File& file) const;
  int reading(std::uint64_t file);
  void note_acknowledged();

  const std::string folder_;
  const std::uint64_t max_bytes_;
  const std::uint64_t file_bytes_;  // where a file is full
  int lock_ = -1;
  int writing_ = -1;  // the last file
  int reading_ = -1;  // the file number reading_file_
  int noting_ = -1;   // "acknowledged"
  std::uint64_t reading_file_ = 0;
  std::map<std::uint64_t, File> files_;
  Position first_;
  Position noted_;
  std::chrono::steady_clock::time_point noted_at_;
  std::uint64_t dropped_ = 0;
};

}  // namespace oppen::telemetry
