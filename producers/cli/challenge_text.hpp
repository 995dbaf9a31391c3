#pragma once
// The optimisation challenge as a person reads it. Pure functions, any thread.
#include <string>

#include "producers/challenge/challenge.hpp"

namespace oppen::cli {

// `prices_from`: a sentence.
std::string challenge_text(const challenge::Result& result, const challenge::Workload& workload,
                           const std::string& prices_from, int width);

// The model beside what NVIDIA has published.
std::string published_text(int width);

}  // namespace oppen::cli
