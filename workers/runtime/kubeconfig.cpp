#include "workers/runtime/kubeconfig.hpp"

#include <openssl/evp.h>
#include <yaml-cpp/yaml.h>

#include <cctype>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>

namespace oppen::runtime {
namespace {

// Ways to authenticate or connect that kubectl knows and this program doesn't.
constexpr const char* unsupported_user_keys[] = {"exec", "auth-provider", "username", "as"};
constexpr const char* unsupported_cluster_keys[] = {"proxy-url", "tls-server-name"};

std::optional<std::string> decode_base64(std::string text) {
  std::erase_if(text, [](unsigned char c) { return std::isspace(c); });
  if (text.empty() || text.size() % 4 != 0) return std::nullopt;
  std::string decoded(text.size() / 4 * 3, '\0');
  const int length = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(decoded.data()),
                                     reinterpret_cast<const unsigned char*>(text.data()),
                                     static_cast<int>(text.size()));
  if (length < 0) return std::nullopt;
  std::size_t padding = 0;
  while (padding < 2 && text[text.size() - 1 - padding] == '=') ++padding;
  decoded.resize(static_cast<std::size_t>(length) - padding);
  return decoded;
}

class Reader {
 public:
  explicit Reader(std::string path) : path_(std::move(path)) {}

  Result<Kubeconfig> read() {
    // YAML::LoadFile would throw the same exception for a missing file as for a malformed one.
    const auto text = read_secret_file(path_);
    if (!text) return fail(text.error());
    const YAML::Node root = YAML::Load(*text);
    if (!root.IsMap())
      return wrong("the file", "a map with the keys clusters, users and current-context");

    const std::string context_name = scalar(root, "current-context");
    if (context_name.empty()) return wrong("current-context", "the name of a context");
    const auto context = named(root, "contexts", "context", context_name);
    if (!context) return fail(context.error());
    const auto cluster = named(root, "clusters", "cluster", scalar(*context, "cluster"));
    if (!cluster) return fail(cluster.error());
    const std::string user_name = scalar(*context, "user");
    YAML::Node user(YAML::NodeType::Map);
    if (!user_name.empty()) {
      const auto found = named(root, "users", "user", user_name);
      if (!found) return fail(found.error());
      user = *found;
    }
    return combine(*cluster, user);
  }

 private:
  tl::unexpected<Error> wrong(const std::string& key, const std::string& expected) const {
    return fail(ErrorKind::invalid, "kubeconfig " + path_ + ": " + key + ": expected " + expected);
  }

  static std::string scalar(const YAML::Node& map, const std::string& key) {
    const YAML::Node value = map[key];
    return value && value.IsScalar() ? value.Scalar() : "";
  }

  // The entry of `list` with that name, e.g. users[name == "admin"].user.
  Result<YAML::Node> named(const YAML::Node& root, const std::string& list, const std::string& key,
                           const std::string& name) const {
    const YAML::Node entries = root[list];
    if (entries && entries.IsSequence()) {
      for (const YAML::Node& entry : entries) {
        if (!entry.IsMap() || scalar(entry, "name") != name) continue;
        const YAML::Node body = entry[key];
        if (body && body.IsMap()) return body;
      }
    }
    return wrong(list, "an entry named \"" + name + "\" with the key " + key);
  }

  Result<Kubeconfig> combine(const YAML::Node& cluster, const YAML::Node& user) const {
    for (const char* key : unsupported_cluster_keys) {
      if (cluster[key])
        return wrong(std::string("cluster.") + key, "none: this program doesn't support it");
    }
    for (const char* key : unsupported_user_keys) {
      if (user[key]) {
        return wrong(std::string("user.") + key,
                     "none: this program supports token, tokenFile and client certificates only");
      }
    }
    Kubeconfig config;
    config.server = scalar(cluster, "server");
    if (!config.server.starts_with("https://") && !config.server.starts_with("http://")) {
      return wrong("cluster.server",
                   "a URL such as https://127.0.0.1:6443, not \"" + config.server + "\"");
    }
    while (config.server.ends_with('/')) config.server.pop_back();
    config.tls.insecure = scalar(cluster, "insecure-skip-tls-verify") == "true";

    if (auto status = pem(cluster, "certificate-authority", config.tls.ca); !status)
      return fail(status.error());
    if (auto status = pem(user, "client-certificate", config.tls.certificate); !status)
      return fail(status.error());
    if (auto status = pem(user, "client-key", config.tls.key); !status) return fail(status.error());
    if (config.tls.certificate.empty() != config.tls.key.empty()) {
      return wrong("user", "client-certificate and client-key (or their -data forms) together");
    }
    config.token = scalar(user, "token");
    if (config.token.empty() && !scalar(user, "tokenFile").empty()) {
      config.token_file = resolved(scalar(user, "tokenFile"));
      if (auto token = read_secret_file(config.token_file); !token) return fail(token.error());
    }
    return config;
  }

  // `key`-data (base64) or else the file that `key` names; neither: `target` stays empty.
  Status pem(const YAML::Node& map, const std::string& key, std::string& target) const {
    if (const std::string data = scalar(map, key + "-data"); !data.empty()) {
      auto decoded = decode_base64(data);
      if (!decoded) return wrong(key + "-data", "base64 text");
      target = std::move(*decoded);
    } else if (const std::string file = scalar(map, key); !file.empty()) {
      auto content = read_secret_file(resolved(file));
      if (!content) return fail(content.error());
      target = std::move(*content);
    }
    return {};
  }

  std::string resolved(const std::string& file) const {
    return (std::filesystem::path(path_).parent_path() / file).string();
  }

  std::string path_;
};

}  // namespace

Result<Kubeconfig> read_kubeconfig(const std::string& path) {
  try {
    return Reader(path).read();
  } catch (const YAML::Exception& error) {
    return fail(ErrorKind::invalid, "kubeconfig " + path + ": expected YAML: " + error.what());
  }
}

Result<std::string> read_secret_file(const std::string& path) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (!file.is_open() || file.bad()) {
    return fail(ErrorKind::invalid,
                path + " can't be read: " + std::strerror(errno == 0 ? EIO : errno));
  }
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back()))) text.pop_back();
  if (text.empty()) return fail(ErrorKind::invalid, path + " is empty: expected its content");
  return text;
}

}  // namespace oppen::runtime
