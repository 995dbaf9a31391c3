#pragma once
// One page of a Kubernetes list, an item at a time: a page of 500 pods is megabytes of JSON, of
// which little matters.
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "schemas/error.hpp"

namespace oppen::kube {

struct ListPage {
  std::string resource_version;
  std::string continue_token;  // "": this was the last page
};

// A continue token is base64 text, of which a query must escape what follows.
std::string escaped(const std::string& token);

// Calls `on_item` for each item in order; it is gone afterwards. Errors: invalid, when it isn't a
// list.
Result<ListPage> parse_list(std::string_view body,
                            const std::function<void(const nlohmann::json&)>& on_item);

}  // namespace oppen::kube
