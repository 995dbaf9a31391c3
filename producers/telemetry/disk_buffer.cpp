#include "producers/telemetry/disk_buffer.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <utility>

namespace oppen::telemetry {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr std::string_view suffix = ".records";
constexpr std::size_t header_size = 8;
constexpr std::uint32_t max_entry = 4u << 20;
constexpr std::uint64_t min_file_bytes = 16 * 1024;
constexpr std::uint64_t max_file_bytes = 1u << 20;
constexpr std::uint64_t files_at_least =
    16;  // of a full buffer: the smaller each, the less is dropped at once

std::uint32_t crc_of(std::string_view bytes) {
  return static_cast<std::uint32_t>(
      crc32(0, reinterpret_cast<const Bytef*>(bytes.data()), static_cast<uInt>(bytes.size())));
}

// This machine's own byte order: the files are read where they were written.
template <class Number>
void put(std::string& out, Number value) {
  std::array<char, sizeof value> bytes;
  std::memcpy(bytes.data(), &value, sizeof value);
  out.append(bytes.data(), bytes.size());
}

template <class Number>
Number get(const char* bytes) {
  Number value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

// False where there is less, or an error.
bool read_at(int file, char* into, std::size_t size, std::uint64_t offset) {
  while (size > 0) {
    const auto count = pread(file, into, size, static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    into += count;
    size -= static_cast<std::size_t>(count);
    offset += static_cast<std::uint64_t>(count);
  }
  return true;
}

bool write_at(int file, std::string_view bytes, std::uint64_t offset) {
  while (!bytes.empty()) {
    const auto count = pwrite(file, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(count));
    offset += static_cast<std::uint64_t>(count);
  }
  return true;
}

std::optional<std::string> entry_at(int file, std::uint64_t offset) {
  // Most entries are whole in this: one call for each.
  std::array<char, 2048> begin;
  const auto count = pread(file, begin.data(), begin.size(), static_cast<off_t>(offset));
  if (count < static_cast<ssize_t>(header_size)) return std::nullopt;
  const auto size = get<std::uint32_t>(begin.data());
  if (size == 0 || size > max_entry) return std::nullopt;
  const auto there = std::min<std::size_t>(size, static_cast<std::size_t>(count) - header_size);
  std::string bytes(begin.data() + header_size, there);
  if (there < size) {
    bytes.resize(size);
    if (!read_at(file, bytes.data() + there, size - there, offset + header_size + there))
      return std::nullopt;
  }
  if (crc_of(bytes) != get<std::uint32_t>(begin.data() + 4)) return std::nullopt;
  return bytes;
}

std::optional<std::uint64_t> number_of(const fs::path& path) {
  const auto name = path.filename().string();
  if (!name.ends_with(suffix)) return std::nullopt;
  std::uint64_t number = 0;
  const auto* end = name.data() + name.size() - suffix.size();
  const auto [rest, code] = std::from_chars(name.data(), end, number);
  if (code != std::errc{} || rest != end) return std::nullopt;
  return number;
}

std::string reason() { return std::strerror(errno); }

void close_file(int& file) {
  if (file >= 0) ::close(file);
  file = -1;
}

}  // namespace

DiskBuffer::DiskBuffer(std::string folder, std::uint64_t max_bytes, int lock)
    : folder_(std::move(folder)),
      max_bytes_(max_bytes),
      file_bytes_(std::clamp(max_bytes / files_at_least, min_file_bytes, max_file_bytes)),
      lock_(lock) {}

DiskBuffer::~DiskBuffer() {
  close();
  close_file(writing_);
  close_file(reading_);
  close_file(noting_);
  close_file(lock_);
}

Result<std::unique_ptr<DiskBuffer>> DiskBuffer::open(const std::string& folder,
                                                     std::uint64_t max_bytes) {
  const auto refuse = [&](const std::string& why) {
    return fail(ErrorKind::fatal, "the buffer's folder " + folder + " (OPPEN_BUFFER_DIR) " + why);
  };
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return refuse("can't be made: " + error.message());
  int lock = ::open((folder + "/lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock < 0) return refuse("can't be written: " + reason());
  if (flock(lock, LOCK_EX | LOCK_NB) != 0) {
    close_file(lock);
    return refuse("is in use by another process");
  }
  std::unique_ptr<DiskBuffer> buffer(new DiskBuffer(folder, max_bytes, lock));
  if (auto status = buffer->load(); !status) return refuse(status.error().message);
  return buffer;
}

Status DiskBuffer::load() {
  noting_ = ::open((folder_ + "/acknowledged").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (noting_ < 0) return fail(ErrorKind::fatal, "can't be written: " + reason());
  std::array<char, 20> note;
  if (read_at(noting_, note.data(), note.size(), 0) &&
      crc_of({note.data(), 16}) == get<std::uint32_t>(note.data() + 16)) {
    first_ = {get<std::uint64_t>(note.data()), get<std::uint64_t>(note.data() + 8)};
  }
  std::error_code error;
  for (const auto& item : fs::directory_iterator(folder_, error)) {
    if (const auto number = number_of(item.path())) files_[*number];
  }
  if (error) return fail(ErrorKind::fatal, "can't be read: " + error.message());
  for (auto& [number, file] : files_) {
    const int descriptor = reading(number);
    for (;;) {
      const auto bytes = entry_at(descriptor, file.size);
      if (!bytes) break;
      file.entries.push_back(static_cast<std::uint32_t>(file.size));
      file.size += header_size + bytes->size();
    }
    std::error_code ignored;
    const auto on_disk = fs::file_size(path(number), ignored);
    if (!ignored && on_disk != file.size) {
      SPDLOG_WARN("{} ends with {} bytes that are no whole record: they are left out", path(number),
                  on_disk - file.size);
    }
  }
  if (!files_.empty() && first_.file < files_.begin()->first) first_ = {files_.begin()->first, 0};
  // A new file: the old one may end in the middle of an entry.
  if (auto status = begin_file(); !status) return status;
  if (!files_.contains(first_.file)) first_ = {files_.lower_bound(first_.file)->first, 0};
  acknowledge(first_);
  return {};
}

Status DiskBuffer::begin_file() {
  const auto number = std::max(files_.empty() ? 0 : files_.rbegin()->first, first_.file) + 1;
  close_file(writing_);
  writing_ = ::open(path(number).c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (writing_ < 0)
    return fail(ErrorKind::unavailable, path(number) + " can't be written: " + reason());
  files_[number];
  return {};
}

Status DiskBuffer::append(const std::vector<std::string>& entries) {
  if (entries.empty()) return {};
  std::string bytes;
  std::vector<std::uint32_t> offsets;
  for (const auto& entry : entries) {
    offsets.push_back(static_cast<std::uint32_t>(bytes.size()));
    put(bytes, static_cast<std::uint32_t>(entry.size()));
    put(bytes, crc_of(entry));
    bytes += entry;
  }
  make_room(bytes.size());
  auto status = Status{};
  if (writing_ < 0 || files_.rbegin()->second.size >= file_bytes_) status = begin_file();
  if (status) {
    auto& file = files_.rbegin()->second;
    if (write_at(writing_, bytes, file.size)) {
      for (const auto offset : offsets)
        file.entries.push_back(static_cast<std::uint32_t>(file.size) + offset);
      file.size += bytes.size();
      return {};
    }
    // What has been written of it is written over by the next.
    status = fail(ErrorKind::unavailable,
                  path(files_.rbegin()->first) + " can't be written: " + reason());
    if (ftruncate(writing_, static_cast<off_t>(file.size)) != 0) close_file(writing_);
  }
  dropped_ += entries.size();
  return status;
}

std::optional<DiskBuffer::Entry> DiskBuffer::read(Position position) {
  position = std::max(position, first_);
  for (auto file = files_.lower_bound(position.file); file != files_.end(); ++file) {
    const auto number = file->first;
    if (number != position.file) position = {number, 0};
    if (position.offset >= file->second.size) continue;
    if (auto bytes = entry_at(reading(number), position.offset)) {
      const Position next{number, position.offset + header_size + bytes->size()};
      return Entry{std::move(*bytes), next};
    }
    SPDLOG_ERROR("{} can't be read any more from byte {} on: its records are lost", path(number),
                 position.offset);
    const auto lost =
        std::lower_bound(file->second.entries.begin(), file->second.entries.end(), position.offset);
    dropped_ += static_cast<std::uint64_t>(file->second.entries.end() - lost);
    file->second.entries.erase(lost, file->second.entries.end());
    file->second.size = position.offset;
    if (number == files_.rbegin()->first)
      close_file(writing_);  // the next append begins another file
  }
  return std::nullopt;
}

void DiskBuffer::acknowledge(Position position) {
  first_ = std::max(first_, position);
  while (files_.size() > 1 && (files_.begin()->first < first_.file ||
                               left_in(files_.begin()->first, files_.begin()->second) == 0)) {
    remove_oldest();
  }
  if (std::chrono::steady_clock::now() - noted_at_ >= 1s) note_acknowledged();
}

std::uint64_t DiskBuffer::waiting() const {
  std::uint64_t count = 0;
  for (const auto& [number, file] : files_) count += left_in(number, file);
  return count;
}

std::uint64_t DiskBuffer::bytes() const {
  std::uint64_t bytes = 0;
  for (const auto& [number, file] : files_) bytes += file.size;
  return bytes;
}

void DiskBuffer::close() { note_acknowledged(); }

void DiskBuffer::make_room(std::uint64_t more) {
  while (files_.size() > 1 && bytes() + more > max_bytes_) {
    dropped_ += left_in(files_.begin()->first, files_.begin()->second);
    remove_oldest();
  }
}

void DiskBuffer::remove_oldest() {
  const auto oldest = files_.begin();
  if (reading_file_ == oldest->first) close_file(reading_);
  std::error_code ignored;
  fs::remove(path(oldest->first), ignored);
  files_.erase(oldest);
  first_ = std::max(first_, Position{files_.begin()->first, 0});
}

std::string DiskBuffer::path(std::uint64_t file) const {
  return fmt::format("{}/{:020}{}", folder_, file, suffix);
}

std::size_t DiskBuffer::left_in(std::uint64_t number, const File& file) const {
  if (number < first_.file) return 0;
  if (number > first_.file) return file.entries.size();
  const auto next = std::lower_bound(file.entries.begin(), file.entries.end(), first_.offset);
  return static_cast<std::size_t>(file.entries.end() - next);
}

int DiskBuffer::reading(std::uint64_t file) {
  if (reading_ >= 0 && reading_file_ == file) return reading_;
  close_file(reading_);
  reading_ = ::open(path(file).c_str(), O_RDONLY | O_CLOEXEC);
  reading_file_ = file;
  return reading_;
}

void DiskBuffer::note_acknowledged() {
  noted_at_ = std::chrono::steady_clock::now();
  if (noted_ == first_) return;
  std::string note;
  put(note, first_.file);
  put(note, first_.offset);
  put(note, crc_of(note));
  // Torn or refused: read as nothing, and more comes twice after a crash.
  if (write_at(noting_, note, 0)) noted_ = first_;
}

}  // namespace oppen::telemetry
