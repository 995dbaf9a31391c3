#pragma once
// What kinds of text the contract knows: names that Kubernetes must accept, and plain UTF-8. Pure
// functions, any thread.
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace oppen {

inline constexpr std::size_t max_id_length =
    50;  // of a job or batch id: "-<attempt>" must fit a pod's name

// Number of code points; nullopt when `text` is not well-formed UTF-8.
std::optional<std::size_t> utf8_length(std::string_view text);

// At most `limit` bytes of `text`, cut between characters and ended by "..." where it was longer.
// For messages.
std::string shortened(std::string_view text, std::size_t limit = 100);

// [a-z0-9]([-a-z0-9]*[a-z0-9])?, at most `max_length` characters.
bool is_dns_label(std::string_view text, std::size_t max_length = 63);
// DNS labels joined by dots, at most 253 characters.
bool is_dns_subdomain(std::string_view text);
// Empty, or at most 63 of [A-Za-z0-9_.-] that begin and end with a letter or digit.
bool is_label_value(std::string_view text);
// [DNS subdomain/]name, the name like a label value that is not empty.
bool is_label_key(std::string_view text);
// Whether the key's prefix is, or ends in, oppen.dev, kubernetes.io or k8s.io.
bool is_reserved_label_key(std::string_view key);
// [A-Za-z_][A-Za-z0-9_]*
bool is_env_name(std::string_view text);

}  // namespace oppen
