#pragma once
// The example events of schemas/examples, for tests that go through all of them.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "schemas/event_types.hpp"

namespace oppen::test {

struct Example {
  const EventType* type = nullptr;
  std::string name;  // of the file, without ".json"
  nlohmann::json data;
};

// `kind` is "valid" or "invalid".
inline std::vector<Example> examples(const char* kind) {
  std::vector<Example> found;
  for (const EventType& type : event_types()) {
    const std::string folder(type.type.substr(std::string_view("dev.oppen.").size()));
    for (const auto& file : std::filesystem::directory_iterator(std::string(OPPEN_EXAMPLES) + "/" +
                                                                folder + "/" + kind)) {
      std::ifstream in(file.path());
      found.push_back({&type, file.path().stem().string(), nlohmann::json::parse(in)});
    }
  }
  return found;
}

}  // namespace oppen::test
