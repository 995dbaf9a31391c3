#include "deploy/images/digits-trainer/dataset.hpp"

#include <charconv>

namespace oppen::digits_trainer {
namespace {

constexpr int max_pixel = 16;

// Takes the next comma-separated integer of 0 to `most` off `line`; on failure says so in `error`
// and returns 0.
int take_number(std::string_view& line, int most, std::string& error) {
  const std::string_view field = line.substr(0, line.find(','));
  line.remove_prefix(std::min(line.size(), field.size() + 1));
  int value = -1;
  const auto [end, code] = std::from_chars(field.data(), field.data() + field.size(), value);
  if (code == std::errc{} && end == field.data() + field.size() && value >= 0 && value <= most)
    return value;
  error = "'" + std::string(field) + "' is not a whole number of 0 to " + std::to_string(most);
  return 0;
}

Sample parse_line(std::string_view line, std::string& error) {
  Sample sample{};
  for (double& pixel : sample.pixels) {
    pixel = static_cast<double>(take_number(line, max_pixel, error)) / max_pixel;
    if (!error.empty()) return sample;
  }
  const std::string_view label = line.substr(0, line.find(','));
  if (label.size() != line.size())
    error = "it has more than 65 columns";
  else
    sample.label = static_cast<std::size_t>(take_number(line, class_count - 1, error));
  return sample;
}

}  // namespace

std::vector<Sample> parse_digits(std::string_view csv, std::string& error) {
  std::vector<Sample> samples;
  for (std::size_t number = 1; !csv.empty(); ++number) {
    std::string_view line = csv.substr(0, csv.find('\n'));
    csv.remove_prefix(std::min(csv.size(), line.size() + 1));
    if (line.ends_with('\r')) line.remove_suffix(1);
    samples.push_back(parse_line(line, error));
    if (!error.empty()) {
      error.insert(0, "line " + std::to_string(number) + ": ");
      error += " (expected 64 pixel values of 0 to 16, then the digit)";
      return {};
    }
  }
  return samples;
}

Split split(const std::vector<Sample>& samples) {
  Split parts;
  for (std::size_t i = 0; i < samples.size(); ++i)
    (i % 5 == 4 ? parts.test : parts.train).push_back(samples[i]);
  return parts;
}

}  // namespace oppen::digits_trainer
