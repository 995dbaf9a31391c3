// The data: 8x8 images of handwritten digits, and how they are divided into what is learned and
// what is asked.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace oppen::digits_trainer {

constexpr std::size_t pixel_count = 64;
constexpr std::size_t class_count = 10;

struct Sample {
  std::array<double, pixel_count> pixels;  // 0 to 1
  std::size_t label;                       // 0 to 9
};

struct Split {
  std::vector<Sample> train;
  std::vector<Sample> test;
};

// The data set that is built in, as CSV: 64 pixel values of 0 to 16, then the digit.
std::string_view embedded_digits();

// Reads that CSV. On a bad line returns what is wrong with it (its number from 1, the value, what
// was expected) in `error` and an empty vector; `error` stays empty on success.
std::vector<Sample> parse_digits(std::string_view csv, std::string& error);

// Every fifth sample is asked, the others are learned. The same for every seed, so that runs
// compare.
Split split(const std::vector<Sample>& samples);

}  // namespace oppen::digits_trainer
