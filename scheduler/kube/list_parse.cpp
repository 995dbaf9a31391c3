#include "scheduler/kube/list_parse.hpp"

#include "scheduler/kube/json_read.hpp"

namespace oppen::kube {

Result<ListPage> parse_list(std::string_view body,
                            const std::function<void(const Json&)>& on_item) {
  constexpr int item_depth = 2;  // the list is at 0, its members at 1
  std::string member_of_list;
  const auto keep = [&](int depth, Json::parse_event_t event, Json& parsed) {
    if (event == Json::parse_event_t::key) {
      if (depth == 1) member_of_list = parsed.get<std::string>();
      return parsed != "managedFields";  // a third of a pod, and of no use here
    }
    if (event == Json::parse_event_t::object_end && depth == item_depth &&
        member_of_list == "items") {
      on_item(parsed);
      return false;
    }
    return true;
  };
  const Json list = Json::parse(body, keep, false);
  const Json& metadata = member(list, "metadata");
  ListPage page{text(metadata, "resourceVersion"), text(metadata, "continue")};
  if (page.resource_version.empty()) {
    return fail(ErrorKind::invalid,
                "the answer is no Kubernetes list with a metadata.resourceVersion");
  }
  return page;
}

std::string escaped(const std::string& token) {
  std::string text;
  for (const char c : token) {
    if (c == '+') {
      text += "%2B";
    } else if (c == '/') {
      text += "%2F";
    } else if (c == '=') {
      text += "%3D";
    } else {
      text += c;
    }
  }
  return text;
}

}  // namespace oppen::kube
