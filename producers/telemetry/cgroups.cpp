#include "producers/telemetry/cgroups.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>

namespace oppen::telemetry {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t uid_size = 36;         // 8-4-4-4-12
constexpr std::size_t static_uid_size = 32;  // of a pod from a file: a hash
constexpr int max_depth = 6;                 // of a pod's group below the root
constexpr std::streamsize max_file = 64 * 1024;

bool is_hex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

bool is_uid(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' && text[i] != '_' : !is_hex(text[i])) return false;
  }
  return text.size() == uid_size;
}

bool ends_uid(std::string_view rest) {
  return rest.empty() || !(is_hex(rest.front()) || rest.front() == '-' || rest.front() == '_');
}

// The whole of a small file; "" when it can't be read.
std::string read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(static_cast<std::size_t>(max_file), '\0');
  file.read(text.data(), max_file);
  text.resize(static_cast<std::size_t>(std::max<std::streamsize>(file.gcount(), 0)));
  return text;
}

std::optional<std::int64_t> number(std::string_view text) {
  std::int64_t value = 0;
  const auto [rest, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc{} || rest == text.data() || value < 0) return std::nullopt;
  return value;
}

// The number after "key " at the beginning of a line.
std::optional<std::int64_t> number_of(std::string_view text, const std::string& key) {
  for (std::size_t line = 0; line < text.size();) {
    const auto end = std::min(text.find('\n', line), text.size());
    const auto content = text.substr(line, end - line);
    if (content.starts_with(key + " ")) return number(content.substr(key.size() + 1));
    line = end + 1;
  }
  return std::nullopt;
}

std::optional<double> cpu_seconds_v2(const fs::path& group) {
  const auto used = number_of(read_file(group / "cpu.stat"), "usage_usec");
  if (!used) return std::nullopt;
  return static_cast<double>(*used) / 1e6;
}

std::optional<double> cpu_seconds_v1(const fs::path& group) {
  const auto used = number(read_file(group / "cpuacct.usage"));
  if (!used) return std::nullopt;
  return static_cast<double>(*used) / 1e9;
}

std::optional<std::int64_t> memory_bytes(const fs::path& group, const char* usage_file,
                                         const std::string& inactive) {
  const auto used = number(read_file(group / usage_file));
  if (!used) return std::nullopt;
  const auto droppable = number_of(read_file(group / "memory.stat"), inactive).value_or(0);
  return std::max<std::int64_t>(*used - droppable, 0);
}

// Everywhere, since a kubelet can have a root of its own; not inside of pods.
void find_groups(const fs::path& folder, int depth, std::map<std::string, fs::path>& found) {
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    std::error_code ignored;
    if (!it->is_directory(ignored)) continue;
    const auto name = it->path().filename().string();
    if (auto uid = pod_uid_in(name); !uid.empty()) {
      found.emplace(std::move(uid), it->path());
    } else if (depth < max_depth) {
      find_groups(it->path(), depth + 1, found);
    }
  }
}

std::map<std::string, fs::path> groups_in(const fs::path& root) {
  std::map<std::string, fs::path> found;
  find_groups(root, 1, found);
  return found;
}

}  // namespace

std::string pod_uid_in(std::string_view text) {
  constexpr std::string_view mark = "pod";
  for (auto at = text.find(mark); at != std::string_view::npos; at = text.find(mark, at + 1)) {
    if (at > 0 && text[at - 1] != '/' && text[at - 1] != '-') continue;
    const auto rest = text.substr(at + mark.size());
    for (const auto size : {uid_size, static_uid_size}) {
      const auto uid = rest.substr(0, size);
      const bool fits = size == uid_size
                            ? is_uid(uid)
                            : uid.size() == size && std::all_of(uid.begin(), uid.end(), is_hex);
      if (!fits || !ends_uid(rest.substr(size))) continue;
      std::string result(uid);
      std::replace(result.begin(), result.end(), '_', '-');
      return result;
    }
  }
  return "";
}

std::string pod_uid_of_process(const std::string& proc_root, std::int64_t pid) {
  return pod_uid_in(read_file(fs::path(proc_root) / std::to_string(pid) / "cgroup"));
}

std::map<std::string, PodUsage> read_pod_usage(const std::string& cgroup_root,
                                               const std::set<std::string>& uids) {
  const fs::path root(cgroup_root);
  std::error_code ignored;
  const bool v2 = fs::exists(root / "cgroup.controllers", ignored);
  // Version 1 has a tree for each controller; that of the CPU time goes by either name.
  const auto cpu_root = v2                                      ? root
                        : fs::exists(root / "cpuacct", ignored) ? root / "cpuacct"
                                                                : root / "cpu,cpuacct";
  const auto cpu_groups = groups_in(cpu_root);
  const auto memory_groups = v2 ? cpu_groups : groups_in(root / "memory");
  std::map<std::string, PodUsage> usage;
  for (const auto& uid : uids) {
    const auto cpu_group = cpu_groups.find(uid);
    const auto memory_group = memory_groups.find(uid);
    if (cpu_group == cpu_groups.end() || memory_group == memory_groups.end()) continue;
    const auto cpu = v2 ? cpu_seconds_v2(cpu_group->second) : cpu_seconds_v1(cpu_group->second);
    const auto memory =
        v2 ? memory_bytes(memory_group->second, "memory.current", "inactive_file")
           : memory_bytes(memory_group->second, "memory.usage_in_bytes", "total_inactive_file");
    if (cpu && memory) usage.emplace(uid, PodUsage{*cpu, *memory});
  }
  return usage;
}

}  // namespace oppen::telemetry
